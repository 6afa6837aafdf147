"""Identity nets: the paper's sizes, torch.nn's results, explicit identities."""

import pytest
import torch
from plain_nets import as_module
from torch import nn

from helpers.errors import Mistake
from helpers.models import parameter_count
from helpers.models.identity import FAMILIES, build_identity
from helpers.models.identity_net import ACTIVATIONS, SCHEMES

FCN, CONVNET = FAMILIES
IMAGE = (1, 6, 5)


def network(family=CONVNET, **fields):
    shape = {"image_shape": IMAGE, "width": 64, "depth": 3}
    return build_identity(family, **shape | fields)


def stacked(model, seeds, scheme="pytorch"):
    """Weights of several networks, with biases wherever the model has them."""
    each = [model.initial(seed=seed, scheme=scheme) for seed in seeds]
    return {name: torch.stack([w[name] for w in each]) for name in model.names}


def one_by_one(weights):
    """The weights of each network, without the axis of networks."""
    count = len(weights["W1"])
    return [{name: w[k] for name, w in weights.items()} for k in range(count)]


# Sizes


@pytest.mark.parametrize(
    ("family", "width", "depth", "count"),
    [
        (FCN, 2048, 2, 3_214_096),
        (FCN, 784, 4, 2_461_760),
        (CONVNET, 128, 5, 2 * 25 * 128 + 3 * 25 * 128**2 + 4 * 128 + 1),
        (CONVNET, 1024, 5, 78_698_497),
    ],
)
def test_networks_have_as_many_parameters_as_the_paper_says(
    family, width, depth, count
):
    model = network(family, image_shape=(1, 28, 28), width=width, depth=depth)
    assert parameter_count(model) == count


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("family", FAMILIES)
def test_parameters_are_those_of_the_module(family, depth, biases):
    model = network(family, image_shape=(3, 4, 5), width=7, depth=depth, biases=biases)
    weights = model.initial(seed=0, scheme="glorot")
    assert list(weights) == model.names == list(model.shapes)
    assert {name: tuple(w.shape) for name, w in weights.items()} == model.shapes
    if family == CONVNET and depth > 2:
        assert model.shapes["W2"] == (7, 7, 5, 5)
    assert all(weight.dtype == torch.float32 for weight in weights.values())
    counts = [p.numel() for p in as_module(model, weights).parameters()]
    assert parameter_count(model) == sum(counts)
    assert len(counts) == (2 if biases else 1) * depth


# Results


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_stack_computes_what_each_module_computes(family, depth, activation, biases):
    shape = {"width": 8, "depth": depth, "activation": activation, "biases": biases}
    model = network(family, image_shape=(2, 6, 5), **shape)
    weights = stacked(model, range(3))
    images = torch.randn(3, 4, 2, 6, 5)
    outputs = model.forward(weights, images)
    shared = model.forward(weights, images[:1])
    assert len(outputs) == depth
    for k, own in enumerate(one_by_one(weights)):
        module = as_module(model, own)
        torch.testing.assert_close(outputs[-1][k], module(images[k]))
        torch.testing.assert_close(shared[-1][k], module(images[0]))
        alone = model.forward({n: w[None] for n, w in own.items()}, images[k : k + 1])
        for mine, together in zip(alone, outputs, strict=True):
            torch.testing.assert_close(mine[0], together[k])


@pytest.mark.parametrize("family", FAMILIES)
def test_hidden_outputs_are_those_after_the_activation(family):
    model = network(family, width=8)
    weights = stacked(model, [0])
    images = torch.randn(1, 4, *IMAGE)
    module = as_module(model, one_by_one(weights)[0])
    start = 1 if family == FCN else 0  # behind Flatten
    for layer, hidden in enumerate(model.forward(weights, images)[:-1], start=1):
        expected = module[: start + 2 * layer](images[0])
        assert isinstance(module[start + 2 * layer - 1], nn.ReLU)
        torch.testing.assert_close(hidden[0], expected)
        assert (hidden == 0).any() and hidden.min() == 0


@pytest.mark.parametrize("kernel", [1, 3, 7, 11])
def test_filters_of_any_odd_side_keep_the_size(kernel):
    model = network(width=4, kernel=kernel)
    weights = stacked(model, range(2))
    for size in ((6, 5), (3, 9), (14, 14)):
        images = torch.randn(2, 3, 1, *size)
        outputs = model.forward(weights, images)[-1]
        assert outputs.shape == images.shape
        for k, own in enumerate(one_by_one(weights)):
            expected = as_module(model, own)(images[k])
            torch.testing.assert_close(outputs[k], expected)
        same = {n: torch.stack([w] * 2) for n, w in model.identity_weights().items()}
        torch.testing.assert_close(model.forward(same, images)[-1], images)


