"""Estimates of paper C: small tables known by hand, of whoever fitted."""

import math

import numpy as np
import pytest
from hand_made import NAN, array, values

from helpers.claims.registry import load_registry
from helpers.estimates import crossed_interval, mean_interval, ratio_interval
from helpers.estimates.intervals import bootstrap_interval, proportion_interval
from helpers.papers.identity import LayerViews, Maps, estimates
from helpers.papers.identity.fitted import (
    UNDEFINED,
    crossed_over_fitted,
    geometric_over_fitted,
    over_fitted,
    ratio_over_fitted,
)


def counts(found):
    return {name: estimate.n for name, estimate in found.items()}


def undefined(estimate):
    """Whether an estimate says that nothing fitted."""
    return math.isnan(estimate.value) and estimate[1:] == (-math.inf, math.inf, 0)


def maps_of(constant, identity, *, settings, correlations=(0.0,), errors=None):
    """Maps from tables (network, setting, correlation); NaN did not fit."""
    constant, identity = np.array(constant, float), np.array(identity, float)
    errors = errors or (1 - identity, 1 - constant)
    fitted = ~np.isnan(constant).any(2)
    return Maps(settings, correlations, identity, constant, *errors, fitted)


# Over whoever fitted


def test_means_are_over_the_networks_that_fitted():
    assert over_fitted([0.2, NAN, 0.6, 0.1]) == mean_interval([0.2, 0.6, 0.1])
    assert over_fitted([0.2, 0.6]) == mean_interval([0.2, 0.6])
    assert over_fitted([NAN, 0.3]) == (0.3, -math.inf, math.inf, 1)
    diverged = over_fitted([0.2, math.inf, NAN])  # is no network that did not fit
    assert math.isnan(diverged.value) and diverged.n == 2
    for none in ([NAN, NAN], []):
        assert undefined(over_fitted(none)) and undefined(UNDEFINED)
        assert undefined(ratio_over_fitted(none, [1.0] * len(none)))
        value, low, high, n = geometric_over_fitted(none)
        assert math.isnan(value) and (low, high, n) == (0, math.inf, 0)


def test_geometric_means_are_those_of_the_logarithms():
    """By hand: the middle of 0.01 and 1 is 0.1, of three equal ones each."""
    assert geometric_over_fitted([0.01, NAN, 1.0]).value == pytest.approx(0.1)
    found = geometric_over_fitted([0.3, 0.3, 0.3])
    assert found == pytest.approx((0.3, 0.3, 0.3, 3))
    some = [0.1, 0.4, 0.2]
    expected = np.exp(mean_interval(np.log(some))[:3])
    assert geometric_over_fitted(some)[:3] == pytest.approx(expected)


def test_ratios_are_of_means_over_pairs_that_both_fitted():
    found = ratio_over_fitted([1.0, 2.0, NAN, 3.0], [2.0, NAN, 4.0, 6.2])
    assert found == ratio_interval([1.0, 3.0], [2.0, 6.2])
    assert found.value == pytest.approx(4 / 8.2) and found.n == 2
    assert undefined(ratio_over_fitted([1.0, NAN], [NAN, 1.0]))


# Depth


def test_depth_counts_against_width_in_linear_networks():
    """Three networks rise by 0.4, 0.6 and, not fitted, by nothing known."""
    narrow = {1: array(0.2, 0.1, 0.3), 5: array(0.6, 0.7, NAN), 9: array(1, 1, 1)}
    wide = {1: array(0.3, 0.05, 0.3), 5: array(0, 0, 0)}
    found = estimates.linear_depth(narrow, wide)
    assert found == {
        "constant_correlation_rise_with_depth": mean_interval(
            array(0.6, 0.7) - array(0.2, 0.1)
        ),
        "depth_effect_minus_width_effect": mean_interval(
            array(0.6, 0.7) - array(0.2, 0.1) - np.abs(array(0.3, 0.05) - (0.2, 0.1))
        ),
    }
    assert [*values(found).values()] == pytest.approx([0.5, (0.3 + 0.55) / 2])


