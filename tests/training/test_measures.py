"""Measures: alignments of the right vectors, at the right epochs."""

from functools import partial

import pytest
import torch
from torch.func import functional_call, grad, vmap

from helpers.errors import Mistake
from helpers.metrics.gradients.alignment import class_alignment
from helpers.models import build
from helpers.training import measures
from helpers.training.losses import LOSSES
from helpers.training.measures import (
    MEASURES,
    Network,
    check_names,
    measure,
    measured_epochs,
)

CLASSES = 4


def network(
    depth=2, loss="cross_entropy", *, sigma=0.05, scale=1.0, activation="sin", **more
):
    """A perceptron in double precision, the gradient of its loss at a scale."""
    shape = {"width": 10, "depth": depth, "activation": activation} | more
    model = build("mlp", image_shape=(1, 3, 4), classes=CLASSES, **shape)
    weights = model.initial(seed=0, init_scale=sigma)
    return Network(
        model,
        partial(LOSSES[loss].gradient, scale=scale),
        {name: weight.double() for name, weight in weights.items()},
        torch.randn(40, 1, 3, 4, dtype=torch.float64),
        torch.randint(CLASSES, (40,)),
        torch.randn(24, 1, 3, 4, dtype=torch.float64),
        torch.randint(CLASSES, (24,)),
    )


@pytest.mark.parametrize("scale", [1.0, 0.2])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("depth", [2, 4])
def test_alignments_and_ratios_are_those_of_autograds_gradients(depth, loss, scale):
    net = network(depth, loss, scale=scale)
    values = measure(("alignment",), net)
    weights = {n: w.clone().requires_grad_() for n, w in net.weights.items()}
    passed = net.model.forward(weights, net.train_images)
    losses = LOSSES[loss].value(passed.logits, net.train_labels, scale)
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
    assert values.items() >= measure(("representations",), net).items()
    for images, labels, name in (
        (net.train_images, net.train_labels, "representation_alignment"),
        (net.test_images, net.test_labels, "representation_alignment_test"),
    ):
        hidden = (images.flatten(1) @ net.weights["W1"].mT).sin()
        hidden = (hidden @ net.weights["W2"].mT).sin()
        expected = class_alignment(labels, CLASSES, hidden).mean
        torch.testing.assert_close(values[name], expected)


def test_a_diverged_network_has_undefined_alignments_and_no_error():
    net = network(activation="relu")
    net.weights["W1"].fill_(float("inf"))
    values = measure(tuple(MEASURES), net)
    for name, value in values.items():
        assert value.isnan(), name


def test_a_fitted_network_without_gradients_has_undefined_gradient_alignments():
    net = network(loss="hinge")
    few = net._replace(
        train_images=net.train_images[:8], train_labels=torch.zeros(8).long()
    )
    # Logits (2, 0, 0, 0), which more hidden units than examples can always give.
    hidden = (few.train_images.flatten(1) @ few.weights["W1"].mT).sin()
    few.weights["W2"].zero_()
    few.weights["W2"][0] = 2 * torch.linalg.pinv(hidden).sum(1)
    values = measure(tuple(MEASURES), few)
    assert values["gradient_alignment_W1"].isnan()
    assert values["gradient_ratio_W1"] == 0
    assert not values["representation_alignment"].isnan()
    # The least inner product of zeros is 0; what is relative has no value.
    for part in ("in_class", "over_all", "first_in_class", "first_over_all"):
        assert values[f"confusion_{part}"] == 0
        for name in ("alignment", "diversity", "stiffness"):
            assert values[f"{name}_{part}"].isnan(), (name, part)


def test_an_unknown_measure_is_a_mistake():
    line = (
        r"^measure 'aligment': must be one of alignment, representations, gradients, "
    )
    line += r"first_gradients$"
    with pytest.raises(Mistake, match=line):
        check_names(("alignment", "aligment"))
    with pytest.raises(Mistake, match=line):
        measure(("aligment",), network())
    check_names(tuple(MEASURES))
    assert measure((), network()) == {}


# The four measures of figure 3


def pairs_of(products):
    """The entries off the diagonal."""
    return products[~torch.eye(len(products), dtype=torch.bool)]


