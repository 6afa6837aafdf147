"""Families of modules: the papers' shapes, Keras's start, weights in a dictionary."""

import math

import pytest
import torch
from torch import nn

from helpers.errors import Mistake
from helpers.models import build

FAMILIES = {
    "convnet": {"image_shape": (1, 8, 8), "width": 16, "depth": 4},
    "resnet": {"image_shape": (2, 8, 8), "width": 4, "depth": 18},
    "resnet50": {"image_shape": (3, 32, 32), "width": 1, "depth": 1},
    "densenet121": {"image_shape": (3, 32, 32), "width": 1, "depth": 1},
    "vgg16": {"image_shape": (3, 32, 32), "width": 3, "depth": 16},
    "small_vgg": {"image_shape": (1, 8, 8), "width": 4, "depth": 9},
    "alexnet": {"image_shape": (3, 32, 32), "width": 3, "depth": 6},
    "resnet_imagenet": {"image_shape": (3, 64, 64), "width": 4, "depth": 18},
}


def model_of(family, classes=10, **shape):
    shape = FAMILIES[family] | shape
    return build(family, classes=classes, activation="relu", **shape)


def loaded(model, seed=0):
    module = model.module()
    model.load(module, model.initial(seed=seed))
    return module


@pytest.fixture(params=FAMILIES)
def model(request):
    return model_of(request.param)


def parameters_of(model):
    return sum(value.numel() for value in model.module().parameters())


# Shapes


def test_the_convnet_is_that_of_appendix_h():
    # 5·5·3·32 + 32, 5·5·32·64 + 64, (5·5·64)·1024 + 1024, 1024·10 + 10 (spec A.5:
    # 32 -> 32 -> 15 -> 11 -> 5 pixels, 1,600 values flattened).
    layers = (2_432, 51_264, 1_639_424, 10_250)
    model = model_of("convnet", image_shape=(3, 32, 32), width=1024)
    module = loaded(model)
    weights = [part for part in module.modules() if list(part.parameters(False))]
    counts = tuple(sum(p.numel() for p in part.parameters()) for part in weights)
    assert counts == layers
    shapes, x = [], torch.randn(1, 3, 32, 32)
    for part in module.features:
        x = part(x)
        shapes.append(tuple(x.shape[1:]))
    pixels = [shape[1] for shape in shapes if len(shape) == 3]
    assert pixels == [32, 32, 15, 11, 11, 5]
    assert shapes[-1] == (1024,)


@pytest.mark.parametrize(
    ("family", "shape", "count"),
    [
        # Known of these networks with a head for ten classes.
        ("resnet", {"image_shape": (3, 32, 32), "width": 64}, 11_173_962),
        ("resnet50", {}, 23_528_522),
        ("densenet121", {}, 6_964_106),
    ],
)
def test_the_big_networks_have_their_known_parameters(family, shape, count):
    assert parameters_of(model_of(family, **shape)) == count


@pytest.mark.parametrize(
    ("family", "image_shape", "hidden"),
    [
        *[("convnet", shape, 16) for shape in [(1, 4, 4), (3, 14, 14), (1, 23, 40)]],
        *[("vgg16", shape, 192) for shape in [(1, 1, 1), (2, 16, 16), (3, 33, 70)]],
        *[("small_vgg", (1, 1, 1), 16), ("small_vgg", (3, 33, 70), 16 * 5 * 9)],
        *[("alexnet", (1, 1, 1), 48), ("alexnet", (3, 33, 70), 48 * 6)],
        *[("resnet_imagenet", (1, 1, 1), 32), ("resnet_imagenet", (3, 33, 70), 32)],
        ("densenet121", (3, 29, 29), 1024),
    ],
)
def test_networks_take_images_of_any_size(family, image_shape, hidden):
    model = model_of(family, image_shape=image_shape)
    passed = model.forward(model.initial(seed=0), torch.randn(2, *image_shape))
    assert passed.logits.shape == (2, 10) and passed.hidden.shape == (2, hidden)


def shapes_of(model):
    """Shapes that leave the layers of a network's features, without repetitions."""
    x, shapes = torch.randn(2, *model.image_shape), []
    for part in loaded(model).eval().features:
        x = part(x)
        if not shapes or shapes[-1] != tuple(x.shape[1:]):
            shapes.append(tuple(x.shape[1:]))
    return shapes