def test_two_layers_are_held_against_one_and_nine_against_one():
    found = estimates.two_layers(array(0.5, 0.7, 0.9), array(0.1, NAN, 0.2))
    assert [*values(found).values()] == pytest.approx([(0.4 + 0.7) / 2, 0.15])
    assert [*counts(found).values()] == [2, 2]
    # ReLU networks from one to nine hidden layers
    constant = {1: array(0.1, 0.2), 5: array(0, 0), 9: array(0.6, 0.8), 11: array(0, 0)}
    found = estimates.relu_depth(constant)
    assert [*values(found).values()] == pytest.approx([0.55, 0.7])


def activation_maps(constant, identity):
    """Two depths and correlations; those at 1.0, the first column, do not count."""
    other = np.full_like(np.array(constant, float), 0.77)
    tables = (np.stack([other, table], axis=2) for table in (constant, identity))
    return maps_of(*tables, settings=(1, 3), correlations=(1.0, 0.0))


def test_relu_and_linear_networks_are_compared_on_orthogonal_inputs():
    relu = activation_maps([[0.4, 0.8], [0.5, 0.7]], [[0.1, 0.1], [0.1, 0.3]])
    linear = activation_maps([[0.2, 0.4], [0.1, 0.3]], [[0.3, 0.5], [0.2, 0.2]])
    found = estimates.activations(relu, linear)
    assert found == {
        "relu_minus_linear_constant_correlation": pytest.approx(
            mean_interval([0.3, 0.4])
        ),
        "identity_correlation_orthogonal": found["identity_correlation_orthogonal"],
    }
    larger = mean_interval([0.4, 0.2], confidence=1 - 0.05 / 2)  # of two
    copied = found["identity_correlation_orthogonal"]
    assert (copied.value, copied.high) == pytest.approx((larger.value, larger.high))
    turned = estimates.activations(linear, relu)  # the larger identity of either counts
    name = "identity_correlation_orthogonal"
    assert turned[name] == found[name]


@pytest.mark.parametrize("lost", [0, 1])
def test_activations_of_which_one_never_fits_leave_the_identity_undefined(lost):
    """Whichever of both it is: what is not known cannot be the smaller one."""
    known = activation_maps([[0.4, 0.8]], [[0.1, 0.1]])
    pair = [known, known]
    pair[lost] = activation_maps([[0.4, NAN]], [[0.1, NAN]])
    found = estimates.activations(*pair)
    assert {n: undefined(e) for n, e in found.items()} == dict.fromkeys(found, True)


def test_shallow_convnets_copy_digits_and_the_deepest_repeats():
    """Shallow is up to five layers; the second network did not fit at depth 5."""
    identity = {1: array(0.9, 0.9), 5: array(0.7, NAN), 6: array(0, 0), 9: [0.1, 0.2]}
    constant = {1: array(0, 0), 5: array(0, 0), 6: array(0, 0), 9: array(0.8, 0.6)}
    found = estimates.digits_by_depth(identity, constant)
    assert values(found) == pytest.approx(
        {
            "identity_correlation_shallow": 0.8,
            "constant_correlation_deepest": 0.7,
            "identity_correlation_fall_with_depth": 0.7,
        }
    )
    assert [*counts(found).values()] == [1, 2, 1]


def test_networks_of_up_to_nine_layers_generalize_where_the_worst_depth_does():
    """Depth 14 does not count; the second network did not fit at depth 5."""
    identity = {1: array(1, 1), 5: array(0.7, NAN), 9: array(0.8, 0.9), 14: [0, 0]}
    constant = {d: array(0.5, 0.7) for d in identity}
    found = estimates.generalization(identity, constant)
    assert [*values(found).values()] == pytest.approx([0.7, 0.25])
    assert [*counts(found).values()] == [1, 2]


# (network, setting, correlation): two networks, depths 1, 5 and 9, rho 0 and 1.
COPIED = [[[0.9, 1.0], [0.5, 0.8], [0.2, 0.3]], [[0.7, 0.9], [0.9, 0.7], [0.1, 0.4]]]
REPEATED = [[[0.0, 0.9], [0.3, 0.9], [0.9, 0.8]], [[0.1, 0.9], [0.2, 1.0], [0.6, 0.7]]]


def convnet_maps(constant=REPEATED, identity=COPIED):
    fields = {"settings": (1, 5, 9), "correlations": (0.0, 1.0)}
    return maps_of(constant, identity, **fields)


