"""Reconstruction: perfect maps, equation 1, the slow classifier, known curves."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from helpers.errors import Mistake
from helpers.metrics import reconstruction
from helpers.metrics.mean_classifier import (
    class_sums,
    mean_classes,
    mean_classifier_error,
)
from helpers.metrics.reconstruction import (
    cosine,
    one_layer_expectation,
    one_layer_solution,
    relative_change,
    scores,
    sharpness,
    transition_depth,
    update_rank,
)


def images(*leading, channels=1, side=6):
    return torch.rand(*leading, channels, side, side)


def at_correlation(target, correlations):
    """Images of the target's norm with these cosines to it: (correlation, c, h, w)."""
    direction = reconstruction.unit(target.flatten())
    other = torch.randn(len(correlations), target.numel(), dtype=torch.float64)
    other = reconstruction.unit(other - (other @ direction)[:, None] * direction)
    rho = correlations.double()[:, None]
    mixed = rho * direction + (1 - rho**2).sqrt() * other
    return (target.double().norm() * mixed).reshape(-1, *target.shape)


RHO = torch.linspace(0, 1, 11)


# Scores


def test_a_perfect_identity_scores_rho_on_constant():
    target = images()
    x = at_correlation(target, RHO)
    found = scores(x, x, target)
    assert_close(found.identity, torch.ones(11).double())
    assert_close(found.constant, RHO.double(), atol=1e-7, rtol=0)
    assert_close(found.identity_error, torch.zeros(11).double())
    # |x - x^|^2 = 2 |x^|^2 (1 - rho)
    energy = 2 * target.double().square().mean() * (1 - RHO.double())
    assert_close(found.constant_error, energy, atol=1e-7, rtol=0)


def test_a_perfect_memorizer_scores_rho_on_identity():
    target = images()
    x = at_correlation(target, RHO)
    found = scores(target.expand(11, 1, 6, 6), x, target)
    assert_close(found.constant, torch.ones(11).double())
    assert_close(found.identity, RHO.double(), atol=1e-7, rtol=0)
    assert_close(found.constant_error, torch.zeros(11).double())


def test_correlation_removes_no_mean_and_forgets_the_scale():
    ramp = torch.arange(4.0).reshape(1, 2, 2)
    found = scores(5 * (ramp + 1)[None], ramp[None], torch.ones(1, 2, 2))
    assert found.identity.item() == pytest.approx(20 / math.sqrt(30 * 14))
    assert found.constant.item() == pytest.approx(10 / math.sqrt(30 * 4))
    assert found.constant_error.item() == pytest.approx((16 + 81 + 196 + 361) / 4)


def test_stacked_networks_are_scored_one_by_one():
    outputs, inputs = images(3, 5, channels=2), images(5, channels=2)
    targets = images(3, 1, channels=2)
    together = scores(outputs, inputs, targets)
    for network in range(3):
        alone = scores(outputs[network], inputs, targets[network, 0])
        for one, other in zip(together, alone, strict=True):
            assert one.shape == (3, 5)
            assert_close(one[network], other)


def test_a_dead_output_or_input_correlates_by_0():
    inputs, target = images(2), images()
    inputs[1] = 0
    found = scores(torch.zeros(2, 1, 6, 6), inputs, target)
    assert found.identity.tolist() == found.constant.tolist() == [0, 0]
    assert_close(found.constant_error[0], target.double().square().mean())
    assert scores(target[None], inputs[1:], target).identity.item() == 0


def test_an_output_too_small_to_square_in_float32_still_has_a_direction():
    target = images()
    assert_close(
        scores(1e-30 * target[None], target[None], target).identity.item(), 1.0
    )


@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_a_diverged_output_has_no_score(broken):
    outputs = images(2)
    outputs[1, 0, 2, 3] = broken
    found = scores(outputs, images(2), images())
    assert found.identity.isnan().tolist() == [False, True]
    assert not found.identity_error[1].isfinite()


def test_cosines_stay_within_1():
    x = images(500, side=11).double()
    directions = reconstruction.unit(x.flatten(-3))
    assert directions.square().sum(-1).max() > 1  # rounding leads beyond
    assert cosine(x, x).max() <= 1
    assert cosine(x, -x).min() >= -1


