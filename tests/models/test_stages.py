"""Networks as chains of stages, and what each layer consists of: against whole ones."""

from collections import Counter
from functools import cache

import pytest
import torch
from torch import nn

from helpers.models import build
from helpers.models.layers import layer_names
from helpers.models.stages import layer_weights, stages
from helpers.papers.geometry.labelled import kernel_names

SHAPES = {
    "mlp": {"image_shape": (1, 2, 9), "width": 7, "depth": 4},
    "convnet": {"image_shape": (2, 8, 8), "width": 6, "depth": 4},
    "vgg16": {"image_shape": (2, 16, 16), "width": 2, "depth": 16},
    "small_vgg": {"image_shape": (1, 8, 8), "width": 3, "depth": 9},
    "alexnet": {"image_shape": (3, 32, 32), "width": 2, "depth": 6},
    "resnet": {"image_shape": (2, 8, 8), "width": 3, "depth": 18},
    "resnet_imagenet": {"image_shape": (2, 16, 16), "width": 2, "depth": 10},
    "resnet50": {"image_shape": (3, 32, 32), "width": 1, "depth": 1},
    "densenet121": {"image_shape": (3, 32, 32), "width": 1, "depth": 1},
}
LARGE = ("resnet50", "densenet121")
SMALL = {
    family: (family, {}) for family in SHAPES if family not in (*LARGE, "resnet")
} | {
    "mlp, biases": ("mlp", {"biases": True}),
    "mlp, sin": ("mlp", {"activation": "sin", "biases": True}),
    "mlp, one layer": ("mlp", {"depth": 1, "biases": True}),
    "resnet 10": ("resnet", {"depth": 10}),
    "resnet 18": ("resnet", {}),
}
EVERY = SMALL | {family: (family, {}) for family in LARGE}
KINDS = ("conv", "projection", "linear")


@cache
def model_of(family, **shape):
    """Made once, for the largest take seconds."""
    return build(
        family, **{"classes": 5, "activation": "relu"} | SHAPES[family] | shape
    )


@pytest.fixture(scope="module", params=EVERY)
def any_model(request):
    """A model of every family."""
    family, shape = EVERY[request.param]
    return model_of(family, **shape)


@pytest.fixture(scope="module", params=SMALL)
def model(request):
    """The same without torchvision's, whose layers are not named by kind."""
    family, shape = SMALL[request.param]
    return model_of(family, **shape)


def weights_of(model, seed=0):
    """Weights of one network, of which no two are equal and none is neutral."""
    generator = torch.Generator().manual_seed(seed)
    weights = model.initial(seed=seed, init_scale=None)
    for name, value in weights.items():
        if value.ndim == 1 or name.startswith("b"):
            value.add_(torch.rand(value.shape, generator=generator))
    return weights


def images_of(model, count=5):
    shape = getattr(model, "image_shape", (1, 2, 9))
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def through(chain, weights, values):
    for stage in chain:
        values = stage.apply(weights, values)
    return values


def counts_of(names):
    """How many there are of each kind, after their numbers were checked."""
    found = Counter()
    for name in names:
        kind, number = name.split()
        found[kind] += 1
        assert int(number) == found[kind], name  # 1, 2, ... in the order of depth
    assert {*found} <= {*KINDS}
    return tuple(found[kind] for kind in KINDS)


def norms_by_order(model):
    """Name of a convolution -> that of the BatchNorm behind it, "" where none is.

    By the order in which modules were made, which is that of the layers.
    """
    found, last = {}, None
    for name, part in model.skeleton.named_modules():
        if isinstance(part, nn.Conv2d):
            found[last := name] = ""
        elif isinstance(part, nn.BatchNorm2d):
            found[last] = name
    return found


# The chain


def test_a_chain_of_stages_gives_the_logits_bit_for_bit(any_model):
    weights, images = weights_of(any_model), images_of(any_model)
    before = {name: value.clone() for name, value in weights.items()}
    kept = images.clone()
    expected = any_model.forward(weights, images).logits
    assert torch.equal(through(stages(any_model), weights, images), expected)
    assert expected.shape == (5, 5) and expected.std(0).min() > 0
    assert torch.equal(images, kept)
    other = weights_of(any_model, seed=1)
    chain = stages(any_model)
    for again in (other, weights):  # a chain may be used again, with other weights
        logits = any_model.forward(again, images).logits
        assert torch.equal(through(chain, again, images), logits)
    assert all(torch.equal(weights[name], value) for name, value in before.items())