def test_maps_of_convnets_copy_repeat_and_do_neither():
    """Shallow means (0.7, 0.9) and (0.8, 0.8); larger ones (0.9, 0.5, 0.9), ..."""
    maps = convnet_maps()
    found = estimates.convnet_maps(maps)
    assert estimates.convnet_maps(maps.of(*reversed(maps.settings))) == found
    assert values(found) == pytest.approx(
        {
            "identity_correlation_shallow_lowest": (0.7 + 0.8) / 2,
            "constant_correlation_deepest_lowest": (0.8 + 0.6) / 2,
            "larger_correlation_in_the_middle": (0.5 + 0.6) / 2,
        }
    )
    assert {*counts(found).values()} == {2}


def test_a_depth_at_which_a_network_did_not_fit_leaves_what_it_is_part_of_to_others():
    tables = []
    for table in (REPEATED, COPIED):
        tables.append(np.array(table))
        tables[-1][1, 1] = NAN  # of the second network, at five layers
    found = estimates.convnet_maps(convnet_maps(*tables))
    assert values(found) == pytest.approx(
        {
            "identity_correlation_shallow_lowest": 0.7,
            "constant_correlation_deepest_lowest": 0.7,
            "larger_correlation_in_the_middle": (0.5 + 0.6) / 2,
        }
    )
    assert [*counts(found).values()] == [1, 2, 2]


def ranked(constant_error, identity_error, constant=None):
    """Maps of two networks, one setting and four correlations."""
    rising = [[[0.1, 0.2, 0.3, 0.4]]] * 2
    errors = np.array(identity_error, float), np.array(constant_error, float)
    fields = {"settings": (1,), "correlations": (0.0, 0.2, 0.4, 0.6)}
    return maps_of(constant or rising, rising, errors=errors, **fields)


FALLING, NEARLY = [4.0, 3.0, 2.0, 1.0], [4.0, 3.0, 1.0, 2.0]  # ranks by -1, by -0.8


def test_the_weaker_of_both_maps_tells_whether_errors_rank_like_correlations():
    found = estimates.same_pattern(
        ranked([[FALLING], [FALLING]], [[FALLING], [NEARLY]])
    )
    assert found == pytest.approx(mean_interval([-1, -0.8]))
    swapped = estimates.same_pattern(
        ranked([[FALLING], [NEARLY]], [[FALLING], [FALLING]])
    )
    assert swapped == pytest.approx(found)
    holed = [[[NAN, 0.2, 0.3, 0.4]]] * 2  # cells of which one is undefined are left out
    found = estimates.same_pattern(
        ranked([[[9.0, 3, 2, 1]]] * 2, [[FALLING]] * 2, holed)
    )
    assert found == (pytest.approx(-1), -math.inf, math.inf, 2)  # equal, and too few


@pytest.mark.parametrize(
    "row", [[NAN] * 4, [0.1, 0.2, NAN, NAN], [0.1] * 4], ids=["none", "two", "level"]
)
def test_too_few_cells_or_equal_ones_have_no_ranks(row):
    """Two always rank alike; the other network is counted alone."""
    constant = [[row], [[0.1, 0.2, 0.3, 0.4]]]
    found = estimates.same_pattern(ranked([[FALLING]] * 2, [[FALLING]] * 2, constant))
    assert found.n == 1 and found.value == pytest.approx(-1)


def test_a_quantity_is_ranked_with_its_setting_in_every_network():
    """By hand: 1 - 6 (1 + 1) / (4 * 15) where two neighbours are exchanged."""
    table = [[0.1, 0.2, 0.3, 0.4], [0.1, 0.3, 0.2, 0.4], [0.4, 0.3, 0.2, NAN]]
    found = estimates.rank_by_setting(np.array(table), [5, 7, 15, 29])
    assert found == pytest.approx(mean_interval([1, 0.8, -1]).within(-1, 1))
    alone = estimates.rank_by_setting(np.array([[0.1, NAN, NAN, 2.0]]), [5, 7, 15, 29])
    assert undefined(alone)


# What else decides


def test_other_sizes_are_the_largest_and_the_smallest():
    identity = {7: array(0.5, 0.3), 14: array(0.9, NAN), 56: array(0.8, 0.6)}
    found = estimates.other_sizes(identity, 14)
    assert [*values(found).values()] == pytest.approx([0.7, 0.4])
    assert [*counts(found).values()] == [2, 1]


