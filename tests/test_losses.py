"""Losses and their gradients: equal to autograd's and PyTorch's, with known limits."""

import pytest
import torch
from torch.nn import functional

from helpers.errors import Mistake
from helpers.losses import LOSSES, choose_loss

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


def test_a_loss_is_chosen_by_name():
    assert choose_loss("hinge") is LOSSES["hinge"]
    with pytest.raises(
        Mistake, match=r"^loss = 'mse': must be one of cross_entropy, hi"
    ):
        choose_loss("mse")
