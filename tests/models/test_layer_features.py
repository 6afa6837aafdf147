"""Names and features of layers: what leaves each nonlinearity, in bounded memory."""

import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from helpers.errors import Mistake
from helpers.models import build
from helpers.models import layers as module
from helpers.models.layers import layer_features, layer_names

SHAPES = {
    "mlp": {"image_shape": (1, 2, 9), "width": 7, "depth": 6},
    "convnet": {"image_shape": (2, 8, 8), "width": 6, "depth": 4},
    "vgg16": {"image_shape": (2, 16, 16), "width": 2, "depth": 16},
    "small_vgg": {"image_shape": (1, 8, 8), "width": 3, "depth": 9},
    "alexnet": {"image_shape": (3, 32, 32), "width": 2, "depth": 6},
    "resnet": {"image_shape": (2, 8, 8), "width": 3, "depth": 10},
    "resnet_imagenet": {"image_shape": (2, 16, 16), "width": 2, "depth": 10},
    "resnet50": {"image_shape": (3, 32, 32), "width": 1, "depth": 1},
}
SMALL = [family for family in SHAPES if family != "resnet50"]  # which takes seconds


def model_of(family, activation="relu", **shape):
    shape = SHAPES[family] | shape
    return build(family, classes=5, activation=activation, **shape)


def weights_of(model, seed=0):
    """Initial weights, with statistics and biases that are not the neutral ones."""
    generator = torch.Generator().manual_seed(seed)
    weights = model.initial(seed=seed, init_scale=None)
    for value in weights.values():
        if value.ndim == 1:
            value.add_(torch.rand(value.shape, generator=generator))
    return weights


def images_of(model, count=9):
    shape = getattr(model, "image_shape", (1, 2, 9))
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=SMALL)
def model(request):
    return model_of(request.param)


def features_of(model, images, seed=0, **options):
    return dict(layer_features(model, weights_of(model, seed), images, **options))


def numbered(**kinds):
    return [f"{kind} {k}" for kind, count in kinds.items() for k in range(1, count + 1)]


# Names


@pytest.mark.parametrize(
    ("family", "shape", "names"),
    [
        ("mlp", {}, numbered(linear=5)),
        ("mlp", {"depth": 1}, []),
        ("convnet", {}, numbered(conv=2, linear=1)),
        ("vgg16", {}, numbered(conv=13, linear=2)),
        ("small_vgg", {}, numbered(conv=8)),
        ("alexnet", {}, numbered(conv=5)),
        ("resnet", {}, numbered(conv=9)),
        ("resnet", {"depth": 18}, numbered(conv=17)),
        ("resnet_imagenet", {"depth": 18}, numbered(conv=17)),
        ("resnet50", {}, numbered(conv=49)),
    ],
)
def test_layers_are_numbered_by_kind_in_the_order_of_depth(family, shape, names):
    assert layer_names(model_of(family, **shape)) == names


# Features


def test_features_come_layer_by_layer_one_row_an_image(model):
    images = images_of(model)
    found = list(layer_features(model, weights_of(model), images))
    assert [name for name, _ in found] == layer_names(model)
    for _, features in found:
        assert features.ndim == 2 and len(features) == len(images)
        assert features.dtype == torch.float32 and not features.requires_grad
        assert features.min() == 0 < features.max()
    none = dict(layer_features(model, weights_of(model), images[:0]))
    assert {n: x.shape for n, x in none.items()} == {
        name: (0, features.shape[1]) for name, features in found
    }


def by_hand(model, weights, images):
    """Features of a sequence of layers, none of which works in place."""
    own = model.module().eval()
    model.load(own, weights)
    found, x = [], images
    for part in own.features:
        if isinstance(part, nn.ReLU):
            x = x.clamp(min=0)
            found.append(x.flatten(1))
        else:
            x = part(x)
    return found


@pytest.mark.parametrize("family", ["convnet", "vgg16", "small_vgg", "alexnet"])
def test_features_are_what_leaves_each_relu_of_a_sequence(family):
    model = model_of(family)
    weights, images = weights_of(model), images_of(model)
    expected = by_hand(model, weights, images)
    found = dict(layer_features(model, weights, images))
    torch.testing.assert_close([*found.values()], expected)


@pytest.mark.parametrize("family", ["resnet", "resnet_imagenet"])
def test_a_block_has_the_features_inside_and_those_after_the_sum(family):
    model = model_of(family)
    weights, images = weights_of(model), images_of(model)
    own = model.module().eval()
    model.load(own, weights)
    found = features_of(model, images, layers=[*layer_names(model), "hidden"])
    x, layer = images, 0
    for part in own.features:
        if isinstance(part, nn.ReLU):
            x, layer = part(x), layer + 1
        elif hasattr(part, "conv1"):
            inside = part.norm1(part.conv1(x)).clamp(min=0)
            x = (part.norm2(part.conv2(inside)) + part.shortcut(x)).clamp(min=0)
            torch.testing.assert_close(found[f"conv {layer + 1}"], inside.flatten(1))
            layer += 2
        else:
            x = part(x)
            continue
        torch.testing.assert_close(found[f"conv {layer}"], x.flatten(1))
    assert layer == 9
    torch.testing.assert_close(found["hidden"], x)