def test_ranges_are_shares_of_sizes_above_four_fifths():
    """The constant map holds at 1 of 3 and 2 of 3 sizes, the identity at 3 and 2."""
    constant = {7: array(0.9, 0.9), 14: array(0.7, 0.9), 28: array(0.8, 0.1)}
    identity = {7: array(0.9, 0.2), 14: array(0.9, 0.9), 28: array(0.9, 0.9)}
    found = estimates.ranges(constant, identity)
    assert found == ratio_interval(array(1, 2) / 3, array(3, 2) / 3)
    assert found.value == pytest.approx(3 / 5)
    constant[14][1] = NAN  # takes its network out
    assert estimates.ranges(constant, identity) == ratio_interval([1 / 3], [1.0])
    none = {7: array(NAN, NAN)}
    assert undefined(estimates.ranges(none, identity))
    assert undefined(estimates.ranges(identity, none))


def test_ranges_begin_at_the_training_size():
    constant = {7: array(0.9, 0.9), 14: array(0.7, 0.9), 28: array(0.8, 0.1)}
    identity = {7: array(0.9, 0.2), 14: array(0.8, NAN), 28: array(0.9, 0.9)}
    found = estimates.ranges_from_own(constant, identity, 14)
    assert found == {
        "constant_correlation_own_size": mean_interval([0.7, 0.9]),
        "identity_correlation_own_size": mean_interval([0.8]),
        "constant_range_over_identity_range": estimates.ranges(constant, identity),
    }


def test_small_images_are_repeated_more_and_large_ones_copied_more():
    """Means over depth and correlation; the middle size does not count."""
    level = {"settings": (1, 5), "correlations": (0.0, 1.0)}
    cells = np.array([[0.1, -0.1], [0.2, -0.2]])

    def table(*means):
        return np.array([mean + cells for mean in means])

    maps = {
        10: maps_of(table(0.0, 0.0), table(9.0, 9.0), **level),
        14: maps_of(table(0.3, 0.2), table(0.7, 0.8), **level),
        7: maps_of(table(0.6, 0.4), table(0.4, 0.7), **level),
    }
    found = estimates.sizes(maps)
    assert [*values(found).values()] == pytest.approx([0.25, 0.2])
    assert {*counts(found).values()} == {2}


# Two networks; their means over two correlations are those of each row.
CHANGED = {5: (0.2, 0.3), 7: (0.3, 0.5), 15: (0.15, 0.25), 17: (0.9, 0.9), 29: (1, 0.9)}


def kernel_maps(changed):
    means = np.array(list(changed.values()), float).T[..., None] + (0.05, -0.05)
    fields = {"settings": tuple(changed), "correlations": (0.0, 1.0)}
    return maps_of(means, means, **fields)


def test_filters_are_moderate_up_to_half_of_the_image():
    """7 and 15 of 28 pixels, by 0.15 and by -0.05; of 32 pixels also 17."""
    found = estimates.filters(kernel_maps(CHANGED), 28)
    assert values(found) == pytest.approx(
        {
            "constant_correlation_change_moderate_filters": 0.15,
            "constant_correlation_change_largest_filter": 0.7,
            "constant_correlation_largest_filter_minus_half": 0.75,
        }
    )
    wider = values(estimates.filters(kernel_maps(CHANGED), 32))
    assert [*wider.values()] == pytest.approx([0.65, 0.7, 0.05])
    falling = kernel_maps(CHANGED | {15: (0.0, 0.1)})  # the largest keeps its sign
    moderate, *_ = values(estimates.filters(falling, 28)).values()
    assert moderate == pytest.approx(-0.2)
    none = estimates.filters(kernel_maps({5: (0.2, 0.3), 29: (1, 0.9)}), 8)
    moderate, *largest = none.values()
    assert undefined(moderate) and [e.value for e in largest] == pytest.approx(
        [0.7] * 2
    )


@pytest.mark.parametrize("lost", [7, 15])
def test_a_moderate_filter_that_never_fits_leaves_the_largest_change_undefined(lost):
    """Whichever of both it is: its change may be the largest."""
    found = estimates.filters(kernel_maps(CHANGED | {lost: (NAN, NAN)}), 28)
    assert undefined(found["constant_correlation_change_moderate_filters"])


