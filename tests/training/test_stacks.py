"""Stacks: each network as it is alone, the results of PyTorch's own SGD."""

from collections.abc import Iterable
from functools import cache

import pytest
import torch
from rounding import distance, tolerance

from helpers.models import build
from helpers.training.losses import LOSSES
from helpers.training.stacks import Stack

EXAMPLES, CLASSES, SHAPE = 67, 10, (1, 5, 9)


class Networks:
    """A stack's worth of networks, each with its draw, labels, rate and order.

    scales: of their losses, each its own.
    """

    def __init__(
        self, count=5, *, loss="cross_entropy", sigma=0.3, scales=None, **shape
    ):
        shape = {"width": 16, "depth": 2, "activation": "sin"} | shape
        self.loss = LOSSES[loss]
        self.model = build("mlp", image_shape=SHAPE, classes=CLASSES, **shape)
        self.images = torch.randn(EXAMPLES, *SHAPE)
        self.labels = torch.randint(CLASSES, (count, EXAMPLES))
        self.rates = 0.05 * torch.arange(1, count + 1)
        self.scales = torch.ones(count) if scales is None else torch.tensor(scales)
        self.weights = [
            self.model.initial(seed=k, init_scale=sigma) for k in range(count)
        ]
        self.orders = [
            torch.stack([torch.randperm(EXAMPLES) for _ in range(count)])
            for _ in range(3)
        ]

    def stack(self, chosen: Iterable[int], **rates) -> Stack:
        chosen = list(chosen)
        weights = {
            name: torch.stack([self.weights[k][name] for k in chosen])
            for name in self.model.names
        }
        rates = dict.fromkeys(self.model.names, self.rates) | rates
        return Stack(
            self.model,
            self.loss,
            weights,
            {name: rate[chosen] for name, rate in rates.items()},
            images=self.images,
            labels=self.labels[chosen],
            loss_scales=self.scales[chosen],
        )

    def train(self, stack: Stack, chosen: Iterable[int], batch=16, epochs=3) -> Stack:
        for order in self.orders[:epochs]:
            stack.train_epoch(order[list(chosen)], batch)
        return stack

    def trained(self, chosen: Iterable[int], batch=16, **rates) -> Stack:
        chosen = list(chosen)
        return self.train(self.stack(chosen, **rates), chosen, batch)


def assert_same_bits(stack, k, other, j=0):
    for name, weight in stack.network(k).items():
        assert torch.equal(weight, other.network(j)[name]), name


# Any company