# One layer


def random_weights(*shape):
    return torch.randn(*shape, dtype=torch.float64) / math.sqrt(shape[-1])


def test_gradient_descent_on_one_layer_ends_in_equation_1():
    initial, image = random_weights(12, 12), torch.rand(12).double()
    trained = initial.clone()
    for _ in range(200):
        missing = image - trained @ image
        trained += 0.5 / image.square().sum() * torch.outer(missing, image)
    assert_close(one_layer_solution(initial, image), trained)


def test_equation_1_fits_the_image_and_leaves_the_rest_as_it_was():
    initial, image = random_weights(12, 12), torch.rand(12).double()
    solution = one_layer_solution(initial, image)
    assert_close(solution @ image, image)
    other = torch.rand(12).double()
    other -= (other @ image) / (image @ image) * image
    assert_close(solution @ other, initial @ other)


def test_each_network_may_have_an_image_of_its_own():
    initial, image = random_weights(3, 12, 12), torch.rand(3, 12).double()
    together = one_layer_solution(initial, image)
    for network in range(3):
        alone = one_layer_solution(initial[network], image[network])
        assert_close(together[network], alone)
    assert_close(one_layer_solution(initial, image[1])[1], together[1])


@pytest.mark.parametrize("gain", [1 / 3, 1.0])
def test_the_expected_correlations_are_those_of_many_pixels(gain):
    # A cosine of random vectors of 400 pixels has s.d. 1/20, its mean over 60 networks
    # 1/155; 0.035 is more than five of them.
    side, networks, rho = 20, 60, torch.tensor([0.0, 0.3, 0.6, 1.0])
    target = images(side=side)
    x = at_correlation(target, rho)
    found = torch.zeros(2, 4, dtype=torch.float64)
    for _ in range(networks):
        initial = math.sqrt(gain) * random_weights(side**2, side**2)
        # equation 1 applied to x, without forming W*
        part = rho.double()[:, None] * target.flatten().double()
        outputs = part + (x.flatten(1) - part) @ initial.mT
        result = scores(outputs.reshape(x.shape), x, target)
        found += torch.stack([result.identity, result.constant]) / networks
    expected = torch.stack(one_layer_expectation(rho.double(), gain))
    assert_close(found, expected, atol=0.035, rtol=0)


def test_the_expected_correlations_of_common_initializations():
    # Spec C.2 at rho = .6: PyTorch's default (q = 1/3), then Glorot's.
    found = one_layer_expectation(0.6, np.array([1 / 3, 1]))
    np.testing.assert_allclose(found.constant, [0.792, 0.6], atol=5e-4)
    np.testing.assert_allclose(found.identity, [0.475, 0.36], atol=5e-4)


def test_without_initial_weights_all_that_correlates_is_the_image():
    found = one_layer_expectation(torch.tensor([0.0, 0.5, 1]), 0.0)
    assert found.constant.tolist() == [0, 1, 1]
    assert found.identity.tolist() == [0, 0.5, 1]


# Weights


def test_relative_change_is_a_ratio_of_norms_in_each_network():
    initial = {"0.weight": torch.ones(2, 3, 4), "0.bias": torch.ones(2, 3)}
    factors = torch.tensor([1.5, 3.0])
    trained = {
        "0.weight": initial["0.weight"] * factors[:, None, None],
        "0.bias": initial["0.bias"] * torch.tensor([1.0, 1, 4]),
    }
    found = relative_change(initial, trained)
    assert list(found) == ["0.weight", "0.bias"]
    assert found["0.weight"].tolist() == pytest.approx([0.5, 2.0])
    assert found["0.bias"].tolist() == pytest.approx([math.sqrt(3)] * 2)


def test_a_bias_that_starts_at_zero_has_no_relative_change():
    for end in (0.0, 1.0):
        found = relative_change(
            {"b": torch.zeros(2, 3)}, {"b": torch.full((2, 3), end)}
        )
        assert found["b"].isnan().all()


