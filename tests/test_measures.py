"""Measures: alignments of the right vectors, at the right epochs."""

import pytest
import torch

from helpers.errors import Mistake
from helpers.losses import LOSSES
from helpers.measures import Network, check_names, measure, measured_epochs
from helpers.metrics.alignment import class_alignment
from helpers.models import build

CLASSES = 4


def network(depth=2, loss="cross_entropy", sigma=0.05, activation="sin"):
    shape = {"width": 10, "depth": depth, "activation": activation}
    model = build("mlp", features=12, classes=CLASSES, **shape)
    weights = model.initial(seed=0, init_scale=sigma)
    return Network(
        model,
        LOSSES[loss],
        {name: weight.double() for name, weight in weights.items()},
        torch.randn(40, 1, 3, 4, dtype=torch.float64),
        torch.randint(CLASSES, (40,)),
        torch.randn(24, 1, 3, 4, dtype=torch.float64),
        torch.randint(CLASSES, (24,)),
    )


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("depth", [2, 4])
def test_alignments_and_ratios_are_those_of_autograds_gradients(depth, loss):
    net = network(depth, loss)
    values = measure(("alignment",), net)
    weights = {n: w.clone().requires_grad_() for n, w in net.weights.items()}
    passed = net.model.forward(weights, net.train_images)
    losses = net.loss.value(passed.logits, net.train_labels)
    each = [
        torch.autograd.grad(one, [*weights.values(), passed.logits], retain_graph=True)
        for one in losses
    ]
    for index, name in enumerate([*weights, "logits"]):
        gradients = torch.stack([one[index].flatten() for one in each])
        if name == "logits":  # of its own row: one example's loss knows no other
            gradients = gradients.reshape(40, 40, CLASSES).diagonal().mT
        expected = class_alignment(net.train_labels, CLASSES, gradients).mean
        torch.testing.assert_close(values[f"gradient_alignment_{name}"], expected)
    batch = torch.autograd.grad(losses.mean(), [*weights.values()])
    for (name, weight), gradient in zip(weights.items(), batch, strict=True):
        ratio = (gradient.norm() / weight.norm()).detach()
        torch.testing.assert_close(values[f"gradient_ratio_{name}"], ratio)


def test_representations_are_those_of_the_last_hidden_layer_on_both_sets():
    net = network(depth=3)
    values = measure(("alignment",), net)
    for images, labels, name in (
        (net.train_images, net.train_labels, "representation_alignment"),
        (net.test_images, net.test_labels, "representation_alignment_test"),
    ):
        hidden = (images.flatten(1) @ net.weights["W1"].mT).sin()
        hidden = (hidden @ net.weights["W2"].mT).sin()
        expected = class_alignment(labels, CLASSES, hidden).mean
        torch.testing.assert_close(values[name], expected)


def test_every_measure_is_one_number_under_a_name_of_its_own():
    values = measure(("alignment",), network())
    assert set(values) == {
        *("gradient_alignment_W1", "gradient_alignment_W2", "gradient_ratio_W1"),
        *("gradient_alignment_logits", "gradient_ratio_W2"),
        *("representation_alignment", "representation_alignment_test"),
    }
    assert all(value.shape == () for value in values.values())
    assert measure((), network()) == {}


def test_a_diverged_network_has_undefined_alignments_and_no_error():
    net = network(activation="relu")
    net.weights["W1"].fill_(float("inf"))
    values = measure(("alignment",), net)
    assert values["gradient_alignment_W1"].isnan()
    assert values["representation_alignment"].isnan()


def test_a_fitted_network_without_gradients_has_undefined_gradient_alignments():
    net = network(loss="hinge")
    few = net._replace(
        train_images=net.train_images[:8], train_labels=torch.zeros(8).long()
    )
    # Logits (2, 0, 0, 0), which more hidden units than examples can always give.
    hidden = (few.train_images.flatten(1) @ few.weights["W1"].mT).sin()
    few.weights["W2"].zero_()
    few.weights["W2"][0] = 2 * torch.linalg.pinv(hidden).sum(1)
    values = measure(("alignment",), few)
    assert values["gradient_alignment_W1"].isnan()
    assert values["gradient_ratio_W1"] == 0
    assert not values["representation_alignment"].isnan()


def test_an_unknown_measure_is_a_mistake():
    line = r"^measure 'aligment': must be one of alignment$"
    with pytest.raises(Mistake, match=line):
        check_names(("alignment", "aligment"))
    with pytest.raises(Mistake, match=line):
        measure(("aligment",), network())


# When


def test_measured_epochs_are_two_an_octave():
    assert sorted(measured_epochs(40)) == [0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32]


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 100, 2000])
def test_a_longer_schedule_only_adds_later_epochs(epochs):
    schedule = measured_epochs(epochs)
    assert {0, 1} <= schedule and max(schedule) <= epochs
    assert schedule == {e for e in measured_epochs(10 * epochs) if e <= epochs}
    assert len(schedule) <= 2 + 2 * epochs.bit_length()