@pytest.mark.parametrize("kernel", [1, 5, 11])
def test_unfolded_filters_compute_what_grouped_ones_do(kernel):
    grouped, unfolded = (network(width=4, kernel=kernel, unfolded=w) for w in (0, 1))
    weights = {n: w.double() for n, w in stacked(grouped, range(3)).items()}
    leaves = [weight.requires_grad_() for weight in weights.values()]
    for count in (1, 2):
        images, found = torch.randn(3, count, *IMAGE, dtype=torch.float64), []
        for model in (grouped, unfolded):
            outputs = model.forward(weights, images)[-1]
            misses = (outputs - images).square().mean()
            found.append([outputs, *torch.autograd.grad(misses, leaves)])
        for some, others in zip(*found, strict=True):
            torch.testing.assert_close(some, others, rtol=1e-9, atol=1e-12)
            assert some.abs().max() > 1e-4


# Upper layers


@pytest.mark.parametrize("start", [1, 2, 3, 4])
@pytest.mark.parametrize("family", FAMILIES)
def test_upper_layers_go_on_from_what_the_lower_ones_gave(family, start):
    model = network(family, width=8, depth=4)
    weights, images = stacked(model, range(3)), torch.randn(3, 2, *IMAGE)
    outputs = model.forward(weights, images)
    below = images if start == 1 else outputs[start - 2]
    if below.ndim == 3:  # units as the channels of an image of one pixel
        below = below[..., None, None]
    upper = model.forward(weights, below, start=start)
    for some, expected in zip(upper, outputs[start - 1 :], strict=True):
        torch.testing.assert_close(some, expected)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_upper_layers_of_a_convnet_see_an_image_in_all_of_their_channels(channels):
    model = network(image_shape=(channels, 6, 5), width=8, depth=3)
    weights, images = stacked(model, range(2)), torch.randn(1, 4, channels, 6, 5)
    every = [c for c in range(channels) for _ in range(8 // channels)]
    for start in (2, 3):
        upper = model.forward(weights, images, start=start)[-1]
        for k, own in enumerate(one_by_one(weights)):
            top = as_module(model, own)[2 * (start - 1) :]
            torch.testing.assert_close(upper[k], top(images[0][:, every]))


# Gradients


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_gradient_factors_are_the_gradients_of_autograd(depth, activation, biases):
    shape = {"depth": depth, "activation": activation, "biases": biases, "width": 9}
    model = network(FCN, **shape)
    weights = {n: w.double() for n, w in stacked(model, range(3)).items()}
    images = torch.rand(3, 1, *IMAGE, dtype=torch.float64)
    errors, factors = model.gradient_factors(weights, images)
    leaves = [weights[name].requires_grad_() for name in model.names]
    outputs = model.forward(weights, images)[-1]
    expected = (outputs - images).square().flatten(1).mean(1)
    torch.testing.assert_close(errors.detach(), expected.detach())
    gradients = torch.autograd.grad(expected.sum(), leaves)
    assert factors.keys() == set(model.names)
    for name, gradient in zip(model.names, gradients, strict=True):
        left, right = factors[name]
        mine = left if right is None else left * right
        torch.testing.assert_close(mine.detach(), gradient)


# Weights that are the identity


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 3, 10])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_explicit_weights_make_any_network_the_identity(
    family, activation, depth, biases
):
    shape = {"depth": depth, "activation": activation, "biases": biases}
    model = network(family, image_shape=(3, 4, 5), width=130, **shape)
    weights = model.identity_weights()
    assert {name: tuple(w.shape) for name, w in weights.items()} == model.shapes
    images = torch.randn(1, 6, 3, 4, 5)
    assert images.min() < -1
    outputs = model.forward({n: w[None] for n, w in weights.items()}, images)
    torch.testing.assert_close(outputs[-1], images, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "least"),
    [
        ({"family": FCN, "activation": "relu"}, 60),
        ({"family": FCN, "activation": "linear"}, 30),
        ({"image_shape": (3, 6, 5), "activation": "relu"}, 6),
        ({"image_shape": (3, 6, 5), "activation": "linear"}, 3),
    ],
)
def test_a_network_too_narrow_for_the_identity_says_so(fields, least):
    assert network(**fields, width=least).can_be_identity
    assert network(**fields, width=1, depth=1).can_be_identity
    narrow = network(**fields, width=least - 1)
    assert not narrow.can_be_identity
    with pytest.raises(Mistake) as told:
        narrow.identity_weights()
    line = f"width = {least - 1}: must be {least} or more for the identity of "
    assert str(told.value).startswith(line) and "\n" not in str(told.value)