def test_the_update_of_a_bottom_layer_is_of_rank_one_along_the_image():
    initial, image = random_weights(2, 7, 12).float(), torch.rand(12)
    trained = initial + torch.randn(2, 7, 1) * image
    found = update_rank(initial, trained, image)
    assert (found.second_over_first < 1e-6).all()
    assert (found.off_image < 1e-6).all()


def test_an_update_of_two_directions_has_their_ratio_as_its_rank_and_share():
    # Singular values 4 along e0 and 3 across it.
    update = torch.zeros(5, 6)
    update[2, 0], update[4, 3] = 4, 3
    image = torch.eye(6)[0] * 7
    found = update_rank(torch.ones(5, 6), 1 + update, image)
    assert found.second_over_first.item() == pytest.approx(3 / 4)
    assert found.off_image.item() == pytest.approx(3 / 5)
    # of rank one, but along another image
    update[4, 3] = 0
    found = update_rank(torch.zeros(5, 6), update, torch.eye(6)[1])
    assert [value.item() for value in found] == pytest.approx([0, 1])


def test_no_update_and_a_diverged_one_have_no_rank():
    initial = torch.ones(3, 4, 5)
    trained = initial.clone()
    trained[1:] += torch.rand(2, 4, 5)
    trained[1, 2, 3], trained[2, 2, 3] = torch.nan, torch.inf
    found = update_rank(initial, trained, torch.ones(5))
    assert torch.stack(found).isnan().all()


def test_a_single_row_is_of_rank_one():
    found = update_rank(torch.zeros(1, 4), torch.rand(1, 4), torch.ones(4))
    assert found.second_over_first.item() == 0


# Mean classifier


def by_definition(train, train_labels, test, classes, *, balanced=False):
    """Predictions from the cosine of every test with every training example."""
    found = []
    for x in test.double():
        per_class = [[] for _ in range(classes)]
        for y, label in zip(train.double(), train_labels.tolist(), strict=True):
            lengths = x.norm() * y.norm()
            value = (x @ y / lengths).item() if lengths > 0 else 0.0
            per_class[label].append(value)
        total = [sum(v) / (max(len(v), 1) if balanced else 1) for v in per_class]
        found.append(total.index(max(total)))
    return torch.tensor(found)


def blobs(count, *, size=8, classes=4, dtype=torch.float32):
    """Examples about the centre of their class, few of the last classes."""
    labels = (torch.rand(count).square() * classes).long()
    centres = torch.eye(classes, size)
    return (centres[labels] + 0.5 * torch.randn(count, size)).to(dtype), labels


def test_the_linear_time_errors_are_those_of_all_pairs():
    features, labels = blobs(120)
    features[3], features[90] = 0, 0
    train, test = features[:80], features[80:]
    found = mean_classifier_error(train, labels[:80], test, labels[80:], classes=4)
    for value, balanced in zip(found, (False, True), strict=True):
        slow = by_definition(train, labels[:80], test, 4, balanced=balanced)
        assert value.item() == pytest.approx(
            (slow != labels[80:]).double().mean().item()
        )
    assert found.error != found.balanced_error  # the two are told apart


def test_chunks_add_up_to_the_sums_of_all_examples():
    features, labels = blobs(100)
    whole = class_sums(features, labels, classes=4)
    parts = zip(features.split(33), labels.split(33), strict=True)
    assert_close(sum(class_sums(*part, classes=4) for part in parts), whole)
    assert whole.dtype == torch.float64
    # the norm of a sum of directions, not of features
    assert_close(class_sums(1e-25 * features, labels, classes=4), whole)
    told = torch.cat([mean_classes(part, whole) for part in features.split(33)])
    assert_close(told, mean_classes(features, whole))


def test_stacked_layers_are_classified_one_by_one():
    labels = torch.arange(30) % 3
    train, test = torch.randn(2, 30, 5), torch.randn(2, 30, 5)
    together = mean_classifier_error(train, labels, test, labels, classes=3)
    for layer in range(2):
        alone = mean_classifier_error(
            train[layer], labels, test[layer], labels, classes=3
        )
        assert [v[layer].item() for v in together] == [v.item() for v in alone]