@cache
def rounded(networks, k, batch=16):
    """How far rounding alone may take a trained network."""

    def train(weights):
        apart = Networks.__new__(Networks)
        vars(apart).update(vars(networks))
        apart.weights, apart.images = {k: weights}, networks.images.double()
        return apart.trained([k], batch).network(0)

    steps = len(networks.orders) * -(-EXAMPLES // batch)
    terms = max(networks.model.features, networks.model.width, min(batch, EXAMPLES))
    return tolerance(train, networks.weights[k], terms=terms, steps=steps)


def assert_alike(networks, chosen, apart, together, batch=16):
    """The same networks but for rounding, and what they make of the images."""
    scores = together.evaluate(networks.images, networks.labels)
    some = apart.evaluate(networks.images, networks.labels[list(chosen)])
    for j, k in enumerate(chosen):
        within = rounded(networks, k, batch)
        assert distance(apart.network(j), together.network(k)) <= within
        torch.testing.assert_close(some.loss[j], scores.loss[k], rtol=1e-2, atol=1e-4)
        assert abs(some.accuracy[j] - scores.accuracy[k]) <= 1 / EXAMPLES


COMPANIES = ([0], [4], [3, 1], [2, 4, 0])


@pytest.mark.parametrize(
    ("loss", "activation", "width", "depth", "batch", "biases"),
    [
        ("cross_entropy", "sin", 16, 2, 1, False),
        ("cross_entropy", "relu", 16, 2, 67, True),
        ("squared", "sin", 23, 2, 23, True),
        ("hinge", "sigmoid", 48, 4, 23, False),
        ("squared", "relu", 48, 4, 67, True),
        ("hinge", "sin", 5, 1, 23, True),
        ("cross_entropy", "sigmoid", 16, 2, 16, False),
    ],
)
def test_a_network_is_the_same_in_any_company_but_for_rounding(
    loss, activation, width, depth, batch, biases
):
    shape = {"width": width, "depth": depth, "biases": biases, "activation": activation}
    networks = Networks(loss=loss, sigma=0.01, **shape)
    networks.rates = networks.rates / 20
    together = networks.trained(range(5), batch)
    for chosen in COMPANIES:
        apart = networks.trained(chosen, batch)
        assert_alike(networks, chosen, apart, together, batch)
    first = networks.weights[4]
    assert distance(together.network(4), first) > 100 * rounded(networks, 4, batch)


@pytest.mark.parametrize("loss", LOSSES)
def test_networks_have_scales_of_their_own_in_any_company(loss):
    """Also those who stay when others leave."""
    networks = Networks(loss=loss, sigma=0.01, scales=[1.0, 0.25, 7.0, 100.0, 3.0])
    networks.rates = networks.rates / 20
    together = networks.trained(range(5))
    for chosen in ([1], [3], [0, 3, 1]):
        assert_alike(networks, chosen, networks.trained(chosen), together)
    assert together.weights["W1"].isfinite().all()
    stack = networks.train(networks.stack(range(5)), range(5), epochs=1)
    stack.keep([1, 3])
    assert len(stack) == 2
    for order in networks.orders[1:]:
        stack.train_epoch(order[[1, 3]], 16)
    assert_alike(networks, [1, 3], stack, together)


def test_what_sits_on_the_other_places_decides_no_bit():
    networks = Networks(4)
    whole = networks.trained(range(4))
    stack = networks.train(networks.stack(range(4)), range(4), epochs=2)
    kept = {name: weight.clone() for name, weight in stack.network(2).items()}
    stack.place(2, networks.weights[0], {})
    assert_same_bits(stack, 2, networks.stack([0]))
    stack.train_epoch(networks.orders[2], 16)
    for k in (0, 1, 3):
        assert_same_bits(stack, k, whole, k)
    stack.place(2, kept, {})  # its own place again
    stack.train_epoch(networks.orders[2], 16)
    assert_same_bits(stack, 2, whole, 2)


# Scales of the loss


@pytest.mark.parametrize(("a", "depth"), [(4.0, 2), (0.5, 4)])
@pytest.mark.parametrize(
    ("loss", "degree"), [("cross_entropy", 0), ("hinge", 1), ("squared", 2)]
)
def test_a_scaled_loss_on_scaled_relu_networks_trains_the_same(loss, degree, depth, a):
    # L(a z; a s) = a^d L(z; s): with W1 times a the gradient by the other layers is a^d
    # times the plain one, and by W1 a^(d - 1); learning rates take that back. Powers
    # of two round nothing.
    shape = {"loss": loss, "depth": depth, "activation": "relu", "sigma": 0.01}
    networks = Networks(3, **shape)
    networks.rates = networks.rates / 3
    stack = networks.trained(range(3))
    before = networks.weights[2]["W1"].clone()
    losses = stack.evaluate(networks.images, networks.labels).loss

    for weights in networks.weights:
        weights["W1"] *= a
    networks.scales = torch.full((3,), a)
    first = networks.rates * a ** (2 - degree)
    networks.rates = networks.rates * a**-degree
    scaled = networks.trained(range(3), W1=first)
    scaled_losses = scaled.evaluate(networks.images, networks.labels).loss

    assert torch.equal(scaled.weights["W1"], a * stack.weights["W1"])
    for name in networks.model.names[1:]:
        assert torch.equal(scaled.weights[name], stack.weights[name])
    torch.testing.assert_close(scaled_losses, a**degree * losses, rtol=1e-6, atol=0)
    moved = (stack.network(2)["W1"] - before).norm()
    assert moved > 0.01 * before.norm() and stack.weights["W1"].isfinite().all()


# PyTorch's own


def train_by_pytorch(networks, k, *, batch=16, rates=None):
    """Final parameters of one network, by torch.autograd and torch.optim.SGD."""
    weights = {n: w.clone().requires_grad_() for n, w in networks.weights[k].items()}
    rates = rates or dict.fromkeys(weights, networks.rates[k].item())
    groups = [{"params": [w], "lr": rates[name]} for name, w in weights.items()]
    optimizer = torch.optim.SGD(groups)
    for order in networks.orders:
        for index in order[k].split(batch):
            logits = networks.model.forward(weights, networks.images[index]).logits
            values = networks.loss.value(
                logits, networks.labels[k][index], networks.scales[k].item()
            )
            optimizer.zero_grad()
            values.mean().backward()
            optimizer.step()
    return weights


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("activation", "depth"), [("sin", 2), ("relu", 3)])
def test_a_stack_learns_what_pytorchs_sgd_learns(loss, activation, depth, biases):
    shape = {"activation": activation, "depth": depth, "biases": biases}
    networks = Networks(3, loss=loss, sigma=0.01, scales=[1.0, 2.0, 0.7], **shape)
    networks.rates = networks.rates / 5
    stack = networks.trained(range(3))
    for k in range(3):
        expected = train_by_pytorch(networks, k)
        torch.testing.assert_close(stack.network(k), expected, rtol=1e-5, atol=1e-5)
        moved = (expected["W1"] - networks.weights[k]["W1"]).norm()
        assert moved > 0.01 * expected["W1"].norm()
        assert not biases or expected[f"b{depth}"].abs().max() > 0.001