PIXELS = {
    "vgg16": [
        *((2, 32, 32), (2, 16, 16), (4, 16, 16), (4, 8, 8), (8, 8, 8), (8, 4, 4)),
        *((16, 4, 4), (16, 2, 2), (16, 1, 1), (16,), (128,)),
    ],
    "alexnet": [
        *((2, 8, 8), (2, 4, 4), (6, 4, 4), (6, 2, 2), (12, 2, 2), (8, 2, 2)),
        *((32, 2, 2), (32, 1, 1), (32,)),
    ],
    "small_vgg": [
        *((2, 8, 8), (2, 4, 4), (4, 4, 4), (4, 2, 2), (8, 2, 2), (8, 1, 1), (8,))
    ],
    "resnet": [(2, 8, 8), (4, 4, 4), (8, 2, 2), (16, 1, 1), (16,)],
    "resnet_imagenet": [
        *((2, 32, 32), (2, 16, 16), (4, 8, 8), (8, 4, 4), (16, 2, 2), (16, 1, 1)),
        (16,),
    ],
}


@pytest.mark.parametrize("family", PIXELS)
def test_networks_leave_one_pixel_of_the_papers_images(family):
    model = model_of(family, width=2)
    assert shapes_of(model) == PIXELS[family]
    parts = [type(part).__name__ for part in model.module().features]
    if family == "vgg16":
        assert parts.count("Conv2d") == parts.count("BatchNorm2d") == 13
        assert parts[-5:] == ["Flatten", "Linear", "ReLU", "Linear", "ReLU"]
    if family == "small_vgg":
        assert parts.count("Conv2d") == parts.count("BatchNorm2d") == 8


def test_a_small_vgg_of_depth_8_ends_in_a_dense_layer():
    model = model_of("small_vgg", width=2, depth=8, image_shape=(1, 12, 12))
    assert shapes_of(model) == [
        *((2, 12, 12), (2, 6, 6), (4, 6, 6), (4, 3, 3), (8, 3, 3), (8, 2, 2)),
        *((32,),),
    ]
    parts = [type(part).__name__ for part in model.module().features]
    assert parts.count("Conv2d") == parts.count("BatchNorm2d") == 6
    assert parts[-3:] == ["Flatten", "Linear", "ReLU"]


def test_a_block_without_weights_hands_its_input_on():
    module = loaded(model_of("resnet", depth=10)).eval()
    block = module.features[3]
    nn.init.zeros_(block.conv2.weight)
    x = torch.rand(2, 4, 8, 8)
    torch.testing.assert_close(block(x), x)


# Weights


def test_weights_are_named_in_the_order_of_the_module(model):
    module, weights = model.module(), model.initial(seed=0)
    assert model.names == [name for name, _ in module.named_parameters()]
    assert {*model.names, *model.statistics} == set(weights) == set(module.state_dict())
    assert model.names[-2:] == ["head.weight", "head.bias"]
    kinds = {name.rpartition(".")[2] for name in model.statistics}
    normalised = any(isinstance(part, nn.BatchNorm2d) for part in module.modules())
    assert kinds == ({"running_mean", "running_var"} if normalised else set())
    assert {weight.dtype for weight in weights.values()} == {torch.float32}
    shape = {"image_shape": model.image_shape, "classes": 2, "width": 4, "depth": 10}
    with pytest.raises(Mistake, match=r"^activation = 'sin': must be relu for a "):
        build(model.family, activation="sin", **shape)
    with pytest.raises(Mistake, match=r"^init_scale = 0.1: must be left out \(None\)"):
        model.initial(seed=0, init_scale=0.1)
    assert all(weights[n].shape == v.shape for n, v in module.state_dict().items())