def test_wide_networks_are_held_against_three_channels():
    identity = {3: array(0.2, 0.4, NAN), 8: array(0, 0, 0), 128: array(0.8, 0.9, 0.7)}
    trained = {3: array(0.9, 0.8, NAN), 8: array(0, 0, 0), 128: array(1, 1, 1)}
    found = estimates.channels(identity, trained)
    assert [*values(found).values()] == pytest.approx([0.55, 0.8, 0.85])
    assert [*counts(found).values()] == [2, 3, 2]


def test_maps_of_channels_are_means_of_which_the_lowest_wide_one_counts():
    """Settings 32 and 128 are wide; of 8 channels nothing is asked."""
    means = np.array([[0.3, 0.1, 0.8, 0.7], [0.5, 0.1, 0.6, 0.9]])[..., None]
    tables = means + np.array([0.1, -0.1])
    fields = {"settings": (3, 8, 32, 128), "correlations": (0.0, 1.0)}
    found = estimates.channel_maps(maps_of(tables, tables, **fields))
    assert [*values(found).values()] == pytest.approx([0.4, 0.65])


def test_networks_of_many_images_are_judged_on_learnt_and_random_ones():
    kinds = {"learnt": array(0.9, 1), "test": array(0, 0), "random": array(0.3, NAN)}
    found = estimates.many_images(kinds)
    assert [*values(found).values()] == pytest.approx([0.95, 0.3])
    assert [*counts(found).values()] == [2, 1]


def test_shares_of_trained_networks_are_beyond_eight_layers_and_up_to_eight():
    fitted = {
        5: np.array([True, True]),
        8: np.array([True, False]),
        9: np.array([False, False]),
        12: np.array([True, False]),
    }
    found = estimates.trained_shares(fitted)
    assert found == {
        "share_trained_beyond_8_layers": proportion_interval(1, 4),
        "share_trained_up_to_8_layers": proportion_interval(3, 4),
    }
    shallow = estimates.trained_shares({5: np.array([True])})
    assert undefined(shallow["share_trained_beyond_8_layers"])


def test_the_spread_is_over_networks_drawn_in_pairs():
    narrow = np.random.default_rng(0).random((12, 3))
    assert estimates.spread_ratio(narrow, narrow / 4)[:3] == pytest.approx((4, 4, 4))
    # Deviations of 3 and 4 over the layers, of 1 and 1: sqrt((9 + 16) / (1 + 1)).
    by_hand = (
        np.array([[10.0, 54], [7, 50], [4, 46]]),
        np.array([[1.0, 2], [2, 1], [0, 0]]),
    )
    assert estimates.spread_ratio(*by_hand).value == pytest.approx(math.sqrt(25 / 2))
    both = np.stack([narrow, narrow[::-1] ** 2], axis=1)

    def ratio(cases):
        few, many = (cases[:, k].var(0, ddof=1).mean() for k in (0, 1))
        return math.sqrt(few / many)

    expected = bootstrap_interval(both, ratio)
    found = estimates.spread_ratio(both[:, 0], both[:, 1])
    assert found == pytest.approx(expected)


# Inside


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([0.9, 0.2, 0.4, 0.8, 0.5, 0.1], 0.6),  # falls to 0.2, comes back to 0.8
        ([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], 0.0),  # never comes back
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 0.5),  # only rises
        ([0.2, 0.9, 0.3, 0.5, 0.1], 0.3),  # of five layers the last three
        ([0.9, 0.1, 0.3, 0.0, 0.2], 0.2),  # the lowest one above does not count
    ],
)
def test_views_recover_from_their_lowest_to_the_best_of_the_upper_half(row, expected):
    rows = np.array([row, row])
    np.testing.assert_allclose(estimates.recovery(rows), [expected] * 2, atol=1e-12)


def views(to_input, to_target):
    return LayerViews(None, np.array(to_input, float), np.array(to_target, float))


