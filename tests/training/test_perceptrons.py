"""Compiled passes of perceptrons: what stacks of tensors learn, network by network."""

import numpy as np
import pytest
import torch
from rounding import distance, tolerance
from threadpoolctl import threadpool_info, threadpool_limits

from helpers.errors import Mistake
from helpers.models import build
from helpers.training import train
from helpers.training.losses import LOSSES
from helpers.training.perceptron_passes import BLOCK, CHUNK, sine_and_cosine
from helpers.training.perceptrons import PassedStack, stack_kind
from helpers.training.stacks import Stack

COUNT, EXAMPLES, CLASSES, SHAPE, BATCH = 4, CHUNK + 19, 10, (1, 5, 9), 32


class Case:
    """What both kinds of stacks are made from, in single precision."""

    def __init__(
        self, loss="cross_entropy", activation="sin", depth=2, width=23, **given
    ):
        draws = torch.Generator().manual_seed(0)
        self.loss, shape = LOSSES[loss], {"activation": activation, "depth": depth}
        self.model = build(
            "mlp", image_shape=SHAPE, classes=CLASSES, width=width, **shape
        )
        self.images = torch.randn(EXAMPLES, *SHAPE, generator=draws).float()
        self.labels = torch.randint(CLASSES, (COUNT, EXAMPLES), generator=draws)
        self.orders = [
            torch.stack([torch.randperm(EXAMPLES, generator=draws) for _ in range(4)])
            for _ in range(3)
        ]
        rates = (0.01 * torch.arange(1, COUNT + 1)).float()
        self.rates = dict.fromkeys(self.model.names, rates) | given
        self.scales = torch.tensor([1.0, 2.0, 0.7, 1.0]).float()
        each = [self.model.initial(seed=k, init_scale=0.02) for k in range(COUNT)]
        self.weights = {n: torch.stack([w[n] for w in each]) for n in self.model.names}

    def stack(self, kind, weights=None, **options):
        weights = {n: w.clone() for n, w in (weights or self.weights).items()}
        like = next(iter(weights.values())).dtype
        return kind(
            self.model,
            self.loss,
            weights,
            {name: rate.to(like) for name, rate in self.rates.items()},
            images=self.images.to(like),
            labels=self.labels,
            loss_scales=self.scales.to(like),
            **options,
        )

    def trained(self, kind, weights=None, **options):
        stack = self.stack(kind, weights, **options)
        for order in self.orders:
            stack.train_epoch(order, BATCH)
        return stack

    def within(self):
        steps = len(self.orders) * -(-EXAMPLES // BATCH)
        learn = lambda weights: self.trained(Stack, weights).weights  # noqa: E731
        return tolerance(learn, self.weights, terms=45, steps=steps)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("activation", "depth"), [("sin", 2), ("sin", 1), ("relu", 4)])
def test_passes_learn_what_a_stack_of_tensors_learns(loss, activation, depth):
    case = Case(loss, activation, depth)
    ours, theirs = (case.trained(kind) for kind in (PassedStack, Stack))
    assert distance(ours.weights, theirs.weights) <= case.within()
    among = (
        torch.rand(COUNT, EXAMPLES, generator=torch.Generator().manual_seed(1)) > 0.3
    )
    for options in ({}, {"among": among}):
        found, known = (
            stack.evaluate(theirs.images, case.labels, **options)
            for stack in (ours, theirs)
        )
        torch.testing.assert_close(found.loss, known.loss, rtol=1e-4, atol=1e-5)
        assert (found.accuracy - known.accuracy).abs().max() <= 2 / EXAMPLES
        assert (found.predictions == known.predictions).double().mean() > 0.98


@pytest.mark.parametrize("frozen", [["W1"], ["W2"], ["W1", "W2", "W3"]])
def test_a_frozen_layer_stays_and_the_others_learn(frozen):
    case = Case(depth=3, **{name: torch.zeros(COUNT) for name in frozen})
    ours, theirs = (case.trained(kind, counted=True) for kind in (PassedStack, Stack))
    for name in frozen:
        assert torch.equal(ours.weights[name], case.weights[name])
    assert distance(ours.weights, theirs.weights) <= 1e-4
    apart = (ours.pass_accuracy() - theirs.pass_accuracy()).abs().max()
    assert apart <= 1 / EXAMPLES and ours.pass_accuracy().max() > 0


def test_a_network_has_the_same_bits_in_any_company_and_after_others_left():
    case = Case()
    whole, left = case.stack(PassedStack), [3, 1]
    whole.train_epoch(case.orders[0], BATCH)
    whole.keep(left)
    for order in case.orders[1:]:
        whole.train_epoch(order[left], BATCH)
    everyone = case.trained(PassedStack)
    for place, k in enumerate(left):
        for name, weight in everyone.network(k).items():
            assert torch.equal(weight, whole.network(place)[name])
    other = everyone.network(0)
    whole.place(1, other, {})
    assert all(torch.equal(whole.network(1)[n], other[n]) for n in other)
    whole.train_epoch(case.orders[0][[3, 0]], BATCH)
    assert not torch.equal(whole.network(1)["W1"], other["W1"])