def test_a_dead_layer_answers_the_first_class():
    labels = torch.tensor([0, 1, 1, 1, 2])
    dead = torch.zeros(5, 7)
    found = mean_classifier_error(dead, labels, dead, labels, classes=3)
    assert [value.item() for value in found] == pytest.approx([0.8, 0.8])


def test_equal_features_go_to_the_largest_class():
    labels = torch.tensor([0, 1, 1, 1, 2])
    same = torch.rand(7).expand(5, 7)
    assert mean_classes(same, class_sums(same, labels, classes=3)).tolist() == [1] * 5


def test_differences_beyond_float32_still_tell_classes_apart():
    # Two classes whose sums of cosines differ by a part in 10^12, at equal counts.
    train = torch.tensor([[1.0, 1e-6], [1.0, -1e-6]])
    sums = class_sums(train, torch.tensor([0, 1]), classes=2)
    assert mean_classes(train, sums).tolist() == [0, 1]


def test_an_absent_class_scores_0():
    labels = torch.tensor([0, 0, 2])
    train = torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    sums = class_sums(train, labels, classes=3)
    assert sums[1].tolist() == [0, 0]
    assert mean_classes(torch.tensor([[-1.0, -1]]), sums).tolist() == [1]
    found = mean_classifier_error(train, labels, train, labels, classes=3)
    assert [value.item() for value in found] == [0, 0]


# Sharpness


def test_sharpness_of_a_checkerboard_a_constant_and_noise():
    board = (torch.arange(16)[:, None] + torch.arange(16)) % 2 * 2.0 - 1
    noise = torch.randn(128, 128)  # s.d. of its value about 0.03
    assert sharpness(board[None]).item() == 4
    assert sharpness(torch.full((1, 9, 9), 0.3)).item() == 0
    assert sharpness(noise[None]).item() == pytest.approx(2, abs=0.15)
    assert sharpness(torch.zeros(1, 9, 9)).isnan()


def test_sharpness_counts_both_directions_and_forgets_the_scale():
    # 1 2 / 4 8: steps 1, 4 across and 3, 6 down.
    image = torch.tensor([[[1.0, 2], [4, 8]]])
    expected = (1 + 16 + 9 + 36) / 4 / (85 / 4)
    assert sharpness(image).item() == pytest.approx(expected)
    assert_close(sharpness(-3 * image), sharpness(image))


def test_blurring_lowers_sharpness():
    sharp = images(3, 5, side=12)
    blurred = torch.nn.functional.avg_pool2d(sharp.flatten(0, 1), 3, 1)
    assert (sharpness(blurred).reshape(3, 5) < sharpness(sharp)).all()


# Transition


@pytest.mark.parametrize(
    ("constant", "expected"),
    [
        ([0.4, 0.6, 0.9, 0.9], 1.0 + 2 * 0.5),  # 0.1 below at 1, 0.1 above at 3
        ([0.4, 0.5, 0.5, 0.9], 5.0),  # equal is not above: leaves at 5 itself
        ([0.4, 0.9, 0.2, 0.9], 5.0 + 5 * 0.3 / 0.7),  # the first crossing did not last
        ([0.6, 0.6, 0.6, 0.6], 1.0),  # from the start
        ([0.9, 0.9, 0.9, 0.1], math.nan),  # not at the end
        ([0.1, 0.1, 0.1, 0.1], math.nan),  # never
        ([0.4, math.nan, 0.9, 0.9], 1.0 + 4 * 0.1 / 0.5),  # a depth without a value
        ([0.4, 0.6, 0.9, math.nan], 2.0),
        ([math.nan] * 4, math.nan),
    ],
)
def test_the_transition_is_where_constant_overtakes_identity_for_good(
    constant, expected
):
    depths = [1, 3, 5, 10]
    for kind in (list, np.array, torch.tensor):
        found = transition_depth(kind(depths), kind([0.5] * 4), kind(constant))
        assert found == pytest.approx(expected, nan_ok=True)


def test_depths_out_of_order_are_refused():
    with pytest.raises(Mistake, match=r"depths = \[3.0, 1.0\]: must ascend"):
        transition_depth([3, 1], [0.0, 0], [1.0, 1])
