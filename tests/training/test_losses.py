"""Losses and their gradients: equal to autograd's and PyTorch's, with known limits."""

import math

import pytest
import torch
from torch.nn import functional

from helpers.errors import Mistake
from helpers.training.losses import LOSSES, choose_loss

CLASSES = 7


@pytest.fixture(params=LOSSES)
def name(request):
    return request.param


def examples(scale=1.0):
    """Logits (network, example, class) in float64 and labels; no two logits tie."""
    generator = torch.Generator().manual_seed(0)
    logits = scale * torch.randn(3, 50, CLASSES, generator=generator).double()
    return logits, torch.randint(CLASSES, (3, 50), generator=generator)


def test_values_are_those_of_pytorch(name):
    logits, labels = examples()
    flat, classes = logits.flatten(0, 1), labels.flatten()
    targets, each = functional.one_hot(classes, CLASSES).double(), {"reduction": "none"}
    expected = {
        "cross_entropy": functional.cross_entropy(flat, classes, **each),
        # PyTorch's hinge is the mean over the classes, ours the sum.
        "hinge": CLASSES * functional.multi_margin_loss(flat, classes, **each),
        "squared": functional.mse_loss(flat, targets, **each).sum(-1) / 2,
    }[name]
    torch.testing.assert_close(LOSSES[name].value(logits, labels).flatten(), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_loss_reads_its_logits_and_leaves_them(name, dtype):
    logits, labels = examples()
    logits = logits.to(dtype)
    before = logits.clone()
    value = LOSSES[name].value(logits, labels)
    gradient = LOSSES[name].gradient(logits, labels)
    assert torch.equal(logits, before)
    assert (value.shape, value.dtype) == (labels.shape, dtype)
    assert (gradient.shape, gradient.dtype) == (logits.shape, dtype)


def test_a_loss_is_that_of_chance_at_first_and_zero_where_its_aim_is_reached():
    zeros, label = torch.zeros(1, CLASSES, dtype=torch.float64), torch.tensor([2])
    chance = {"cross_entropy": math.log(CLASSES), "hinge": CLASSES - 1, "squared": 0.5}
    for name, known in chance.items():
        value = LOSSES[name].value(zeros, label).item()
        assert value == pytest.approx(known, abs=1e-14)
    aim = 2.5 * functional.one_hot(label, CLASSES)
    assert LOSSES["hinge"].value(aim, label).item() == 0
    assert LOSSES["hinge"].gradient(aim, label).abs().max() == 0
    assert LOSSES["squared"].value(aim / 2.5, label).item() == 0
    assert LOSSES["cross_entropy"].value(400 * aim, label).item() == 0


def test_enormous_logits_give_finite_cross_entropy():
    # The wrong class leads by 1e30: loss 1e30, and all of the gradient is between both.
    logits, label = torch.tensor([[1e30, 0.0, 0.0]]), torch.tensor([1])
    assert LOSSES["cross_entropy"].value(logits, label).item() == pytest.approx(1e30)
    gradient = LOSSES["cross_entropy"].gradient(logits, label)
    assert gradient.tolist() == [[1.0, -1.0, 0.0]]


# Scales of the logits

DEGREES = {"cross_entropy": 0, "hinge": 1, "squared": 2}  # of each loss in z and scale


@pytest.fixture(params=[0.01, 1.0, 20.0, "its own"])
def scale(request):
    """A scale for all networks, or one for each, (network, 1, 1)."""
    own = torch.tensor([0.5, 3.0, 70.0], dtype=torch.float64)[:, None, None]
    return own if request.param == "its own" else request.param


@pytest.mark.parametrize("size", [0.01, 1.0, 30.0])
def test_gradients_at_a_scale_are_those_of_autograd(name, scale, size):
    logits, labels = examples(size)
    logits.requires_grad_()
    value = LOSSES[name].value(logits, labels, scale)
    (expected,) = torch.autograd.grad(value.sum(), logits)
    gradient = LOSSES[name].gradient(logits.detach(), labels, scale)
    torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=1e-12)


def test_each_network_has_the_loss_of_its_own_scale(name):
    logits, labels = examples(5.0)
    logits, own = logits.float(), torch.tensor([0.3, 1.0, 7.0])
    value = LOSSES[name].value(logits, labels, own[:, None, None])
    gradient = LOSSES[name].gradient(logits, labels, own[:, None, None])
    for k, one in enumerate(own.tolist()):
        given = (logits[k], labels[k], one)
        assert torch.equal(value[k], LOSSES[name].value(*given))
        assert torch.equal(gradient[k], LOSSES[name].gradient(*given))
    assert value.dtype == gradient.dtype == torch.float32


def test_a_loss_is_homogeneous_in_logits_and_scale(name, scale):
    # L(a z; a s) = a^d L(z; s), and so for the gradient with d - 1.
    logits, labels = examples(3.0)
    degree, close = DEGREES[name], {"rtol": 1e-12, "atol": 1e-12}
    for a in (0.125, 3.0):
        for function, power in zip(LOSSES[name], (degree, degree - 1), strict=True):
            scaled = function(a * logits, labels, a * scale)
            plain = a**power * function(logits, labels, scale)
            torch.testing.assert_close(scaled, plain, **close)


@pytest.mark.parametrize("one", [1.0, torch.ones(3, 1, 1)], ids=["number", "tensor"])
def test_a_scale_of_one_leaves_every_bit_as_it_was(name, one):
    logits, labels = examples(3.0)
    logits = logits.float()
    for function in LOSSES[name]:
        assert torch.equal(function(logits, labels, one), function(logits, labels))
    # And these are the plain formulas, without any scale.
    ones = functional.one_hot(labels, CLASSES).float()
    plain = {
        "cross_entropy": torch.softmax(logits, -1) - ones,
        "squared": logits - ones,
    }
    if name in plain:
        assert torch.equal(LOSSES[name].gradient(logits, labels, one), plain[name])


def test_the_temperature_the_margin_and_the_target_are_what_the_scale_is():
    logits = torch.tensor([[1.0, 4.0, 2.0]], dtype=torch.float64)
    label = torch.tensor([1])
    by_hand = {
        "cross_entropy": functional.cross_entropy(logits / 5, label).item(),
        "hinge": (5 + 1 - 4) + (5 + 2 - 4),
        "squared": (1 + (4 - 5) ** 2 + 4) / 2,
    }
    for name, expected in by_hand.items():
        value = LOSSES[name].value(logits, label, 5.0).item()
        assert value == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("margin", [1.0, 100.0])
def test_the_hinge_of_enormous_logits_keeps_its_whole_gradient(margin):
    # At 1e8 neighbouring float32 values are 8 apart: z + 1 is z. What is inside the
    # margin depends on the difference to the label's logit, which is exact.
    high = torch.tensor([[0.0, 0.0, 8.0, -8.0, -1e8]]) + 1e8
    gradient = LOSSES["hinge"].gradient(high, torch.tensor([0]), margin)
    inside = [1.0, 1.0, 1.0 if margin > 8 else 0.0, 0.0]
    assert gradient.tolist() == [[-sum(inside), *inside]]
    value = LOSSES["hinge"].value(high, torch.tensor([0]), margin).item()
    assert value == margin + (margin + 8) + max(margin - 8, 0)


def test_a_loss_is_chosen_by_name():
    assert choose_loss("hinge") is LOSSES["hinge"]
    line = r"^loss = 'mse': must be one of cross_entropy, hi"
    with pytest.raises(Mistake, match=line):
        choose_loss("mse")