@pytest.mark.parametrize("activation", ["relu", "sin"])
@pytest.mark.parametrize("biases", [False, True])
def test_features_of_a_perceptron_are_its_hidden_units(activation, biases):
    model = model_of("mlp", activation=activation, biases=biases)
    weights, images = weights_of(model), images_of(model)
    passed = model.forward(weights, images)
    found = dict(layer_features(model, weights, images))
    assert list(found) == numbered(linear=5)
    torch.testing.assert_close([*found.values()], passed.inputs[1:])


def test_input_hidden_and_logits_come_if_asked(model):
    images, weights = images_of(model), weights_of(model)
    asked = ["logits", "input", layer_names(model)[-1], "hidden"]
    found = dict(layer_features(model, weights, images, layers=asked))
    assert list(found) == asked  # in the order given
    passed = model.forward(weights, images)
    torch.testing.assert_close(found["logits"], passed.logits)
    torch.testing.assert_close(found["hidden"], passed.hidden)
    assert torch.equal(found["input"], images.flatten(1))
    before = images.clone()
    found["input"].zero_()
    every = features_of(model, images)
    assert torch.equal(images, before)
    name = asked[2]
    assert torch.equal(features_of(model, images, layers=[name])[name], every[name])
    with pytest.raises(Mistake, match=r"^layer 'conv 0': must be one of input, ") as e:
        layer_features(model, weights, images, layers=["conv 0"])
    assert all(name in str(e.value) for name in [*layer_names(model), "logits"])


def test_images_do_not_see_each_other_and_chunks_are_joined_in_order(
    model, monkeypatch
):
    images = images_of(model)
    every = features_of(model, images)
    monkeypatch.setitem(module.CHUNK, "cpu", 2)
    for other in (images, images.to(memory_format=torch.channels_last)):
        for name, features in features_of(model, other).items():
            torch.testing.assert_close(features, every[name], rtol=1e-3, atol=1e-5)
    double = {name: value.double() for name, value in weights_of(model).items()}
    for name, features in layer_features(model, double, images.double()):
        assert features.dtype == torch.float64
        torch.testing.assert_close(features.float(), every[name], rtol=1e-3, atol=1e-5)


def test_threads_that_share_a_model_do_not_hear_each_other():
    model = model_of("resnet")
    images = images_of(model, count=40)
    expected = [features_of(model, images, seed=seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda seed: features_of(model, images, seed=seed), range(4))
    for ours, theirs in zip(found, expected, strict=True):
        for name, features in theirs.items():
            torch.testing.assert_close(ours[name], features)


@pytest.mark.cuda
def test_features_are_on_the_device_of_the_images(model):
    images = images_of(model)
    every = features_of(model, images)
    for name, features in features_of(model, images.cuda()).items():
        assert features.is_cuda
        # In TF32, which convolutions may use there, three digits are right.
        torch.testing.assert_close(features.cpu(), every[name], rtol=0.02, atol=0.02)


# Memory


def passes_of(monkeypatch):
    """The layers that each pass holds, as they are taken."""
    passes, one_pass = [], module._one_pass

    def noted(model, weights, images, sizes):
        passes.append(list(sizes))
        return one_pass(model, weights, images, sizes)

    monkeypatch.setattr(module, "_one_pass", noted)
    return passes


def test_layers_that_do_not_fit_together_come_of_further_passes(monkeypatch):
    model, passes = model_of("small_vgg"), passes_of(monkeypatch)
    images = images_of(model, count=5)
    every = features_of(model, images)
    assert passes == [numbered(conv=8)]
    # 3 x 64, twice; 6 x 16, twice; 12 x 4, four times: 192 192 96 96 48 48 48 48.
    assert [features.shape[1] for features in every.values()] == [
        *(192, 192, 96, 96, 48, 48, 48, 48)
    ]
    passes.clear()
    found = layer_features(model, weights_of(model), images, memory=300 * 5 * 4)
    assert passes == []  # a pass begins only when its layers are asked for,
    name, features = next(found)
    assert passes == [["conv 1"]] and torch.equal(features, every.pop(name))
    gone, features = weakref.ref(features), None
    assert gone() is None  # and features are let go once the caller has them
    for name, features in found:
        assert torch.equal(features, every.pop(name))
    assert not every and [len(names) for names in passes] == [1, 2, 5]


def test_memory_holds_exactly_what_it_says():
    model = model_of("small_vgg")
    images = images_of(model, count=5)
    asked = {"layers": ["conv 1"]}
    assert features_of(model, images, memory=192 * 5 * 4, **asked)
    with pytest.raises(Mistake) as error:
        layer_features(
            model, weights_of(model), images, memory=192 * 5 * 4 - 1, **asked
        )
    assert str(error.value) == (
        "layer 'conv 1' needs 0.0 MiB for 5 examples of 192 features, memory is "
        "0.0 MiB: give at most 4 examples, a narrower network or more memory"
    )


# Mistakes


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(3, 1, 8, 9),
        torch.zeros(3, 64),
        torch.zeros(3, 1, 8, 8, dtype=torch.uint8),
    ],
)
@pytest.mark.parametrize("family", ["mlp", "small_vgg"])
def test_images_that_do_not_fit_are_told(family, images):
    shape = {"image_shape": (1, 8, 8)}
    model = model_of(family, **shape)
    with pytest.raises(Mistake, match=r"^images are torch\.\w+ of shape \(3, .*: give"):
        layer_features(model, weights_of(model), images)
    several = {name: value[None] for name, value in weights_of(model).items()}
    with pytest.raises(Mistake, match="give the weights of one network, without an"):
        layer_features(model, several, torch.zeros(3, 1, 8, 8))