def by_definition(each):
    """Alignment, diversity, stiffness and confusion of gradients (example, value)."""
    count, norms = len(each), each.norm(dim=1)
    products = each @ each.T
    cosines = pairs_of(products / (norms[:, None] * norms))
    alignment = pairs_of(products).sum() / (count * (count - 1)) / norms.mean() ** 2
    diversity = norms.square().sum() / each.sum(0).square().sum()
    return {
        "alignment": alignment,
        "diversity": diversity,
        "stiffness": cosines.nanmean(),  # a gradient of zero has no direction
        "confusion": pairs_of(products).min(),
    }


def in_classes(labels, each):
    """Their means over the classes."""
    rows = [by_definition(each[labels == label]) for label in range(CLASSES)]
    columns = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
    return {name: column.nanmean() for name, column in columns.items()}


def gradients_one_by_one(net, loss, scale):
    """Gradients of each example's own loss by each weight: name -> (example, value)."""
    weights = {n: w.clone().requires_grad_() for n, w in net.weights.items()}
    each = []
    for image, label in zip(net.train_images, net.train_labels, strict=True):
        logits = net.model.forward(weights, image[None]).logits
        value = LOSSES[loss].value(logits, label[None], scale).sum()
        each.append(torch.autograd.grad(value, [*weights.values()]))
    columns = zip(weights, zip(*each, strict=True), strict=True)
    return {n: torch.stack([g.flatten() for g in column]) for n, column in columns}


@pytest.mark.parametrize(("scale", "biases"), [(1.0, False), (0.2, True)])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("depth", [2, 4])
def test_measures_of_a_perceptron_are_those_of_its_explicit_gradients(
    depth, loss, scale, biases
):
    net = network(depth, loss, scale=scale, biases=biases)
    values = measure(("gradients",), net)
    each = gradients_one_by_one(net, loss, scale)
    parts = {"": torch.cat([*each.values()], dim=1), "_first": each["W1"]}
    expected = {}
    for part, rows in parts.items():
        for name, value in by_definition(rows).items():
            expected[f"{name}{part}_over_all"] = value
        for name, value in in_classes(net.train_labels, rows).items():
            expected[f"{name}{part}_in_class"] = value
    assert len(values) == 16
    torch.testing.assert_close(values, expected, rtol=1e-9, atol=1e-12)


def test_first_gradients_are_those_of_w1_within_classes():
    net = network()
    known, values = measure(("gradients",), net), measure(("first_gradients",), net)
    expected = {n: v for n, v in known.items() if n.endswith("_first_in_class")}
    assert len(expected) == 4
    torch.testing.assert_close(values, expected)


def test_confusion_over_all_looks_at_the_first_examples_alone(monkeypatch):
    monkeypatch.setattr(measures, "CONFUSION_EXAMPLES", 25)
    net = network()
    values = measure(("gradients",), net)
    each = torch.cat([*gradients_one_by_one(net, "cross_entropy", 1).values()], dim=1)
    some, whole = by_definition(each[:25]), by_definition(each)
    torch.testing.assert_close(values["confusion_over_all"], some["confusion"])
    assert some["confusion"] != whole["confusion"]
    for name in ("alignment", "diversity", "stiffness"):
        torch.testing.assert_close(values[f"{name}_over_all"], whole[name])
    in_class = in_classes(net.train_labels, each)["confusion"]
    torch.testing.assert_close(values["confusion_in_class"], in_class)


# Networks that are modules

MODULAR = {"convnet": {"width": 8, "depth": 4}, "resnet": {"width": 4, "depth": 10}}


@pytest.fixture(params=MODULAR)
def modular(request):
    """A small network that is a module; biases and statistics are no longer 0 and 1."""
    shape = {"image_shape": (1, 8, 8), "classes": CLASSES, "activation": "relu"}
    model = build(request.param, **shape, **MODULAR[request.param])
    weights = model.initial(seed=0, init_scale=None)
    for value in weights.values():
        if value.ndim == 1:
            value += 0.2 * torch.rand_like(value)
    return Network(
        model,
        partial(LOSSES["cross_entropy"].gradient, scale=0.5),
        weights,
        1 + torch.randn(40, 1, 8, 8),
        torch.randint(CLASSES, (40,)),
        1 + torch.randn(24, 1, 8, 8),
        torch.randint(CLASSES, (24,)),
    )