def test_three_convnets_layer_by_layer():
    """Whatever their order: 7 layers are shallow, 14 middle and 20 deep."""
    some = {
        20: views([[0, 0]] * 2, [[0.9, 0.7], [0.8, 0.9]]),
        7: views([[1, 1]] * 2, [[0, 0]] * 2),
        14: views([[0.2, 0.8], [0.5, 0.9]], [[0, 0]] * 2),
    }
    identity = {7: array(0.9, NAN), 14: array(0, 0), 20: array(0, 0)}
    constant = {7: array(0, 0), 14: array(0, 0), 20: array(0.7, 0.9)}
    found = estimates.layer_recovery(some, identity, constant)
    assert values(found) == pytest.approx(
        {
            "shallow_output_identity_correlation": 0.9,
            "middle_recovery": 0.5,
            "deep_output_constant_correlation": 0.8,
            "deep_lowest_view_correlation": 0.75,
        }
    )
    assert [*counts(found).values()] == [1, 2, 2, 2]


def read_wrongly(*networks):
    """(network, 1 + layer, image): of ten images the first ones, by rates of errors."""
    rates = np.array(networks)[..., None]
    return (np.arange(10) < (10 * rates).round()).astype(float)


def test_a_classifier_of_layers_is_read_where_the_paper_does():
    """Errors begin with the pixels': of eight layers the last two are beyond six."""
    untrained = read_wrongly([0.1] * 7 + [0.8, 0.6], [0.1] * 7 + [0.5, 0.5])
    missed = {
        3: read_wrongly([0.1, 0.5, 0.5, 0.2], [0.1, 0.5, 0.5, 0.1]),
        5: read_wrongly([0.1, 0, 0, 0, 0, 0.4], [0.2, 0, 0, 0, 0, 0.2]),
        6: read_wrongly([0.9, 0.3, 0.6, 0.4, 0, 0, 0.2], [0.9, 0.5, 0, 0, 0, 0, 0.2]),
        8: read_wrongly([0.1] * 8 + [0.9], [0.1] * 8 + [0.8]),
    }
    found = estimates.classifier(missed, untrained)
    assert values(found) == pytest.approx(
        {
            "random_error_beyond_layer_6": (0.7 + 0.5) / 2,
            "shallow_output_error_minus_raw": ((0.1 + 0.3) / 2 + 0) / 2,
            "middle_concavity": (0.4 + 0.3) / 2,
            "deepest_output_error": 0.85,
        }
    )
    assert {*counts(found).values()} == {2}
    missed = {d: read_wrongly([0.5] * (d + 1), [0.5] * (d + 1)) for d in (3, 6)}
    found = estimates.classifier(missed, read_wrongly([0.5] * 7))
    # None is deep enough, or in the middle.
    assert [*map(undefined, found.values())] == [True, False, True, False]


def test_the_error_of_a_classifier_is_over_networks_and_images():
    """Where all networks err on the same images, these still are a sample."""
    missed = {8: read_wrongly(*[[0.5] * 9] * 3), 9: read_wrongly(*[[0.9] * 10] * 3)}
    missed[9][1, :, 0] = NAN  # did not fit
    found = estimates.classifier(missed, read_wrongly(*[[0.8] * 10] * 3))
    deepest = found["deepest_output_error"]
    assert deepest == crossed_interval(missed[9][[0, 2], -1])
    assert deepest.n == 2 and deepest.high - deepest.low > 0.4
    one = crossed_over_fitted(missed[9][:2, -1])  # one network alone has no interval
    assert one == (0.9, -math.inf, math.inf, 1)
    assert undefined(crossed_over_fitted(missed[9][1:2, -1]))


@pytest.mark.parametrize(
    ("values", "turn", "expected"),
    [
        ([0.9, 0.7, 0.3, 0.1], 6.0, 0.8 - 0.2),
        ([0.9, 0.7, 0.3, 0.1], 5.0, 0.8 - 0.2),  # at its depth it has not turned
        ([0.9, NAN, 0.3, 0.1], 6.0, 0.9 - 0.2),
        ([0.9, 0.7, NAN, NAN], 6.0, NAN),
        ([0.9, 0.7, 0.3, 0.1], 1.0, NAN),
        ([0.9, 0.7, 0.3, 0.1], 20.0, NAN),
        ([0.9, 0.7, 0.3, 0.1], NAN, NAN),
    ],
)
def test_before_a_transition_is_held_against_beyond_it(values, turn, expected):
    by_depth = {d: array(v, 0.5) for d, v in zip((2, 5, 7, 9), values, strict=True)}
    found = estimates.before_minus_beyond(by_depth, array(turn, 6))
    np.testing.assert_allclose(found, [expected, 0], atol=1e-12)
    before, beyond = estimates.around(by_depth, array(turn, 6))
    assert before[1] == beyond[1] == 0.5
    np.testing.assert_allclose(before - beyond, found)