# Initial weights


def drawn_by_torch(scheme, weight, gain):
    """A tensor like a weight as torch.nn.init draws it."""
    like = torch.empty_like(weight)
    if scheme == "pytorch":
        return nn.init.kaiming_uniform_(like, a=5**0.5)  # what nn.Linear calls
    if scheme == "glorot":
        return nn.init.xavier_uniform_(like)
    return nn.init.kaiming_normal_(like, nonlinearity=gain)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("family", FAMILIES)
def test_initial_weights_are_distributed_as_those_of_torch(family, scheme, activation):
    shape = {"image_shape": (4, 8, 8), "width": 96, "activation": activation}
    model = network(family, **shape, kernel=None)
    weights = model.initial(seed=3, scheme=scheme)
    for layer in (1, 2, 3):
        weight = weights[f"W{layer}"].double()
        expected = drawn_by_torch(scheme, weight, activation)
        # 9,216 values or more: standard errors are below 0.8 % of the deviation.
        deviation = weight.std().item()
        assert deviation == pytest.approx(expected.std().item(), rel=0.04)
        assert abs(weight.mean().item()) < 4 * deviation / weight.numel() ** 0.5
        if scheme == "he":  # Gaussian, so that two deviations leave out 4.55 %
            beyond = (weight.abs() > 2 * deviation).double().mean().item()
            assert beyond == pytest.approx(0.0455, abs=0.01)
        else:
            most = expected.abs().max().item()
            assert weight.abs().max().item() == pytest.approx(most, rel=2e-3)
        bias, bound = weights[f"b{layer}"], weight[0].numel() ** -0.5
        if scheme == "pytorch":
            assert bias.abs().max() <= bound
            assert len(bias) < 50 or bias.abs().max() > 0.8 * bound
        else:
            assert not bias.any()


def correlation(first, second):
    return torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("family", FAMILIES)
def test_layers_and_seeds_are_drawn_independently(family, scheme):
    model = network(family, depth=4)
    weights, other = (model.initial(seed=s, scheme=scheme) for s in (0, 1))
    pairs = [(weights["W2"], weights["W3"]), (weights["W2"], other["W2"])]
    pairs += [(weights["W2"], other["W3"]), (weights["W1"], weights["W4"].mT)]
    if scheme == "pytorch":
        pairs += [
            (weights["b2"], weights["b3"]),
            (weights["b2"], weights["W2"][0, :64]),
        ]
    for first, second in pairs:
        first, second = first.flatten(), second.flatten()[: first.numel()]
        # Beyond four standard errors with a chance below 1e-4 each, once and for all.
        assert abs(correlation(first, second)) < 4 / first.numel() ** 0.5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_same_seed_draws_the_same_weights_at_any_depth(scheme):
    model = network(depth=3)
    deep = network(depth=5).initial(seed=7, scheme=scheme)
    weights, again = (model.initial(seed=7, scheme=scheme) for _ in range(2))
    for name in model.names:
        assert torch.equal(weights[name], again[name])
    for name in ("W1", "b1", "W2", "b2"):
        assert torch.equal(weights[name], deep[name])
    plain = network(biases=False).initial(seed=7, scheme=scheme)
    assert list(plain) == ["W1", "W2", "W3"]
    assert all(torch.equal(weights[name], weight) for name, weight in plain.items())


# Mistakes


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"depth": 0}, "depth = 0: must be 1 or more"),
        ({"width": 0}, "width = 0: must be 1 or more"),
        ({"width": -3, "family": FCN}, "width = -3: must be 1 or more"),
        ({"activation": "sin"}, "activation = 'sin': must be relu or linear"),
        ({"kernel": 4}, "kernel = 4: must be odd, 1 or more"),
        ({"kernel": 0}, "kernel = 0: must be odd, 1 or more"),
        ({"kernel": -1}, "kernel = -1: must be odd, 1 or more"),
        ({"kernel": 13}, "kernel = 13: must be at most 11 for images of 6 x 5; "),
        ({"kernel": 3, "family": FCN}, "kernel = 3: an identity_fcn has no filters"),
        ({"scheme": "o"}, "scheme = 'o': must be one of pytorch, glorot, he"),
        ({"family": "mlp"}, "model = 'mlp': must be one of identity_fcn, identity_con"),
    ],
)
def test_a_network_that_cannot_be_is_told_in_one_line(fields, line):
    scheme = fields.pop("scheme", "he")
    with pytest.raises(Mistake) as told:
        network(**fields).initial(seed=0, scheme=scheme)
    assert str(told.value).startswith(line) and "\n" not in str(told.value)
