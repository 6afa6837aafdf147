"""Kernels of random features: closed forms, sampling, and Theorem 1 of paper A.

For sin and relu features alike.
"""

import math

import pytest
import torch

from helpers.metrics import kernels
from helpers.metrics.gradients.alignment import alignment, class_alignment
from helpers.streams import stream

FEATURES = 3072


def unit_pairs(cosine: float, count: int = 1):
    """Pairs of vectors of squared norm FEATURES with a given cosine."""
    draws = stream(0, "vectors").standard_normal((2, count, FEATURES))
    first, second = torch.from_numpy(draws)
    first = first / first.norm(dim=1, keepdim=True)
    second = second - (second * first).sum(1, keepdim=True) * first
    second = second / second.norm(dim=1, keepdim=True)
    other = cosine * first + math.sqrt(1 - cosine**2) * second
    return first * math.sqrt(FEATURES), other * math.sqrt(FEATURES)


@pytest.mark.parametrize("cosine", [-0.9, 0.0, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("sigma", [0.001, 0.01, 0.1, 1.0])
def test_equal_norms_give_the_form_in_the_cosine(cosine, sigma):
    """(e^{-q(1-c)} - e^{-q(1+c)}) / (1 - e^{-2q}) with q = d sigma^2."""
    left, right = unit_pairs(cosine)
    q = FEATURES * sigma**2
    form = (math.exp(-q * (1 - cosine)) - math.exp(-q * (1 + cosine))) / (
        1 - math.exp(-2 * q)
    )
    cross = kernels.sin_kernel(left, right, sigma).item()
    own = kernels.sin_kernel(left, left, sigma).item()
    assert cross / own == pytest.approx(form, abs=1e-9)


@pytest.mark.parametrize("sigma", [0.003, 0.01, 0.03])
def test_sampled_features_agree_with_the_closed_form(sigma):
    """Each of 6 means within 5 standard errors: fails by chance below 1e-5."""
    generator = stream(1, "weights")
    for cosine in (-0.5, 0.7):
        left, right = unit_pairs(cosine)
        sampled = kernels.sample_sin_kernel(
            left, right, sigma, draws=4000, generator=generator
        )
        exact = kernels.sin_kernel(left, right, sigma).diagonal()
        assert ((sampled.mean - exact).abs() < 5 * sampled.error).all()


def test_the_bound_of_theorem_1_holds_even_for_opposite_inputs():
    for cosine in (-1.0, -0.5, 0.0, 0.5, 1.0):
        left, right = unit_pairs(cosine, count=4)
        for sigma in (1e-3, 1e-2, 1e-1):
            exact = kernels.sin_kernel(left, right, sigma).diagonal()
            bound = kernels.sin_kernel_bound(left, right, sigma)
            assert (exact <= bound).all()
    # The paper's proof bounds |E|; for opposite inputs that statement is false.
    left, right = unit_pairs(-1.0)
    exact = kernels.sin_kernel(left, right, 0.02).abs().item()
    assert exact > kernels.sin_kernel_bound(left, right, 0.02).item()


def test_the_alignment_of_a_kernel_is_that_of_features_with_that_kernel():
    features = torch.from_numpy(stream(2, "features").standard_normal((6, 40)))
    kernel = features @ features.T
    expected = alignment(features)
    assert kernels.kernel_alignment(kernel).item() == pytest.approx(expected.item())
    assert kernels.kernel_alignment(torch.ones(1, 1)).isnan()
    assert kernels.kernel_alignment(torch.zeros(3, 3)).isnan()


def test_wide_random_layers_have_the_foretold_class_alignment():
    """Width 20,000, 3 classes: sampling error about 0.005; 0.03 is six of them."""
    inputs = torch.from_numpy(stream(3, "inputs").standard_normal((30, 64)))
    inputs = inputs + inputs[:3].repeat(10, 1)  # classes with something in common
    labels = torch.arange(30) % 3
    weights = torch.from_numpy(stream(3, "weights").standard_normal((64, 20_000)))
    for scale in (0.01, 0.05, 0.1):
        drawn = class_alignment(labels, 3, torch.sin(inputs @ weights * scale)).mean
        foretold = kernels.class_kernel_alignment(inputs, labels, 3, scale=scale)
        assert drawn.item() == pytest.approx(foretold.item(), abs=0.03)
    drawn = class_alignment(labels, 3, (inputs @ weights).relu()).mean
    relu = {"scale": 1.0, "kernel": kernels.relu_kernel}
    foretold = kernels.class_kernel_alignment(inputs, labels, 3, **relu)
    assert drawn.item() == pytest.approx(foretold.item(), abs=0.01)


@pytest.mark.parametrize("scale", [1.0, 0.02])
def test_relu_features_have_the_forms_of_known_angles(scale):
    """Of like inputs |x|^2 / 2, at right angles |x| |x'| / (2 pi), of opposite ones 0.

    At 60 degrees sqrt(3) / 2 + pi / 3 over 2 pi; all times the square of the scale.
    """
    inputs = torch.tensor([[2.0, 0], [0, 3], [-2, 0], [0.5, math.sqrt(0.75)]])
    found = kernels.relu_kernel(inputs[:1], inputs, scale)[0] / scale**2
    known = [4 / 2, 6 / (2 * math.pi), 0, 2 * (math.sqrt(3) / 2 + math.pi / 3)]
    known[3] /= 2 * math.pi
    assert found.tolist() == pytest.approx(known, abs=1e-7)
    assert found.dtype == torch.float64
    none = kernels.relu_kernel(torch.zeros(1, 2), inputs, scale)
    assert none.tolist() == [[0] * 4]
    many = torch.from_numpy(stream(8, "inputs").standard_normal((200, 3072)))
    own, half = (
        kernels.relu_kernel(many, many, 1.0).diagonal(),
        many.square().sum(-1) / 2,
    )
    torch.testing.assert_close(own, half, rtol=1e-13, atol=0)


def test_sampled_relu_features_agree_with_the_closed_form():
    """20,000 weights: each of 40 means within 5 standard errors, by chance above 1e-4.

    The standard error is that of the sampled products themselves.
    """
    draws = stream(7, "inputs").standard_normal((2, 40, 16))
    left, right = torch.from_numpy(draws) * torch.linspace(0.1, 3, 40)[:, None]
    right[:3] = left[:3] * torch.tensor([[1.0], [0.5], [-1]])  # along one line
    weights = torch.from_numpy(stream(7, "weights").standard_normal((16, 20_000)))
    products = (left @ weights * 0.3).relu() * (right @ weights * 0.3).relu()
    error = products.std(-1) / math.sqrt(20_000)
    exact = kernels.relu_kernel(left, right, 0.3).diagonal()
    assert ((products.mean(-1) - exact).abs() <= 5 * error + 1e-15).all()


def test_the_relu_kernel_is_exact_where_inputs_are_all_but_alike_or_opposite():
    """Where the angle itself is lost to rounding: its sum is pi - pi t^2 / 2 + t^3 / 3.

    For the opposite, at pi - u, it is u^3 / 3.
    """
    for angle in (0.0, 1e-9, 1e-8, 1e-6, 1e-4):
        left = torch.tensor([[1.0, 0]], dtype=torch.float64)
        right = torch.tensor([[math.cos(angle), math.sin(angle)]], dtype=torch.float64)
        right = torch.cat([right, -right])
        like, opposite = kernels.relu_kernel(left, right, 1.0)[0].tolist()
        known = (math.pi - math.pi * angle**2 / 2 + angle**3 / 3) / (2 * math.pi)
        assert like == pytest.approx(known, abs=1e-15)
        assert opposite == pytest.approx(angle**3 / (6 * math.pi), abs=1e-15)
        assert opposite >= 0


def in_class(kernel, scale):
    """Class alignment of random features, for inputs with something in common."""
    inputs = torch.from_numpy(stream(3, "inputs").standard_normal((30, 64))) + 0.3
    labels = torch.arange(30) % 3
    return kernels.class_kernel_alignment(
        inputs, labels, 3, scale=scale, kernel=kernel
    ).item()


def test_relu_alignment_does_not_depend_on_the_scale_and_sin_alignment_does():
    relu = [in_class(kernels.relu_kernel, s) for s in (1e-3, 0.1, 1.0, 10.0)]
    assert relu == pytest.approx([relu[0]] * 4, rel=1e-12)
    assert in_class(kernels.sin_kernel, 1.0) < in_class(kernels.sin_kernel, 1e-3) / 10


def clusters():
    """80 seen and 80 unseen inputs in 4 overlapping classes."""
    draws = stream(5, "inputs")
    centres = 0.3 * draws.standard_normal((4, 64))
    points = 1 + centres[None] + draws.standard_normal((40, 4, 64))  # none opposite
    inputs = torch.from_numpy(points.reshape(160, 64)).float()
    labels = torch.arange(160) % 4
    return (inputs[:80], labels[:80]), (inputs[80:], labels[80:])


def test_the_kernel_machine_is_a_wide_layer_of_random_features():
    train, test = clusters()
    asked = {"test": test, "classes": 4, "scale": 0.1}
    exact = kernels.kernel_machine_accuracy(train, **asked)
    wide = kernels.random_feature_accuracy(
        train, **asked, width=40_000, generator=stream(0, "features")
    )
    few = kernels.random_feature_accuracy(
        train, **asked, width=8, generator=stream(1, "features")
    )
    assert abs(wide - exact) <= 0.05 and few < exact - 0.1
    assert kernels.kernel_machine_accuracy(train, **asked | {"test": train}) == 1
    assert 0.4 < exact < 1  # above chance, and not trivial


def test_in_single_precision_a_narrow_kernel_underflows_to_the_first_class():
    train, (unseen, answers) = clusters()
    asked = {"test": (unseen, answers), "classes": 4}
    for scale, alike in ((0.1, True), (300.0, False)):
        plain = kernels.kernel_machine_accuracy(
            train, **asked, scale=scale, single=True
        )
        whole = kernels.kernel_machine_accuracy(train, **asked, scale=scale)
        assert (abs(plain - whole) <= 0.02) == alike
    assert plain == (answers == 0).double().mean().item()


def test_what_single_precision_cannot_solve_has_no_accuracy():
    train, test = clusters()
    asked = {"test": test, "classes": 4, "scale": 1e-4, "ridge": 0.0}
    assert math.isnan(kernels.kernel_machine_accuracy(train, **asked, single=True))


def test_a_ridge_holds_the_machine_back():
    train, _ = clusters()
    asked = {"classes": 4, "scale": 0.05, "test": train}
    fits = [
        kernels.kernel_machine_accuracy(train, **asked, ridge=r) for r in (1e-6, 1e3)
    ]
    assert fits[0] == 1 > fits[1]


@pytest.mark.parametrize("scale", [3.0, 300.0])
def test_a_narrow_kernel_answers_with_the_nearest_neighbour(scale):
    """Far beyond where exp(-s^2 d^2 / 2) is 0 in double precision."""
    (inputs, labels), (unseen, answers) = clusters()
    nearest = labels[torch.cdist(unseen, inputs).argmin(1)]
    share = (nearest == answers).double().mean().item()
    found = kernels.kernel_machine_accuracy(
        (inputs, labels), (unseen, answers), classes=4, scale=scale
    )
    assert found == share