def test_a_switch_is_before_the_transition_and_not_beyond_it():
    found = estimates.switch(array(0.9, 0.7, NAN), array(0.2, 0.4, NAN))
    assert [*values(found).values()] == pytest.approx([0.5, 0.8, 0.3])
    assert {*counts(found).values()} == {2}


def transitions(*medians):
    """Settings of three networks each, of which one did not fit."""
    return [array(median - 1, median + 1, NAN) for median in medians]


def test_the_median_transition_lies_between_order_statistics_of_the_settings():
    """Of nine settings between the second and the eighth: 1 - 20 / 512 of all cases."""
    found = estimates.transition_median(transitions(7, 3, 5, 9, 2, 4, 8, 6, 1))
    assert found == (5, 2, 8, 9)
    six = estimates.transition_median(transitions(1, 2, 3, 4, 5, 8))
    assert six == (3.5, 1, 8, 6)
    five = estimates.transition_median([*transitions(1, 2, 3, 4, 5), array(NAN)])
    assert five == (3, -math.inf, math.inf, 5)  # min and max miss 1 of 16
    assert undefined(estimates.transition_median([array(NAN, NAN)]))


def test_settings_that_turn_beyond_the_deepest_count_as_large():
    late = [array(math.inf, 9.0, math.inf), array(math.inf)]
    one = estimates.transition_median([*transitions(1, 2, 3, 4, 5, 6, 7, 8), late[0]])
    assert one == (5, 2, 8, 9)
    two = estimates.transition_median([*transitions(1, 2, 3, 4, 5, 6, 7), *late])
    assert two == (5, 2, math.inf, 9)
    most = estimates.transition_median([late[0]] * 9)
    assert most == (math.inf, math.inf, math.inf, 9)


def test_the_upper_half_is_held_against_the_top_three():
    found = estimates.upper_half(array(0.2, 0.3, NAN), array(0.6, 0.9, 0.9))
    assert [*values(found).values()] == pytest.approx([0.8, 0.5])
    assert [*counts(found).values()] == [3, 2]


def test_lower_layers_are_the_lower_half_of_the_deepest_and_of_four_or_more():
    """Of five layers two, of eight four; three layers are too few to have halves."""
    changes = {
        3: np.full((2, 3), 9.0),
        8: np.array([[0.1, 0.1, 0.3, 0.3, 9, 9, 9, 0.04], [0.4] * 7 + [0.01]]),
        5: np.array([[0.5, 0.7, 9, 9, 9], [0.4, 0.4, 9, 9, 9]]),
    }
    found = estimates.lower_layers(changes)
    share = found["lower_layers_change_deep_over_shallow"]
    assert share == ratio_interval(array(0.2, 0.4), array(0.6, 0.4))
    assert share.value == pytest.approx(0.6)
    assert found["smallest_change_deepest"].value == pytest.approx(0.02)
    assert {*found} == {*load_registry()["C16"].names}
    more = estimates.lower_layers({**changes, 8: np.vstack([changes[8], [0.7] * 8])})
    assert more["lower_layers_change_deep_over_shallow"] == share
    assert more["smallest_change_deepest"].n == 3
    none = estimates.lower_layers({d: np.full((2, d), NAN) for d in (5, 9)})
    assert undefined(none["lower_layers_change_deep_over_shallow"])
    smallest = none["smallest_change_deepest"]
    assert math.isnan(smallest.value) and smallest.n == 0


def test_the_deepest_are_held_against_the_shallowest():
    some = {9: array(0.2, 0.4, 0.6), 1: array(0.5, NAN, 1.5), 5: array(0, 0, 0)}
    found = estimates.deepest_over_shallowest(some)
    assert found == ratio_interval(array(0.2, 0.6), array(0.5, 1.5))


# Nothing fitted


LOST = array(NAN, NAN)
LOST_MAPS = maps_of(
    np.full((2, 4, 3), NAN),
    np.full((2, 4, 3), NAN),
    settings=(3, 5, 7, 32),
    correlations=(0.0, 0.5, 1.0),
)
BY_DEPTH = dict.fromkeys((1, 3, 5, 9, 14), LOST)
LOST_VIEWS = dict.fromkeys((7, 14, 18), views([[NAN] * 4] * 2, [[NAN] * 4] * 2))
LOST_ERRORS = {d: np.full((2, d + 1, 4), NAN) for d in (3, 7, 9)}