def test_every_network_and_layer_learns_at_its_own_rate():
    networks = Networks(3, sigma=0.01)
    first = torch.tensor([0.3, 0.0, 0.001])
    stack = networks.trained(range(3), W1=first)
    for k in range(3):
        rates = {"W1": first[k].item(), "W2": networks.rates[k].item()}
        expected = train_by_pytorch(networks, k, rates=rates)
        torch.testing.assert_close(stack.network(k), expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(stack.network(1)["W1"], networks.weights[1]["W1"])  # frozen
    wild = Networks(2, loss="squared")  # it stays also where the others diverge
    wild.rates = torch.full((2,), 1e30)
    stack = wild.trained(range(2), W1=torch.zeros(2))
    assert torch.equal(stack.network(0)["W1"], wild.weights[0]["W1"])
    assert stack.network(0)["W2"].isnan().any()


# Batches


@pytest.mark.parametrize(
    ("batch", "sizes"), [(16, [16, 16, 16, 16, 3]), (10_000, [67])]
)
def test_an_epoch_is_a_step_on_each_slice_of_the_order(batch, sizes):
    networks = Networks(1, sigma=0.01)
    steps, stack = [], networks.stack([0])
    stack.step = steps.append
    stack.train_epoch(networks.orders[0][:1], batch)
    assert [step.shape[1] for step in steps] == sizes
    assert torch.equal(torch.cat(steps, dim=1), networks.orders[0][:1])


# Evaluation


@pytest.mark.parametrize("count", [1, 67, 530])  # below, at and over one chunk
@pytest.mark.parametrize("loss", LOSSES)
def test_evaluation_is_plain_accuracy_and_mean_loss(loss, count):
    networks = Networks(3, loss=loss, scales=[1.0, 5.0, 0.2])
    images = torch.randn(count, *SHAPE)
    labels = torch.randint(CLASSES, (3, count))
    stack = networks.stack(range(3))
    accuracy, value, _ = stack.evaluate(images, labels)
    assert accuracy.dtype == value.dtype == torch.float64
    for k, weights in enumerate(networks.weights):
        logits = networks.model.forward(weights, images).logits
        right = (logits.argmax(1) == labels[k]).double().mean()
        assert accuracy[k].item() == pytest.approx(right.item(), abs=1e-12)
        scale = networks.scales[k].item()
        mean = networks.loss.value(logits.double(), labels[k], scale).mean().item()
        assert value[k].item() == pytest.approx(mean, rel=1e-5, abs=1e-6)
        assert_same_bits(stack, k, networks.stack(range(3)), k)  # no weight changes


# CUDA


def on_cuda(stack: Stack) -> Stack:
    """The same stack with all of its tensors on the device."""
    return Stack(
        stack.model,
        stack.loss,
        {name: weight.clone().cuda() for name, weight in stack.weights.items()},
        {name: -steps[:, 0, 0] for name, steps in stack._steps.items()},
        images=stack.images.cuda(),
        labels=stack.labels.cuda(),
        loss_scales=stack._loss_scales[:, 0, 0],
    )


@pytest.mark.cuda
@pytest.mark.parametrize("loss", LOSSES)
def test_a_replayed_graph_is_the_steps_taken_one_by_one(in_float32, loss):
    networks = Networks(3, loss=loss, sigma=0.01, scales=[1.0, 2.0, 0.7], biases=True)
    graphs, eager = (on_cuda(networks.stack(range(3))) for _ in range(2))
    for order in networks.orders:
        graphs.train_epoch(order.cuda(), 16)
        for index in order.cuda().split(16, dim=1):
            eager.step(index)
    torch.testing.assert_close(graphs.weights, eager.weights, rtol=1e-5, atol=1e-6)


@pytest.mark.cuda
def test_graphs_follow_those_who_stay(in_float32):
    networks = Networks(4, sigma=0.01)
    stack = on_cuda(networks.stack(range(4)))
    stack.train_epoch(networks.orders[0].cuda(), 16)
    stack.keep([0, 3])
    for order in networks.orders[1:]:
        stack.train_epoch(order[[0, 3]].cuda(), 16)
    alone = networks.trained([3])
    for name, weight in alone.network(0).items():
        torch.testing.assert_close(
            stack.network(1)[name].cpu(), weight, rtol=1e-4, atol=1e-5
        )


@pytest.mark.cuda
def test_evaluation_on_the_device_is_that_of_the_cpu(in_float32):
    networks = Networks(3)
    stack = networks.stack(range(3))
    accuracy, loss, _ = stack.evaluate(networks.images, networks.labels)
    there = on_cuda(stack).evaluate(networks.images.cuda(), networks.labels.cuda())
    # Logits that tie to within rounding may fall either way: one example's worth.
    torch.testing.assert_close(there[0].cpu(), accuracy, rtol=0, atol=1.5 / EXAMPLES)
    torch.testing.assert_close(there[1].cpu(), loss, rtol=1e-4, atol=1e-5)