def evaluated(net):
    """The network as a plain module in evaluation mode and double precision."""
    module = net.model.module()
    net.model.load(module, net.weights)
    return module.double().eval()


def gradients_by_func(net, scale):
    """Gradients of each example's own loss: name -> (example, value), and of "all"."""
    module = evaluated(net)

    def loss(weights, image, label):
        logits = functional_call(module, weights, (image[None],)).logits
        return LOSSES["cross_entropy"].value(logits, label[None], scale)[0]

    weights = {name: w.detach() for name, w in module.named_parameters()}
    inputs = (net.train_images.double(), net.train_labels)
    each = vmap(grad(loss), in_dims=(None, 0, 0))(weights, *inputs)
    flat = {name: gradient.flatten(1) for name, gradient in each.items()}
    return flat | {"all": torch.cat([*flat.values()], dim=1)}


def test_alignments_of_a_module_are_those_of_its_explicit_gradients(modular):
    expected = {
        f"gradient_alignment_{name}": in_classes(modular.train_labels, rows)
        for name, rows in gradients_by_func(modular, 0.5).items()
    }
    values = measure(("alignment",), modular)
    hidden = measure(("representations",), modular)
    assert values.items() >= hidden.items()
    assert values.keys() - hidden.keys() == expected.keys()
    assert len(expected) == len(modular.model.names) + 1
    for name, known in expected.items():
        value = values[name].item()
        assert value == pytest.approx(known["alignment"].item(), rel=1e-4), name


def test_a_module_has_its_gradients_for_the_first_ones(modular):
    found = measure(("first_gradients",), modular)
    assert found == measure(("gradients",), modular) != {}


def test_measures_of_a_module_are_those_of_its_explicit_gradients(modular):
    before = {name: value.clone() for name, value in modular.weights.items()}
    rows = gradients_by_func(modular, 0.5)["all"]
    expected = in_classes(modular.train_labels, rows)
    values = measure(("gradients",), modular)
    kinds = ("alignment", "stiffness", "diversity")
    assert values.keys() == {f"{kind}_in_class" for kind in kinds}
    for kind in kinds:
        found, known = values[f"{kind}_in_class"].item(), expected[kind].item()
        assert found == pytest.approx(known, rel=1e-4), kind
    for name, value in before.items():  # nor are its statistics changed
        assert torch.equal(modular.weights[name], value), name


@pytest.mark.parametrize("chunk", [7, 512])
def test_representations_of_a_module_are_those_in_evaluation_mode(
    modular, chunk, monkeypatch
):
    monkeypatch.setattr(measures, "CHUNK", chunk)
    values = measure(("representations",), modular)
    module = evaluated(modular)
    for part, name in (("train", ""), ("test", "_test")):
        images = getattr(modular, f"{part}_images").double()
        hidden = torch.cat([module(image[None]).hidden for image in images]).detach()
        labels = getattr(modular, f"{part}_labels")
        expected = class_alignment(labels, CLASSES, hidden).mean.item()
        value = values.pop(f"representation_alignment{name}").item()
        assert value == pytest.approx(expected, rel=1e-5)
        assert 0.01 < value < 0.999
    assert values == {}


def test_a_diverged_module_has_undefined_measures_and_no_error(modular):
    for value in modular.weights.values():
        value.fill_(torch.nan)
    values = measure(tuple(MEASURES), modular)
    assert len(values) == len(modular.model.names) + 1 + 2 + 3
    for name, value in values.items():
        assert value.isnan(), name


# When


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 100, 2000])
def test_measured_epochs_are_two_an_octave(epochs):
    assert sorted(measured_epochs(40)) == [0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32]
    schedule = measured_epochs(epochs)
    assert {0, 1} <= schedule and max(schedule) <= epochs
    # A longer one only adds later epochs.
    assert schedule == {e for e in measured_epochs(10 * epochs) if e <= epochs}