@pytest.mark.parametrize(
    ("width", "batch", "seen"),
    [
        (BLOCK // 300, 32, EXAMPLES),  # gradients in unequal blocks
        (23, 10 * EXAMPLES, EXAMPLES),
        (23, 32, 40),
        (23, 1, 7),
    ],
)
def test_blocks_batches_and_orders_of_any_size(width, batch, seen):
    case = Case(depth=3, width=width)
    assert width == 23 or width**2 % BLOCK > 0 < width**2 // BLOCK
    stacks = [case.stack(kind, counted=True) for kind in (PassedStack, Stack)]
    for stack in stacks:
        stack.train_epoch(case.orders[0][:, :seen], batch)
    ours, theirs = stacks
    assert distance(ours.weights, theirs.weights) <= 1e-4
    right = ours.pass_accuracy() * seen
    assert (right - right.round()).abs().max() < 1e-6 < right.max()
    assert (ours.pass_accuracy() - theirs.pass_accuracy()).abs().max() <= 1 / seen


def test_what_no_index_reaches_is_a_mistake():
    case = Case()
    stack = case.stack(PassedStack)
    for order in (case.orders[0] + 1, case.orders[0] - 1):
        with pytest.raises(
            Mistake, match=r"places in an order are .* must be 0 to 146"
        ):
            stack.train_epoch(order, BATCH)
    with pytest.raises(Mistake, match=r"must be torch\.float32"):
        case.stack(PassedStack, {n: w.double() for n, w in case.weights.items()})
    case.labels[2, 5] = CLASSES
    with pytest.raises(Mistake, match="labels are 0 to 10: must be 0 to 9"):
        case.stack(PassedStack)
    case.labels = case.labels[:, :-1]
    with pytest.raises(Mistake, match="146 labels of 147 images"):
        case.stack(PassedStack)


@pytest.mark.parametrize("loss", ["squared", "hinge"])
@pytest.mark.parametrize("activation", ["sin", "relu"])
def test_a_network_that_diverges_has_no_finite_loss_and_leaves_the_others_alone(
    activation, loss
):
    rates = torch.tensor([0.01, 1e30, 0.01, 0.01])
    case = Case(loss, activation, **dict.fromkeys(("W1", "W2"), rates.float()))
    losses = case.trained(PassedStack).evaluate(case.images, case.labels).loss
    assert losses.isfinite().tolist() == [True, False, True, True]


def test_sines_and_cosines_are_right_to_the_last_places_of_any_argument():
    halves = np.arange(-6000, 6001) * np.pi / 4
    draws = np.random.default_rng(0).uniform(-7000, 7000, 20_001)
    for arguments in (halves[np.abs(halves) < 7000], draws, draws * 1e6, draws / 1e9):
        values = arguments.astype(np.float32)
        wide, slopes = values.astype(np.float64), np.empty_like(values)
        sine_and_cosine(values, slopes)
        assert np.abs(values - np.sin(wide)).max() < 2e-7
        assert np.abs(slopes - np.cos(wide)).max() < 2e-7
    for last in ([np.inf, -np.inf, np.nan], [np.nan]):
        values = np.array([0.0, *last], np.float32)
        slopes = np.empty_like(values)
        sine_and_cosine(values, slopes)
        assert (values[0], slopes[0]) == (0, 1)
        assert np.isnan(values[1:]).all() and np.isnan(slopes[1:]).all()


def test_tensors_are_taken_where_passes_are_slower_or_cannot():
    def kind(optimizer=None, device="cpu", loss="hinge", **shape):
        shape = {"image_shape": SHAPE, "activation": "sin", "biases": False} | shape
        model = build("mlp", classes=CLASSES, width=8, **{"depth": 2} | shape)
        return stack_kind(model, LOSSES[loss], optimizer, torch.device(device))

    assert kind() is kind(activation="relu", depth=5) is PassedStack
    others = ({"optimizer": "adam"}, {"device": "cuda"}, {"biases": True})
    others += ({"activation": "sigmoid"}, {"image_shape": (3, 32, 32)})
    assert {kind(**other) for other in others} == {Stack}


def test_training_takes_one_thread_a_worker_of_blas_and_gives_the_others_back(
    study_of, monkeypatch
):
    def threads():
        found = threadpool_info()
        return [pool["num_threads"] for pool in found if pool["user_api"] == "blas"]

    seen, step = [], PassedStack.train_epoch

    def noted(stack, order, batch_size):
        seen.extend(threads())
        step(stack, order, batch_size)

    monkeypatch.setattr(PassedStack, "train_epoch", noted)
    with threadpool_limits(2, user_api="blas"):
        train(study_of({"seed": [0, 1]}, epochs=2), device="cpu")
        assert {*seen} == {1} and {*threads()} == {2}
