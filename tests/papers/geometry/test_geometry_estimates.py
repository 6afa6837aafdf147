"""Estimates of paper B's geometry: small tables known by hand, and who diverged."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hand_made import NAN, array, counts, histories_of, undefined, values

from helpers.claims.registry import load_registry
from helpers.errors import Mistake
from helpers.estimates import exact, mean_interval, paired_difference
from helpers.papers import geometry
from helpers.papers.geometry import (
    Capacities,
    Geometry,
    Gradients,
    Probes,
    estimates,
)
from helpers.papers.geometry.probes import PROBES
from helpers.runs import Run

M = 20  # examples of a class: the bound is 0.1


# What is learnt


DATA = SimpleNamespace(
    train_labels=torch.arange(8).repeat(50),
    test_labels=torch.arange(8),
    classes=8,
    chance=1 / 8,
)


def test_restored_examples_are_permuted_images_with_their_true_label():
    some = histories_of(train_accuracy=[[1.0]] * 3)
    found = estimates.examples_of_sets(some, DATA)
    assert found["share_restored_same_image_true_label"] == exact(1, n=3 * 200)
    kept = 0
    for run in some.runs:
        permuted = geometry.sets_of(run, DATA).permuted
        kept += sum(
            int(label) == int(place) % 8
            for place, label in zip(permuted.indices, permuted.labels, strict=True)
        )
    expected = (kept - 600 / 8) / math.sqrt(600 / 8 * 7 / 8)
    z = found["permuted_labels_kept_z_score"]
    assert z.value == z.low == z.high == pytest.approx(expected)
    assert abs(z.value) < 3 and z.n == 600


def test_wrong_sets_are_seen(monkeypatch):
    """A label that is not the true one, an image that is not a permuted one."""
    true = geometry.sets_of(Run(permuted_fraction=0.5), DATA)
    labels = true.restored.labels.clone()
    labels[:20] = (labels[:20] + 1) % 8
    indices = true.restored.indices.clone()
    indices[20:50] = true.unpermuted.indices[20:50]
    wrong = true._replace(
        restored=true.restored._replace(labels=labels, indices=indices),
        permuted=true.restored,
    )
    some = histories_of(train_accuracy=[[1.0]])
    learning = "helpers.papers.geometry.learning.sets_of"
    monkeypatch.setattr(learning, lambda run, data: wrong)
    found = values(estimates.examples_of_sets(some, DATA))
    assert found["share_restored_same_image_true_label"] == pytest.approx(150 / 200)
    # All 200 permuted labels are the true ones, 25 would be by chance.
    expected = 175 / math.sqrt(200 / 8 * 7 / 8)
    assert found["permuted_labels_kept_z_score"] == pytest.approx(expected)


def test_memorization_is_under_way_when_half_of_the_permuted_labels_are_fitted():
    some = histories_of(
        permuted_accuracy=[[0, 0.49, 0.5, 0.4, 0.9], [0.1, 0.2], [0.7, 0]]
    )
    np.testing.assert_array_equal(geometry.memorization_epochs(some), [2, NAN, 0])
    for chance, epochs in ((0.5, [NAN] * 3), (1 / 3, [2, NAN, 0])):  # names half itself
        found = geometry.memorization_epochs(some, chance=chance)
        np.testing.assert_array_equal(found, epochs)


@pytest.mark.parametrize(
    ("chance", "row"),
    [(0.5, [0.1, 0.6, 0.7, 0.9]), (0.1, [0.5, 0.6, 0.7, 0.9]), (0.1, [0.1] * 4)],
    ids=["as by chance", "before training", "never"],
)
def test_labels_that_are_not_learnt_have_no_epoch_to_compare_with(chance, row):
    rows = CURVES | {"permuted_accuracy": [row, CURVES["permuted_accuracy"][1]]}
    found = estimates.learning(histories_of(**rows), chance=chance)
    assert undefined(found.pop("restored_peak_epoch_over_permuted_epoch"))
    assert not any(map(undefined, found.values()))


CURVES = {
    "restored_accuracy": [[0.1, 0.6, 0.6, 0.3], [0.1, 0.5, 0.8, 0.2, 0.1]],
    "permuted_accuracy": [[0.1, 0.1, 0.4, 0.9], [0.1, 0.1, 0.2, 0.4, 0.8]],
    "train_accuracy": [[0.1, 0.5, 0.7, 0.99], [0.1, 0.5, 0.6, 0.8, 1.0]],
    "test_accuracy": [[0.1, 0.9, 0.8, 0.8], [0.1, 0.5, 0.6, 0.9, 0.6]],
}


def test_restored_accuracy_rises_and_falls():
    """The peak is the first of equal ones: epoch 1 of 3, and epoch 2 of 4."""
    found = estimates.learning(histories_of(**CURVES), chance=0.1)
    assert values(found) == pytest.approx(
        {
            "restored_peak_minus_final": (0.3 + 0.7) / 2,
            "restored_peak_minus_chance": 0.7 - 0.1,
            "restored_peak_epoch_over_permuted_epoch": (1 / 3 + 2 / 4) / 2,
            "final_train_accuracy": 0.995,
            "test_best_minus_final": (0.1 + 0.3) / 2,
        }
    )
    assert found["restored_peak_minus_final"] == pytest.approx(
        mean_interval([0.3, 0.7])
    )
    assert counts(found) == {2}


def test_a_network_that_diverged_after_half_was_learnt_is_not_dropped():
    rows = {
        name: [first, [*second[:-1], NAN]] for name, (first, second) in CURVES.items()
    }
    rows["permuted_accuracy"][1] = [0.1, 0.2, 0.6, 0.7, NAN]
    found = estimates.learning(histories_of("fitted", "diverged", **rows), chance=0.1)
    assert all(map(undefined, found.values())) and counts(found) == {2}


def test_neighbours_in_the_last_layer_are_compared_at_its_last_two_moments():
    separable = {
        "restored": array([0.9, 0.7, 0.2], [0.1, 0.8, 0.5]),
        "permuted": array([0.5, 0.1, 0.3], [0.4, 0.2, 0.9]),
        "unpermuted": array([0, 0, 0], [0, 0, 0]),
    }
    found = estimates.last_layer(separable)
    assert found == {
        "restored_separability_best_minus_final": paired_difference(
            [0.7, 0.8], [0.2, 0.5]
        ),
        "permuted_separability_final_minus_best": paired_difference(
            [0.3, 0.9], [0.1, 0.2]
        ),
    }


def test_neighbours_in_a_middle_layer_are_compared_at_the_last_moment():
    separable = {"restored": array([9, 0.5], [9, 0.7]), "permuted": array([0.1], [0.3])}
    found = estimates.middle_layer(separable, chance=0.2)
    assert values(found) == pytest.approx(
        {
            "restored_separability_final_minus_chance": 0.4,
            "restored_minus_permuted_separability_final": 0.4,
        }
    )


# Where manifolds untangle


def geometry_of(layers=("input", "a", "b", "c", "d"), networks=2, **sets):
    """Geometry of capacity 1 and all else 1 but what is given.

    sets: "set quantity moment" with _ for blanks -> (network, layer), or (layer,) for
    all networks.
    """
    quantities = ("capacity", "radius", "dimension", "center correlation", "spread")
    moments, names = (0, "best", "final"), (*geometry.SETS, "control")
    shape = (networks, len(moments), len(layers))
    tables = {q: {s: np.ones(shape) for s in names} for q in quantities}
    for place, rows in sets.items():
        name, quantity, moment = place.split("__")
        table = tables[quantity.replace("_", " ")][name]
        table[:, moments.index(moment)] = rows
    return Geometry(tuple(layers), moments, M, tables)


def test_the_best_epoch_is_judged_over_all_layers_but_the_input():
    """Bound 0.1. The input, first, is out of all order and must not count."""
    found = estimates.best_epoch(
        geometry_of(
            permuted__capacity__best=[
                [7, 0.11, 0.1, 0.1, 0.13],
                [7, 0.1, 0.1, 0.05, 0.1],
            ],
            restored__capacity__best=[[7, 0.2, 0.1, 0.3, 0.4], [7, 0.4, 0.1, 0.3, 0.4]],
            test__capacity__best=[[9, 0.2, 0.2, 0.3, 0.4], [9, 0.4, 0.1, 0.3, 0.5]],
            unpermuted__capacity__best=[[9, 0.2, 0, 0, 0.3], [9, 0.2, 0, 0, 0.5]],
            restored__radius__best=[[0, 2, 9, 9, 1], [0, 1, 9, 9, 0.75]],
            restored__dimension__best=[[0, 8, 0, 0, 6], [0, 5, 0, 0, 5]],
            test__radius__best=[9, 8, 7, 6, 5],
        )
    )
    assert values(found) == pytest.approx(
        {
            # layers' means over networks: 1.05, 1, 0.75 and 1.15
            "permuted_capacity_over_bound_largest_distance": 0.25,
            # 1, (0.5 + 1) / 2, 1 and (1 + 0.8) / 2
            "restored_over_test_capacity_largest_distance": 0.25,
            "unpermuted_capacity_last_over_first_layer": (1.5 + 2.5) / 2,
            "restored_capacity_last_over_first_layer": (2 + 1) / 2,
            "restored_radius_last_over_first_layer": (0.5 + 0.75) / 2,
            "restored_dimension_last_over_first_layer": (0.75 + 1) / 2,
        }
    )
    assert found["restored_radius_last_over_first_layer"] == mean_interval([0.5, 0.75])
    assert counts(found) == {2}


FINAL = {
    "permuted__capacity__final": [
        [9, 0.1, 0.12, 0.4, 0.3, 0.2, 0.2],
        [9, 0.1, 0.09, 0.4, 0.3, 0.2, 0.1],
    ],
    "restored__capacity__best": [0, 9, 9, 9, 9, 9, 0.4],
    "restored__capacity__final": [[0, 9, 9, 9, 9, 9, 0.2], [0, 9, 9, 9, 9, 9, 0.3]],
    "unpermuted__capacity__best": [9, 0.5, 0.2, 1, 1, 1, 1],
    "unpermuted__capacity__final": [
        [1, 0.5, 0.1, 9, 9, 9, 9],
        [1, 0.4, 0.2, 9, 9, 9, 9],
    ],
}
SIX = ("input", *"abcdef")


def test_the_final_epoch_is_judged_in_the_first_third_and_in_the_last_layer():
    """Of six layers two are early; their mean capacities over the bound are 1, 1.05."""
    found = estimates.final_epoch(geometry_of(SIX, **FINAL))
    assert values(found) == pytest.approx(
        {
            "permuted_capacity_over_bound_last_layer": 1.5,
            "permuted_capacity_over_bound_early_layers": 1.05,
            "restored_capacity_final_over_best_last_layer": (0.5 + 0.75) / 2,
            "early_layers_largest_capacity_change": 0.25,
        }
    )
    assert counts(found) == {2}


@pytest.mark.parametrize(
    ("count", "early"), [(1, 1), (2, 1), (3, 1), (5, 2), (6, 2), (8, 3), (15, 5)]
)
@pytest.mark.parametrize("first", ["input", None])
def test_the_first_third_of_the_layers_are_early_and_one_at_least(count, early, first):
    rising = 0.1 * np.arange(1, count + 1)
    layers = [f"conv {k}" for k in range(count)]
    if first:
        layers, rising = [first, *layers], [99, *rising]
    some = geometry_of(layers, permuted__capacity__final=rising)
    found = estimates.final_epoch(some)
    name = "permuted_capacity_over_bound_early_layers"
    assert found[name].value == pytest.approx(early)


def test_spheres_are_judged_in_two_layers_and_at_the_input():
    with pytest.raises(Mistake, match=r"^layers begin at 'a': must begin at the input"):
        estimates.spheres(geometry_of("abcde"))
    key = {
        "permuted__capacity__final": [[9, 0.1, 0.11, 9, 0.3], [9, 0.12, 0.1, 9, 0.5]],
        "test__capacity__best": [0, 9, 9, 9, 0.2],
        "test__capacity__final": [[0, 9, 9, 9, 0.1], [0, 9, 9, 9, 0.15]],
        "unpermuted__center_correlation__final": [
            [0.04, 9, 9, 9, 9],
            [0.06, 9, 9, 9, 9],
        ],
    }
    found = estimates.spheres(geometry_of(**key))
    assert values(found) == pytest.approx(
        {
            "permuted_capacity_over_bound_last_layer": 4,
            "permuted_capacity_over_bound_first_two_layers": 1.1,
            "test_capacity_final_over_best_last_layer": (0.5 + 0.75) / 2,
            "input_center_correlation": 0.05,
        }
    )


def test_late_layers_are_the_last_three():
    found = estimates.late_layers(
        geometry_of(
            SIX,
            permuted__capacity__final=[9, 0.1, 0.14, 0.12, 0.5, 0.6, 0.2],
            restored__capacity__best=[9, 1, 1, 1, 1, 1, 0.9],
            test__capacity__best=[1, 1, 1, 1, 1, 1, 1],
            test__capacity__final=[1, 9, 9, 9, 9, 9, 9],
        )
    )
    assert values(found) == pytest.approx(
        {
            "permuted_capacity_over_bound_last_layer": 2,
            "permuted_capacity_over_bound_before_last_three": 1.4,
            "restored_over_test_capacity_largest_distance": 0.1,
        }
    )
    found = estimates.late_layers(geometry_of(("input", "a", "b", "c")))
    before = found.pop("permuted_capacity_over_bound_before_last_three")
    assert undefined(before) and not any(map(undefined, found.values()))


OF_GEOMETRY = ("best_epoch", "final_epoch", "spheres", "late_layers")


@pytest.mark.parametrize("name", OF_GEOMETRY)
def test_a_diverged_network_leaves_no_estimate_of_its_geometry(name):
    some = geometry_of(SIX, networks=3)
    for sets in some.tables.values():
        for table in sets.values():
            table[1] = NAN
    found = getattr(estimates, name)(some)
    assert all(map(undefined, found.values())) and counts(found) == {3}


@pytest.mark.parametrize("layer", [1, 4])
def test_a_dead_layer_in_one_network_is_not_passed_over(layer):
    capacity = np.ones((2, 5))
    capacity[0, layer] = NAN
    found = estimates.best_epoch(geometry_of(permuted__capacity__best=capacity))
    assert undefined(found["permuted_capacity_over_bound_largest_distance"])
    found = estimates.final_epoch(geometry_of(permuted__capacity__final=capacity))
    early = found["permuted_capacity_over_bound_early_layers"]
    last = found["permuted_capacity_over_bound_last_layer"]
    assert [undefined(early), undefined(last)] == [layer == 1, layer == 4]


# Shares

SHARES = (0.0, 0.5, 1.0)
AT_SHARES = {
    # two networks, three shares, layers: first, middle, last
    "unpermuted": array(
        [[1.1, 1, 8], [1, 0.9, 3], [NAN] * 3], [[1.1, 1, 8], [1, 1, 6], [NAN] * 3]
    ),
    "restored": array(
        [[NAN] * 3, [1, 1, 2], [1, 0.6, 1]], [[NAN] * 3, [1, 1, 2], [1, 0.8, 1]]
    ),
    "test": array([[1, 1, 8], [1, 1, 4], [1, 1, 1]], [[1, 1, 8], [1, 1, 4], [1, 1, 5]]),
    "permuted": np.zeros((2, 3, 3)),
}


def test_shares_are_compared_where_sets_have_examples():
    found = estimates.by_share(AT_SHARES, SHARES)
    assert values(found) == pytest.approx(
        {
            "early_sets_largest_distance": 0.3,  # restored, all permuted, middle layer
            "unpermuted_over_restored_capacity_last_layer": (1.5 + 3) / 2,
            "test_capacity_rank_correlation_with_share": (-1 - 0.5) / 2,
        }
    )
    assert counts(found) == {2}


def test_shares_between_none_and_all_all_count():
    four = {
        name: np.concatenate([table, table[:, 1:2] * factor], axis=1)
        for (name, table), factor in zip(AT_SHARES.items(), (2, 1, 2, 1), strict=True)
    }
    found = values(estimates.by_share(four, (*SHARES, 0.25)))
    ratio = (1.5 + 3 + 3 + 6) / 4
    assert found["unpermuted_over_restored_capacity_last_layer"] == ratio
    # Ranks of test are (8, 4, 1, 8): of shares 1, 3, 4, 2.
    assert found["test_capacity_rank_correlation_with_share"] < -0.3
    # Restored images, of which half of the test capacity is left: 0.5 from one.
    assert found["early_sets_largest_distance"] == pytest.approx(0.5)
    tables = {name: table[:, [0, 2]] for name, table in AT_SHARES.items()}
    tables["test"] = np.ones((2, 2, 3))  # of which none is larger
    found = estimates.by_share(tables, (0.0, 1.0))
    assert undefined(found["unpermuted_over_restored_capacity_last_layer"])
    assert undefined(found["test_capacity_rank_correlation_with_share"])
    assert not undefined(found["early_sets_largest_distance"])


@pytest.mark.parametrize("networks", [[0], [0, 1]])
@pytest.mark.parametrize("share", range(3))
def test_diverged_networks_at_a_share_are_not_taken_for_an_empty_set(networks, share):
    tables = {name: table.copy() for name, table in AT_SHARES.items()}
    for table in tables.values():
        table[networks, share] = NAN
    found = estimates.by_share(tables, SHARES)
    both = found.pop("unpermuted_over_restored_capacity_last_layer")
    assert undefined(both) == (share == 1)
    assert all(map(undefined, found.values())) and counts(found) == {2}


# Theory, simulation, balls


def test_theory_and_simulation_are_compared_over_layers_and_sets():
    theory = {"test": array([1, 2], [1, 2]), "unpermuted": array([3, 4.4], [3, 4])}
    simulated = {"test": array([1, 2.5], [1, 2]), "unpermuted": array([3, 4], [3, 4])}
    found = estimates.theory_and_simulation(theory, dict(reversed(simulated.items())))
    assert found["largest_relative_capacity_error"].value == pytest.approx(0.1)
    rows = [[1, 2, 3, 4.4], [1, 2.5, 3, 4]]
    expected = (np.corrcoef(rows)[0, 1] + 1) / 2
    assert found["capacity_correlation"].value == pytest.approx(expected)
    assert counts(found) == {2}


@pytest.mark.parametrize("table", ["theory", "simulated"])
def test_a_capacity_that_is_not_known_leaves_the_agreement_unknown(table):
    tables = {
        "theory": {"test": array([1, 2], [1, 2])},
        "simulated": {"test": array([1, 2], [1, 3])},
    }
    tables[table]["test"][1, 1] = NAN
    found = estimates.theory_and_simulation(**tables)
    assert all(map(undefined, found.values())) and counts(found) == {2}


def test_capacity_is_ranked_by_the_size_of_balls():
    by_radius = array([4, 3, 2, 1], [4, 3, 1, 2])
    found = estimates.sizes(by_radius, array([4, 3, 1, 2, 0], [1, 2, 3, 4, 5]))
    assert values(found) == pytest.approx(
        {
            "capacity_rank_correlation_with_radius": (-1 - 0.8) / 2,
            "capacity_rank_correlation_with_dimension": (-0.9 + 1) / 2,
        }
    )
    lost = estimates.sizes(array([4, NAN, 2, 1]), array([1, 1, 1]))
    assert all(map(undefined, lost.values()))


CONTROLLED = {
    "permuted__capacity__best": [9, 1, 1.2, 0.9, 1],
    "control__capacity__best": [1, 1, 1, 1, 1],
    "unpermuted__capacity__best": [1, 2, 3, 9, 9],
    "restored__capacity__best": [9, 2, 3, 4, 8],
    "test__capacity__best": [[1, 2, 3, 4, 4], [1, 1, 3, 4, 8]],
    "test__radius__best": [9, 2, 5, 5, 1],
    "test__dimension__best": [9, 4, 5, 5, 3],
}


def test_the_best_epoch_is_judged_against_the_control():
    found = values(estimates.best_epoch_control(geometry_of(**CONTROLLED)))
    assert found == pytest.approx(
        {
            "permuted_over_control_capacity_largest_distance": 0.2,
            # of one early layer: over test (1 + 2) / 2
            "unpermuted_over_other_capacity_early_layers": 0.5,
            "restored_over_test_capacity_largest_distance": 0.5,
            "restored_capacity_last_over_first_layer": 4,
            "test_capacity_last_over_first_layer": (2 + 8) / 2,
            "test_radius_last_over_first_layer": 0.5,
            "test_dimension_last_over_first_layer": 0.75,
        }
    )


def test_the_final_epoch_is_judged_against_the_control():
    """Of six layers two are early; the input counts nowhere."""
    found = estimates.final_epoch_control(
        geometry_of(
            SIX,
            **FINAL,
            control__capacity__final=[5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.075],
            permuted__radius__final=[9, 9, 9, 9, 9, 9, 0.5],
            permuted__dimension__final=[9, 9, 9, 9, 9, 9, 0.25],
        )
    )
    assert values(found) == pytest.approx(
        {
            "permuted_over_control_capacity_last_layer": 0.15 / 0.075,
            "permuted_over_control_capacity_early_layers": 1.05,
            "restored_capacity_final_over_best_last_layer": (0.5 + 0.75) / 2,
            "unpermuted_capacity_early_layers_largest_change": 0.25,
            "permuted_radius_over_control_last_layer": 0.5,
            "permuted_dimension_over_control_last_layer": 0.25,
        }
    )


def test_spheres_are_judged_against_the_control():
    found = estimates.spheres_control(
        geometry_of(
            permuted__capacity__final=[9, 0.1, 0.2, 9, 0.4],
            control__capacity__final=[1, 0.1, 0.1, 1, 0.2],
            test__capacity__final=[9, 9, 9, 9, 3],
            test__capacity__best=[1, 1, 1, 1, 4],
        )
    )
    assert values(found) == pytest.approx(
        {
            "permuted_over_control_capacity_last_layer": 2,
            "permuted_over_control_capacity_first_two_layers": 2,
            "test_capacity_final_over_best_last_layer": 0.75,
        }
    )


# Who pulls

PARTS, GROUPS = ("dependent", "independent", "full"), ("all", "unpermuted", "permuted")
MOMENTS = (0, 1, 2, 5, "final")


def gradients_of(layers=3, networks=2, moments=MOMENTS, **norms):
    """Norms of 1, but what is given as part_group -> (network, moment, layer)."""
    shape = (networks, len(moments), layers)
    tables = {part: {group: np.ones(shape) for group in GROUPS} for part in PARTS}
    for place, rows in norms.items():
        part, group = place.split("_")
        tables[part][group][:] = rows
    names = tuple(f"linear {k}" for k in range(layers))
    squares = {
        part: {group: rows**2 for group, rows in each.items()}
        for part, each in tables.items()
    }
    return Gradients(names, tuple(moments), tables, squares, np.zeros(shape[:2]))


def test_unbiased_ratios_are_of_layers_in_parts_of_what_unpermuted_examples_have():
    """Squares may be negative, and one layer's do not outweigh another's."""
    some = gradients_of(networks=3)
    scale = np.array([1.0, 100.0, 1e-4])
    some.squares["dependent"]["unpermuted"][:] = 3 * scale
    some.squares["independent"]["unpermuted"][:] = 1 * scale
    some.squares["independent"]["permuted"][:] = 2 * scale
    permuted = np.empty((3, len(MOMENTS), 3))
    permuted[:, 1:3] = [[[0.3, -0.1, 0.1]] * 2, [[0.6, 0, 0]] * 2, [[0, 0, 0]] * 2]
    permuted[:, 0], permuted[:, 3:] = 99, 1.5
    some.squares["dependent"]["permuted"][:] = permuted * scale
    found = estimates.unbiased_ratios(some)
    early = (0.1 + 0.2 + 0) / 3
    assert values(found) == pytest.approx(
        {
            "dependent_squared_permuted_over_unpermuted_early": early / 3,
            "dependent_squared_permuted_over_unpermuted_late": 0.5,
            "independent_squared_permuted_over_unpermuted": 2,
            "squared_independent_over_dependent_unpermuted_early": 1 / 3,
            "squared_dependent_over_independent_permuted_early": early / 2,
        }
    )
    assert counts(found) == {3}


def by_moment(*rows):
    """(network, moment, 1) from a row over the moments for each network."""
    return np.array(rows, float)[:, :, None]


def learnt_at(*epochs, length=9):
    """Networks that fit half of their permuted labels at these epochs."""
    rows = [(np.arange(length) >= epoch).astype(float) for epoch in epochs]
    return histories_of(
        permuted_accuracy=rows, test_accuracy=[np.ones(length)] * len(rows)
    )


@pytest.mark.parametrize("group", GROUPS)
def test_first_and_median_layer_are_compared_up_to_memorization(group):
    """Network 0 up to epoch 2: 1, 0.5 and 0.25; network 1 up to 5: lowest 0.1."""
    norms = np.ones((2, 5, 3))
    norms[0, :, 0] = [1, 0.5, 0.25, 0.01, 0.001]
    norms[1, :, 0] = [3, 2, 0.6, 0.1, 0.001]
    norms[:, :, 2] = 50  # the median is of 1 and the others
    some = gradients_of(**{f"full_{group}": norms})
    found = estimates.no_vanishing(some, learnt_at(2, 5), group=group)
    assert values(found) == pytest.approx(
        {"first_over_median_layer_gradient_norm": (0.25 + 0.1) / 2}
    )
    assert counts(found) == {2}
    other = GROUPS[GROUPS.index(group) - 1]
    found = estimates.no_vanishing(some, learnt_at(2, 5), group=other)
    assert [*values(found).values()] == [1]
    for wrong in (NAN, 0):  # a lost network, or no gradient in most layers
        norms[1, 1, 1:] = wrong
        found = estimates.no_vanishing(
            gradients_of(**{f"full_{group}": norms}), learnt_at(2, 5), group=group
        )
        assert all(map(undefined, found.values())) and counts(found) == {2}


@pytest.mark.parametrize(
    ("epoch", "expected"), [(2, 0.5), (4, 0.5), (5, 0.4), (7, 0.4), (8, 0.3), (99, 0.3)]
)
def test_a_moment_counts_by_its_epoch_and_the_final_one_too(epoch, expected):
    """The final epoch is 8; a network that never learns half has no end before it."""
    norms = np.ones((1, 5, 3))
    norms[0, :, 0] = [1, 1, 0.5, 0.4, 0.3]
    some = gradients_of(networks=1, full_all=norms)
    found = estimates.no_vanishing(some, learnt_at(epoch), group="all")
    assert [*values(found).values()] == [expected]


def test_the_late_contribution_is_the_geometric_mean_over_layers_at_the_end():
    norms = np.full((2, 5, 3), 7.0)
    norms[:, -1] = [[1, 2, 4], [8, 1, 1]]
    found = estimates.late_contribution(gradients_of(full_unpermuted=norms))
    expected = mean_interval([2, 2])
    assert found["unpermuted_over_permuted_gradient_late"] == pytest.approx(expected)
    found = estimates.late_contribution(gradients_of(full_permuted=norms))
    assert [*values(found).values()] == pytest.approx([0.5])


RATIO_NAMES = (
    "dependent_unpermuted_over_permuted_early",
    "dependent_unpermuted_over_permuted_late",
    "independent_unpermuted_over_permuted",
    "dependent_over_independent_unpermuted_early",
    "dependent_over_independent_permuted_early",
)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("dependent_unpermuted", (6, 10, 1, 6, 1)),
        ("dependent_permuted", (1 / 6, 1 / 10, 1, 1, 6)),
        ("independent_unpermuted", (1, 1, 180**0.5, 1 / 6, 1)),
        ("independent_permuted", (1, 1, 1 / 180**0.5, 1, 1 / 6)),
    ],
)
def test_ratios_are_early_late_and_over_all_epochs(place, expected):
    """Early: moments 1 and 2, 4 and 9. All: 4, 9, 90 and 10, their fourth root."""
    rows = by_moment([100, 4, 9, 90, 10], [100, 4, 9, 90, 10])
    found = values(estimates.ratios(gradients_of(**{place: rows})))
    assert tuple(found) == RATIO_NAMES
    assert [*found.values()] == pytest.approx(expected)
    norms = np.ones((2, 5, 3))
    norms[0, 1:3] = [[8, 1, 1], [1, 8, 1]]  # geometric over three layers, two moments,
    norms[1, 1:3] = 4  # plain over networks
    early = estimates.ratios(gradients_of(dependent_unpermuted=norms))[RATIO_NAMES[0]]
    assert early == pytest.approx(mean_interval([2, 4]))


def test_the_dependent_part_of_permuted_examples_grows():
    """First epoch over the largest, of geometric means over layers."""
    norms = np.ones((2, 5, 2))
    norms[0] = [[9, 1], [1, 1], [4, 4], [2, 50], [3, 3]]
    norms[1] = [[1, 1], [1, 4], [2, 2], [1, 1], [8, 8]]
    found = estimates.growth(gradients_of(2, dependent_permuted=norms))
    assert found["dependent_permuted_early_over_largest"] == pytest.approx(
        mean_interval([1 / 10, 2 / 8])
    )
    rows = by_moment([100, 4, 9, 90, 10], [100, 4, 9, 90, 10])
    found = values(estimates.growth(gradients_of(2, independent_unpermuted=rows)))
    assert found["independent_unpermuted_over_permuted"] == pytest.approx(180**0.5)


@pytest.mark.parametrize("larger", ["unpermuted", "permuted"])
def test_at_initialization_the_larger_independent_part_counts(larger):
    independent, dependent = np.full((3, 5, 2), 0.01), np.full((3, 5, 2), 99.0)
    independent[:, 0] = [[0.1, 0.4], [0.2, 0.8], [0.3, 0.9]]
    dependent[:, 0] = [[1, 1], [1, 4], [1, 3]]
    of_both = {
        "independent_unpermuted": 0.001,
        "independent_permuted": 0.001,
        f"independent_{larger}": independent,
    }
    some = gradients_of(2, 3, dependent_unpermuted=dependent, **of_both)
    found = estimates.at_initialization(some, array(-0.5, -0.4))
    share = found.pop("independent_over_dependent_unpermuted_at_init")
    joint = mean_interval([0.2, 0.2, 0.3], confidence=1 - 0.05 / 2)  # the larger of two
    assert (share.value, share.high) == pytest.approx((joint.value, joint.high))
    slope = mean_interval([-0.5, -0.4])
    assert found == {"dependent_permuted_slope_with_examples": slope}


def test_the_last_two_layers_are_held_against_the_others():
    norms = np.full((2, 5, 4), 77.0)
    norms[0, 1:3] = [[8, 2, 1, 1], [2, 8, 1, 4]]
    norms[1, 1:3] = [[9, 9, 1, 9], [1, 1, 9, 1]]
    found = estimates.last_two_layers(gradients_of(4, dependent_unpermuted=norms))
    assert values(found) == pytest.approx(
        {
            "dependent_unpermuted_over_permuted_early": (4 + 3) / 2,
            "last_two_layers_ratio_over_others": (2**0.5 / 4 + 1) / 2,
            "independent_unpermuted_over_permuted": 1,
        }
    )


def test_early_and_late_layers_are_thirds():
    """Of six layers two and two; ratios of moments 1 and 2."""
    norms = np.full((2, 5, 6), 77.0)
    norms[0, 1:3] = [[8, 2, 50, 50, 1, 1], [4, 4, 2, 2, 4, 4]]
    norms[1, 1:3] = [1, 1, 1, 1, 3, 3]
    full = np.ones((2, 5, 6))
    full[0, :, 0] = [16, 1, 16, 16, 4]  # geometric mean 2^(14 / 5)
    full[0, :, 4] = 2
    full[1, :, 0], full[1, :, 5] = 3, [1, 1, 1, 1, 32]
    some = gradients_of(6, dependent_unpermuted=norms, full_all=full)
    found = estimates.early_and_late_layers(some)
    first = (8 * 2 * 50 * 50 * 4**4 * 2**2) ** (1 / 12)
    assert values(found) == pytest.approx(
        {
            "dependent_unpermuted_over_permuted_early": (first + 3 ** (1 / 3)) / 2,
            "late_over_early_layers_ratio": (0.5 + 3) / 2,
            "first_over_largest_other_gradient_norm": (2**1.8 + 1.5) / 2,
        }
    )


OF_GRADIENTS = {
    "late_contribution": estimates.late_contribution,
    "ratios": estimates.ratios,
    "unbiased_ratios": estimates.unbiased_ratios,
    "growth": estimates.growth,
    "at_initialization": lambda g: estimates.at_initialization(g, array(-0.5, NAN)),
    "last_two_layers": estimates.last_two_layers,
    "early_and_late_layers": estimates.early_and_late_layers,
}


@pytest.mark.parametrize("name", OF_GRADIENTS)
def test_a_diverged_network_leaves_no_estimate_of_its_gradients(name):
    some = gradients_of(6)
    for groups in (*some.tables.values(), *some.squares.values()):
        for table in groups.values():
            table[1] = NAN
    found = OF_GRADIENTS[name](some)
    assert all(map(undefined, found.values())) and counts(found) == {2}


@pytest.mark.parametrize("above", [0.0, 1.0])
def test_a_layer_without_a_gradient_leaves_its_means_undefined(above):
    """Zero over zero, one over zero: no silent 0 and no warning."""
    dependent = np.ones((2, 5, 3))
    dependent[0, 1, 1] = 0
    numerator = np.ones((2, 5, 3))
    numerator[0, 1, 1] = above
    some = gradients_of(dependent_permuted=dependent, dependent_unpermuted=numerator)
    found = estimates.ratios(some)
    assert undefined(found["dependent_unpermuted_over_permuted_early"])
    assert not undefined(found["dependent_unpermuted_over_permuted_late"])
    assert undefined(estimates.growth(some)["dependent_permuted_early_over_largest"])


@pytest.mark.parametrize("name", [n for n in OF_GRADIENTS if n != "late_contribution"])
def test_gradients_that_do_not_begin_at_epoch_0_are_a_mistake(name):
    some = gradients_of(6, moments=(1, 2, 3, 5, "final"))
    with pytest.raises(
        Mistake, match=r"^gradients begin at moment 1: must begin at ep"
    ):
        OF_GRADIENTS[name](some)


# Names

FLAT = geometry_of(SIX)
PAIR = Capacities(*[{"test": array([1, 2])}] * 3)
PROBED = Probes(
    ("input", "a"),
    ("best", "final"),
    {p: dict.fromkeys(("restored", "test"), np.ones((2, 2, 2))) for p in PROBES},
    dict.fromkeys(("restored", "test"), array([1, 0.5], [1, 0.5])),
)
HISTORIES = histories_of(**CURVES)
# What each function serves, by the notebook.
SERVED = {
    "B1A": lambda: estimates.examples_of_sets(HISTORIES, DATA),
    "B1B": lambda: estimates.theory_and_simulation(*[{"test": array([1, 2])}] * 2),
    "B1C": lambda: estimates.sizes(array([1, 2]), array([1, 2])),
    "B2A": lambda: estimates.learning(HISTORIES, chance=0.1),
    "B2B": lambda: estimates.last_layer(
        dict.fromkeys(("restored", "permuted"), np.ones((2, 2)))
    ),
    "B3A": lambda: estimates.best_epoch(FLAT),
    "B3B": lambda: estimates.final_epoch(FLAT),
    "B3A-control": lambda: estimates.best_epoch_control(FLAT),
    "B3B-control": lambda: estimates.final_epoch_control(FLAT),
    "B-A4-control": lambda: estimates.spheres_control(FLAT),
    "B5D-unbiased": lambda: estimates.unbiased_ratios(gradients_of()),
    "B-correlated": lambda: estimates.theories(PAIR, PAIR),
    "B-correlated-memory": lambda: estimates.correlated_memory(FLAT),
    "B-latent": lambda: estimates.latent(PROBED),
    "B5A": lambda: estimates.no_vanishing(gradients_of(), learnt_at(2, 2), group="all"),
    "B5C": lambda: (
        estimates.no_vanishing(gradients_of(), learnt_at(2, 2), group="permuted")
        | estimates.late_contribution(gradients_of())
    ),
    "B5D": lambda: estimates.ratios(gradients_of()),
    "B-claim3": lambda: estimates.at_initialization(gradients_of(), array(1, 2)),
    "B-A1": lambda: estimates.growth(gradients_of()),
    "B-A2": lambda: estimates.middle_layer(
        dict.fromkeys(("restored", "permuted"), np.ones((2, 2))), chance=0.1
    ),
    "B-A4": lambda: estimates.spheres(FLAT),
    "B-A5": lambda: estimates.late_layers(FLAT),
    "B-A8": lambda: estimates.by_share(AT_SHARES, SHARES),
    "B-A12": lambda: estimates.last_two_layers(gradients_of(6)),
    "B-A14": lambda: estimates.early_and_late_layers(gradients_of(6)),
}
# These ask for the same names as another, or for some of them.
ALIKE = {
    **{"B5B": "B5A", "B-A13": "B5D", "B-A6": "B-A5", "B-A3": "B2A", "B-A7": "B-A5"},
    "B2B-output": "B2B",
}
# Whose functions give what a figure's words need, too.
BESIDE = {"B-correlated", "B-correlated-memory", "B-latent"}
# Claims of one number: largest errors, and counts of weights.
SINGLE = {"B-claim1", "B-claim2", "B-T1", "B-T2", "B-T5"}


@pytest.mark.parametrize("claim", SERVED)
def test_a_function_has_the_names_that_its_claim_asks_for(claim):
    served, asked = {*SERVED[claim]()}, {*load_registry()[claim].names}
    assert served >= asked and (served == asked or claim in BESIDE)


def test_every_claim_of_the_chapter_is_served():
    claims = load_registry()
    names = {c: claim.names for c, claim in claims.items()}
    chapter = {c for c, claim in claims.items() if claim.chapter == "mftma_layers"}
    assert SERVED.keys() | ALIKE.keys() | SINGLE == chapter
    assert all({*names[c]} <= {*names[other]} for c, other in ALIKE.items())
    assert {len(names[claim]) for claim in SINGLE} == {1}