# What each function serves, and its answer where no network fitted.
SETS = {
    "linear_depth": ({"C2"}, lambda e: e.linear_depth(BY_DEPTH, BY_DEPTH)),
    "two_layers": ({"C3"}, lambda e: e.two_layers(LOST, LOST)),
    "relu_depth": ({"C4"}, lambda e: e.relu_depth(BY_DEPTH)),
    "activations": ({"C5"}, lambda e: e.activations(LOST_MAPS, LOST_MAPS)),
    "digits_by_depth": ({"C6"}, lambda e: e.digits_by_depth(BY_DEPTH, BY_DEPTH)),
    "convnet_maps": ({"C7"}, lambda e: e.convnet_maps(LOST_MAPS)),
    "layer_recovery": (
        {"C8"},
        lambda e: e.layer_recovery(LOST_VIEWS, *[dict.fromkeys(LOST_VIEWS, LOST)] * 2),
    ),
    "classifier": (
        {"C9"},
        lambda e: e.classifier(LOST_ERRORS, np.zeros((2, 0, 4))),
    ),
    "other_sizes": ({"C10", "C22", "C22-sizes"}, lambda e: e.other_sizes(BY_DEPTH, 5)),
    "sizes": ({"C13"}, lambda e: e.sizes({7: LOST_MAPS, 14: LOST_MAPS})),
    "filters": ({"C14", "C25"}, lambda e: e.filters(LOST_MAPS, 14)),
    "channels": ({"C15"}, lambda e: e.channels(BY_DEPTH, BY_DEPTH)),
    "upper_half": ({"C24"}, lambda e: e.upper_half(LOST, LOST)),
    "channel_maps": ({"C27", "C27-eight"}, lambda e: e.channel_maps(LOST_MAPS)),
    "switch": ({"C12-switch", "C23-switch"}, lambda e: e.switch(LOST, LOST)),
    "ranges_from_own": ({"C11-size"}, lambda e: e.ranges_from_own(*[BY_DEPTH] * 2, 5)),
    "generalization": ({"C-ten"}, lambda e: e.generalization(BY_DEPTH, BY_DEPTH)),
    "many_images": (
        {"C-many"},
        lambda e: e.many_images({"learnt": LOST, "random": LOST}),
    ),
    "trained_shares": ({"C28"}, lambda e: e.trained_shares({})),
}


def test_single_estimates_are_undefined_where_none_fitted():
    for found in (
        estimates.ranges(BY_DEPTH, BY_DEPTH),
        estimates.deepest_over_shallowest(BY_DEPTH),
        estimates.same_pattern(LOST_MAPS),
        estimates.rank_by_setting(np.full((2, 4), NAN), [5, 7, 15, 29]),
        estimates.over_fitted(estimates.recovery(np.full((2, 4), NAN))),
        estimates.over_fitted(estimates.before_minus_beyond(BY_DEPTH, array(4, NAN))),
    ):
        assert undefined(found)


# Names

# Claims of one estimate, which is given without a name.
SINGLE = {
    *("C11", "C12", "C17", "C18", "C19", "C20", "C21", "C23", "C26", "C29", "C30"),
    *("C31", "C32", "C33", "C-transition", "C-transition-median"),
}
# Claims whose estimates are made in helpers/papers/identity/forms.py: see below.
FORMS = {"C1", "C-eq1", "C-rank1", "C-identity"}


@pytest.mark.parametrize("name", SETS)
def test_a_set_has_the_names_of_its_claims_and_none_fitted_none_defined(name):
    claims, made = SETS[name]
    asked = {criterion for c in claims for criterion in load_registry()[c].names}
    found = made(estimates)
    assert {*found} == asked and all(map(undefined, found.values()))


def test_every_claim_of_the_paper_is_served():
    served = set().union(*(claims for claims, _ in SETS.values()))
    claims = load_registry()
    every = {claim for claim in claims if claim.startswith("C")}
    assert served | SINGLE | FORMS | {"C16"} == every
    assert {len(claims[claim].names) for claim in SINGLE} == {1}
