"""Perceptrons: torch.nn's forward pass, autograd's gradients, the paper's draw."""

import math

import pytest
import torch
from torch import nn

from helpers.datasets import standardise
from helpers.errors import Mistake
from helpers.models import FAMILIES, build
from helpers.models.mlp import ACTIVATIONS

PYTORCH = {
    "sin": torch.sin,
    "relu": nn.ReLU(),
    "sigmoid": nn.Sigmoid(),
    "linear": nn.Identity(),
}


class Elementwise(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def perceptron(
    *, depth=2, activation="sin", width=12, features=20, classes=5, biases=False
):
    shape = {"width": width, "depth": depth, "activation": activation}
    image = {"image_shape": (1, 4, features // 4), "classes": classes}
    return build("mlp", **image, **shape, biases=biases)


def drawn(model, seed=0, init_scale=0.1):
    """Initial weights in float64, with biases that are not zero."""
    weights = model.initial(seed=seed, init_scale=init_scale)
    generator = torch.Generator().manual_seed(seed)
    for name, weight in weights.items():
        if name.startswith("b"):
            weight.normal_(generator=generator)
    return in_double(weights)


def in_double(weights):
    return {name: weight.double() for name, weight in weights.items()}


def as_sequential(weights, activation):
    """The same network of torch.nn.Linear layers."""
    layers = [nn.Flatten()]
    for layer in range(1, sum(name.startswith("W") for name in weights) + 1):
        weight, bias = weights[f"W{layer}"], weights.get(f"b{layer}")
        linear = nn.Linear(*weight.mT.shape, bias=bias is not None, dtype=weight.dtype)
        linear.weight.data = weight.clone()
        if bias is not None:
            linear.bias.data = bias[:, 0].clone()
        layers += [linear, Elementwise(PYTORCH[activation])]
    return nn.Sequential(*layers[:-1])


def images(count=9, features=20):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 1, 4, features // 4, generator=generator).double()


# Forward and backward


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_logits_are_those_of_torch_nn_and_gradients_those_of_autograd(
    depth, activation, biases
):
    model = perceptron(depth=depth, activation=activation, biases=biases)
    weights = drawn(model)
    expected = as_sequential(weights, activation)(images())
    torch.testing.assert_close(model.forward(weights, images()).logits, expected)
    for weight in weights.values():
        weight.requires_grad_()
    passed = model.forward(weights, images())
    delta = torch.randn(passed.logits.shape, dtype=torch.float64)
    expected = torch.autograd.grad((delta * passed.logits).sum(), [*weights.values()])
    before = delta.clone()
    with torch.no_grad():
        factors = model.gradient_factors(weights, passed, delta)
    assert torch.equal(delta, before) and set(factors) == set(model.names)
    for name, gradient in zip(weights, expected, strict=True):
        inputs, outputs = factors[name]
        torch.testing.assert_close(outputs.mT @ inputs, gradient, rtol=1e-9, atol=1e-12)


def test_scaling_a_factor_in_place_changes_no_other():
    # As a step of training does, with a rate for every weight.
    model = perceptron(depth=3, biases=True)
    weights = drawn(model)
    passed = model.forward(weights, images())
    delta = torch.randn(passed.logits.shape, dtype=torch.float64)
    expected = model.gradient_factors(weights, passed, delta.clone())
    expected = {name: (a.clone(), u.clone()) for name, (a, u) in expected.items()}
    factors = model.gradient_factors(weights, passed, delta.clone())
    for scale, name in enumerate(model.names, start=2):
        factors[name][1].mul_(scale)
    for scale, name in enumerate(model.names, start=2):
        torch.testing.assert_close(factors[name][0], expected[name][0])
        torch.testing.assert_close(factors[name][1], scale * expected[name][1])


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_stack_of_networks_gives_what_each_gives_alone(depth, biases):
    model = perceptron(depth=depth, biases=biases)
    each = [drawn(model, seed=k, init_scale=0.3) for k in range(3)]
    stacked = {name: torch.stack([w[name] for w in each]) for name in model.names}
    passed = model.forward(stacked, images())
    delta = torch.randn(passed.logits.shape, dtype=torch.float64)
    factors = model.gradient_factors(stacked, passed, delta)
    for k, weights in enumerate(each):
        alone = model.forward(weights, images())
        torch.testing.assert_close(passed.logits[k], alone.logits)
        for name, pair in model.gradient_factors(weights, alone, delta[k]).items():
            # The first layer's input is shared by all networks.
            stacked_pair = [f.expand(3, *f.shape[-2:])[k] for f in factors[name]]
            torch.testing.assert_close(stacked_pair, list(pair))


def test_a_pass_leaves_the_inputs_of_every_layer():
    model = perceptron(depth=3)
    weights = in_double(model.initial(seed=0, init_scale=0.1))
    passed = model.forward(weights, images())
    assert [x.shape[-1] for x in passed.inputs] == [20, 12, 12]
    assert [x.shape[-1] for x in passed.preactivations] == [12, 12, 5]
    assert torch.equal(passed.inputs[2], passed.preactivations[1].sin())
    assert passed.preactivations[-1] is passed.logits
    assert passed.hidden is passed.inputs[-1]


# Initial weights


def test_biases_are_columns_that_start_at_zero_and_move_no_weight():
    plain = perceptron(depth=3).initial(seed=4, init_scale=1.0)
    model = perceptron(depth=3, biases=True)
    weights = model.initial(seed=4, init_scale=1.0)
    assert list(weights) == model.names == ["W1", "b1", "W2", "b2", "W3", "b3"]
    shapes = [tuple(weights[f"b{layer}"].shape) for layer in (1, 2, 3)]
    assert shapes == [(12, 1), (12, 1), (5, 1)]
    shapes = {name: tuple(weight.shape) for name, weight in plain.items()}
    assert shapes == {"W1": (12, 20), "W2": (12, 12), "W3": (5, 12)}
    for name, weight in weights.items():
        same = plain[name] if name in plain else torch.zeros_like(weight)
        assert weight.dtype == torch.float32 and torch.equal(weight, same)


@pytest.mark.parametrize("features", [64, 784, 3072])
@pytest.mark.parametrize("sigma", [0.001, 10.0])
def test_the_first_layer_is_gaussian_with_the_matched_deviation(features, sigma):
    model = perceptron(features=features, width=256)
    first = model.initial(seed=0, init_scale=sigma)["W1"].double().flatten()
    expected = sigma * math.sqrt(3072 / features)
    # Mean and deviation of n Gaussians err by 1/√n and 1/√(2n) of the deviation, the
    # fourth moment by √(96/n); 5 of these errors: fails for one seed in 600,000.
    n = first.numel()
    assert abs(first.mean()) < 5 * expected / math.sqrt(n)
    assert first.std().item() == pytest.approx(expected, rel=5 / math.sqrt(2 * n))
    # Standardised images then have preactivations of 55.4 sigma (spec A.1), within
    # 5 of the errors that 256 units leave: fails for one seed in two million.
    pixels = torch.randint(256, (1, 1, 4, features // 4), dtype=torch.uint8)
    weights = model.initial(seed=0, init_scale=sigma)
    before = model.forward(weights, standardise(pixels)).preactivations[0]
    assert before.std().item() == pytest.approx(55.4 * sigma, rel=5 / math.sqrt(512))
    fourth = (first / expected).pow(4).mean().item()
    assert fourth == pytest.approx(3, abs=5 * math.sqrt(96 / n))


@pytest.mark.parametrize(
    ("depth", "name", "scale"),
    [(2, "W2", 9.0), (3, "W2", 9.0), (3, "W3", 9.0), (2, "W1", None), (3, "W3", None)],
)
def test_the_other_layers_are_glorot_uniform(depth, name, scale):
    # And the first one, where no scale is given.
    weight = perceptron(depth=depth, width=256).initial(seed=0, init_scale=scale)[name]
    bound = math.sqrt(6 / sum(weight.shape))
    # The largest of n = 1,280 or more uniforms is below 0.98 of the bound with
    # probability 0.98^n < 1e-11; their variance errs by √(4/5n) of itself.
    assert 0.98 * bound < weight.abs().max() <= bound
    other = perceptron(depth=depth, width=256).initial(seed=1, init_scale=scale)
    for another in (other[name], other["W2"]):  # seeds and layers draw independently
        both = torch.stack([x.flatten()[:1000] for x in (weight, another)])
        assert abs(both.corrcoef()[0, 1]) < 0.17  # or once in 10^7
    ratio = (weight.double().var() / (bound**2 / 3)).item()
    assert ratio == pytest.approx(1, abs=5 * math.sqrt(0.8 / weight.numel()))


def test_scales_share_their_draws_and_nothing_else_moves():
    model = perceptron(depth=3)
    small = model.initial(seed=2, init_scale=0.001)
    large = model.initial(seed=2, init_scale=10.0)
    torch.testing.assert_close(10_000 * small["W1"], large["W1"])
    assert torch.equal(small["W2"], large["W2"])
    assert torch.equal(small["W3"], large["W3"])
    unscaled = model.initial(seed=2, init_scale=None)
    assert torch.equal(small["W3"], unscaled["W3"])
    assert model.initial(seed=2, init_scale=0.0)["W1"].count_nonzero() == 0


def test_one_seed_draws_the_same_weights_ever_after():
    # Golden, from NumPy 2.4's PCG64: should they change, finished runs are of another
    # make than new ones under the same name, and `recipe` must be raised.
    weights = perceptron().initial(seed=0, init_scale=1.0)
    assert weights["W1"][0, 0].item() == pytest.approx(-2.7689579, rel=1e-6)
    assert weights["W2"][0, 0].item() == pytest.approx(-0.54076380, rel=1e-6)


# Mistakes


def test_unknown_families_and_activations_are_told():
    shape = {"image_shape": (1, 2, 2), "classes": 2, "width": 4, "depth": 2}
    families = ", ".join(FAMILIES)
    assert families.startswith("mlp, convnet, resnet, resnet50, densenet121, vgg16, ")
    with pytest.raises(Mistake, match=rf"^model = 'cnn': must be one of {families}$"):
        build("cnn", activation="relu", **shape)
    with pytest.raises(
        Mistake, match=r"^activation = 'tanh': must be one of sin, relu"
    ):
        perceptron(activation="tanh")