def test_layers_are_glorot_uniform_and_the_others_neutral(model):
    weights, other, seen = model.initial(seed=0), model.initial(seed=1), 0
    for name, weight in weights.items():
        if weight.ndim > 1:
            fans = sum(weight.shape[:2]) * math.prod(weight.shape[2:])
            bound, count = math.sqrt(6 / fans), weight.numel()
            # Uniforms' variance errs by √(4/5n) of itself; 6 errors over about 200
            # layers: fails for one seed in a million.
            ratio = (weight.double().var() / (bound**2 / 3)).item()
            assert weight.abs().max() <= bound and not torch.equal(weight, other[name])
            assert ratio == pytest.approx(1, abs=6 * math.sqrt(0.8 / count))
            seen += 1
        else:
            scale = name.endswith(("weight", "running_var"))
            assert torch.equal(weight, torch.full_like(weight, scale))
    assert seen > 3


def test_one_seed_draws_the_same_weights_ever_after():
    # Golden, from NumPy 2.4's PCG64: see test_models.
    weights = model_of("convnet").initial(seed=0)
    first, last = weights["features.0.weight"], weights["head.weight"]
    assert first.flatten()[0].item() == pytest.approx(0.081210919, rel=1e-6)
    assert last.flatten()[0].item() == pytest.approx(0.42709225, rel=1e-6)


# Forward


def test_a_forward_pass_is_that_of_the_loaded_module(model):
    weights, images = model.initial(seed=3), torch.randn(4, *model.image_shape)
    passed = model.forward(weights, images)
    expected = loaded(model, seed=3).eval()(images)
    torch.testing.assert_close(passed, expected)
    head = passed.hidden @ weights["head.weight"].T + weights["head.bias"]
    torch.testing.assert_close(passed.logits, head)
    alone = torch.cat([model.forward(weights, x).logits for x in images.split(1)])
    torch.testing.assert_close(passed.logits, alone, rtol=1e-3, atol=1e-5)
    assert not passed.logits.requires_grad and expected.logits.requires_grad


def test_training_moves_the_running_statistics_by_a_tenth():
    model = model_of("resnet", depth=10)
    module, images = loaded(model), torch.randn(20, 2, 8, 8)
    assert module.training
    module(images)
    stem = nn.functional.conv2d(images, module.features[0].weight, padding=1)
    moved = dict(module.named_buffers())["features.1.running_mean"]
    torch.testing.assert_close(moved, 0.1 * stem.mean((0, 2, 3)))


def test_weights_are_copied_in_and_out_of_a_module():
    model = model_of("resnet", depth=10)
    weights = model.initial(seed=5)
    module = model.module()
    pointers = [value.data_ptr() for value in module.parameters()]
    model.load(module, weights)
    state = module.state_dict()
    assert all(torch.equal(state[name], value) for name, value in weights.items())
    assert pointers == [value.data_ptr() for value in module.parameters()]
    module(torch.randn(3, 2, 8, 8))
    assert torch.equal(weights["features.1.running_mean"], torch.zeros(4))


# Mistakes


@pytest.mark.parametrize(
    ("family", "shape", "line"),
    [
        ("convnet", {"depth": 3}, r"depth = 3: must be 4 for a convnet"),
        (
            "convnet",
            {"image_shape": (1, 8, 3)},
            "model = 'convnet': images of 8 x 3 are too small, the least is 4 pixels a "
            "side",
        ),
        ("resnet", {"depth": 2}, "depth = 2: must be 10, 18, 26, ... for a resnet"),
        ("vgg16", {"depth": 13}, "depth = 13: must be 16 for a vgg16"),
        ("small_vgg", {"depth": 7}, "depth = 7: must be 8 or 9 for a small_vgg"),
        ("alexnet", {"depth": 8}, "depth = 8: must be 6 for an alexnet"),
        (
            "resnet_imagenet",
            {"depth": 1},
            "depth = 1: must be 10, 18, 26, ... for a resnet_imagenet",
        ),
        ("resnet", {"depth": 12}, "depth = 12: must be 10, 18, 26, ... for a resnet"),
        (
            "resnet50",
            {"image_shape": (1, 32, 32)},
            "model = 'resnet50': takes 3 channels and at least 1 pixels a side, the "
            "images are 1 x 32 x 32",
        ),
        (
            "densenet121",
            {"image_shape": (3, 28, 28)},
            "model = 'densenet121': takes 3 channels and at least 29 pixels a side, "
            "the images are 3 x 28 x 28",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_told(family, shape, line):
    with pytest.raises(Mistake) as error:
        model_of(family, **shape)
    assert str(error.value) == line