def test_every_weight_and_statistic_is_named_by_one_stage(any_model):
    counts = Counter(name for stage in stages(any_model) for name in stage.names)
    every = [*any_model.names, *getattr(any_model, "statistics", [])]
    assert counts == Counter(every)
    layers = layer_weights(any_model).values()
    owned = Counter(n for own in layers for n in own.weights + own.affine)
    assert owned == Counter(any_model.names) or len(layers) > 100  # a DenseNet's differ
    kernels = [own.kernel for own in layers]  # in the order of depth
    assert kernels == sorted(kernels, key=any_model.names.index)


def test_a_stage_changes_with_each_of_its_weights_and_with_no_other(model):
    """Other weights than those it names may be anything, NaN too.

    Many mixed networks go on from the same values: a stage with weights leaves them.
    """
    weights, values = weights_of(model), images_of(model)
    broken = {
        name: torch.full_like(value, torch.nan) for name, value in weights.items()
    }
    with torch.no_grad():
        for stage in stages(model):
            own = broken | {name: weights[name] for name in stage.names}
            kept = values.clone()
            after = stage.apply(own, values)
            assert after.isfinite().all()
            assert torch.equal(values, kept) or not stage.names
            for name in stage.names:
                changed = stage.apply({**own, name: broken[name]}, values)
                assert changed.isnan().any(), name
            values = after


@pytest.mark.parametrize(
    ("family", "sizes"),
    [
        ("mlp", [1, 1, 1, 1]),
        ("vgg16", [1, 4] * 13 + [2, 2, 2]),  # a linear layer has a bias
        ("resnet", [1, 4] + [10, 10] + [15, 10] * 3 + [2]),
        ("resnet50", [265, 2]),
    ],
)
def test_stages_are_as_small_as_the_network_allows(family, sizes):
    """A layer or a BatchNorm each; a block of a residual network whole."""
    assert [len(s.names) for s in stages(model_of(family)) if s.names] == sizes


# Layers


@pytest.mark.parametrize(
    ("family", "shape", "counts"),
    [
        ("mlp", {}, (0, 0, 4)),
        ("mlp", {"depth": 1, "biases": True}, (0, 0, 1)),
        ("convnet", {}, (2, 0, 2)),
        ("vgg16", {}, (13, 0, 3)),
        ("small_vgg", {}, (8, 0, 1)),
        ("alexnet", {}, (5, 0, 1)),
        ("resnet", {"depth": 10}, (9, 3, 1)),
        ("resnet", {}, (17, 3, 1)),
        ("resnet_imagenet", {"depth": 18}, (17, 3, 1)),
        ("resnet50", {}, (49, 4, 1)),
        ("densenet121", {}, (120, 0, 1)),
    ],
)
def test_layers_are_numbered_by_kind(family, shape, counts):
    model = model_of(family, **shape)
    assert counts_of(layer_weights(model)) == counts
    names = [name for name in layer_weights(model) if name.startswith("conv")]
    seen = [name for name in layer_names(model) if name.startswith("conv")]
    assert names == seen or family == "densenet121"


def test_layers_have_the_names_of_those_that_can_be_seen(model):
    """And the head beside them, and projections, behind whose sum there is one ReLU."""
    names = [name for name in layer_weights(model) if "projection" not in name]
    assert names[:-1] == layer_names(model)
    assert names[-1].startswith("linear")


def test_a_kernel_is_the_one_whose_gradients_are_shown(any_model):
    layers = layer_weights(any_model)
    kernels = {name: own.kernel for name, own in layers.items()}
    assert list(kernel_names(any_model).items()) == list(kernels.items())
    shapes = {n: w.ndim for n, w in weights_of(any_model).items()}
    for name, kernel in kernels.items():
        assert shapes[kernel] == (2 if name.startswith("linear") else 4)
        assert layers[name].weights[0] == kernel


def test_layers_are_kernels_biases_and_the_normalising_weights_behind_them(model):
    """A residual network's projections, too, and a perceptron's matrices."""
    norms = norms_by_order(model) if hasattr(model, "skeleton") else {}
    for name, own in layer_weights(model).items():
        kernel = own.kernel
        bias = kernel.replace("W", "b") if "W" in kernel else f"{kernel[:-6]}bias"
        if not norms.get(kernel.removesuffix(".weight")):
            norms.pop(kernel.removesuffix(".weight"), None)
            assert own.affine == own.statistics == ()
            assert own.weights == tuple(n for n in (kernel, bias) if n in model.names)
            continue
        assert name.startswith(("conv", "projection"))
        norm = norms.pop(own.kernel.removesuffix(".weight"))
        assert own.weights == (own.kernel,)
        assert own.affine == (f"{norm}.weight", f"{norm}.bias")
        assert own.statistics == (f"{norm}.running_mean", f"{norm}.running_var")
    assert not norms
