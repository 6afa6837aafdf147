"""Losses and their gradients: equal to autograd's and PyTorch's, with known limits."""

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


@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
def test_gradients_are_those_of_autograd(name, scale):
    logits, labels = examples(scale)
    logits.requires_grad_()
    (expected,) = torch.autograd.grad(LOSSES[name].value(logits, labels).sum(), logits)
    gradient = LOSSES[name].gradient(logits.detach(), labels)
    torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=1e-12)


def test_values_are_those_of_pytorch(name):
    logits, labels = examples()
    flat, classes = logits.flatten(0, 1), labels.flatten()
    targets = functional.one_hot(classes, CLASSES).double()
    expected = {
        "cross_entropy": functional.cross_entropy(flat, classes, reduction="none"),
        # PyTorch's hinge is the mean over the classes, ours the sum.
        "hinge": CLASSES
        * functional.multi_margin_loss(flat, classes, reduction="none"),
        "squared": functional.mse_loss(flat, targets, reduction="none").sum(-1) / 2,
    }
    torch.testing.assert_close(
        LOSSES[name].value(logits, labels).flatten(), expected[name]
    )


def test_a_loss_reads_its_logits_and_leaves_them(name):
    logits, labels = examples()
    before = logits.clone()
    LOSSES[name].value(logits, labels)
    LOSSES[name].gradient(logits, labels)
    assert torch.equal(logits, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients_keep_shape_and_type(name, dtype):
    logits, labels = examples()
    value = LOSSES[name].value(logits.to(dtype), labels)
    gradient = LOSSES[name].gradient(logits.to(dtype), labels)
    assert (value.shape, value.dtype) == (labels.shape, dtype)
    assert (gradient.shape, gradient.dtype) == (logits.shape, dtype)


def test_an_undecided_network_has_the_loss_of_chance():
    zeros, label = torch.zeros(1, CLASSES, dtype=torch.float64), torch.tensor([2])
    assert LOSSES["cross_entropy"].value(zeros, label).item() == pytest.approx(
        torch.tensor(CLASSES).double().log().item(), abs=1e-14
    )
    assert LOSSES["hinge"].value(zeros, label).item() == CLASSES - 1
    assert LOSSES["squared"].value(zeros, label).item() == 0.5


def test_a_loss_is_zero_where_its_aim_is_reached():
    aim, label = 2.5 * functional.one_hot(torch.tensor([2]), CLASSES), torch.tensor([2])
    assert LOSSES["hinge"].value(aim, label).item() == 0
    assert LOSSES["hinge"].gradient(aim, label).abs().max() == 0
    assert LOSSES["squared"].value(aim / 2.5, label).item() == 0
    assert LOSSES["cross_entropy"].value(400 * aim, label).item() == 0


def test_enormous_logits_give_finite_cross_entropy():
    # The wrong class leads by 1e30: loss 1e30, and all of the gradient is between both.
    logits = torch.tensor([[1e30, 0.0, 0.0]])
    label = torch.tensor([1])
    assert LOSSES["cross_entropy"].value(logits, label).item() == pytest.approx(1e30)
    gradient = LOSSES["cross_entropy"].gradient(logits, label)
    assert gradient.tolist() == [[1.0, -1.0, 0.0]]


@pytest.mark.parametrize("shifted", ["cross_entropy", "hinge"])
def test_a_shift_of_all_logits_changes_nothing(shifted):
    logits, labels = examples()
    loss = LOSSES[shifted]
    torch.testing.assert_close(
        loss.value(logits + 3, labels), loss.value(logits, labels)
    )
    assert loss.gradient(logits, labels).sum(-1).abs().max() < 1e-14


# Scales of the logits

DEGREES = {"cross_entropy": 0, "hinge": 1, "squared": 2}  # of each loss in z and scale


@pytest.fixture(params=[0.01, 1.0, 20.0, "its own"])
def scale(request):
    """A scale for all networks, or one for each, (network, 1, 1)."""
    own = torch.tensor([0.5, 3.0, 70.0], dtype=torch.float64)[:, None, None]
    return own if request.param == "its own" else request.param


@pytest.mark.parametrize("size", [0.1, 10.0])
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
    degree, loss = DEGREES[name], LOSSES[name]
    for a in (0.125, 3.0):
        torch.testing.assert_close(
            loss.value(a * logits, labels, a * scale),
            a**degree * loss.value(logits, labels, scale),
            rtol=1e-12,
            atol=1e-12,
        )
        torch.testing.assert_close(
            loss.gradient(a * logits, labels, a * scale),
            a ** (degree - 1) * loss.gradient(logits, labels, scale),
            rtol=1e-12,
            atol=1e-12,
        )


def test_a_scale_matters(name):
    logits, labels = examples()
    for function in LOSSES[name]:
        assert not torch.allclose(
            function(logits, labels, 2.0), function(logits, labels)
        )


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
    logits, label = (
        torch.tensor([[1.0, 4.0, 2.0]], dtype=torch.float64),
        torch.tensor([1]),
    )
    by_hand = {
        "cross_entropy": functional.cross_entropy(logits / 5, label),
        "hinge": torch.tensor((5 + 1 - 4) + (5 + 2 - 4)),
        "squared": torch.tensor((1 + (4 - 5) ** 2 + 4) / 2),
    }
    for name, expected in by_hand.items():
        value = LOSSES[name].value(logits, label, 5.0).item()
        assert value == pytest.approx(expected.item(), rel=1e-14)


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
    with pytest.raises(
        Mistake, match=r"^loss = 'mse': must be one of cross_entropy, hi"
    ):
        choose_loss("mse")
