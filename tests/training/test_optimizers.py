"""Adam: the steps of PyTorch's own on a loop, in any company, and resumed."""

from copy import copy
from functools import partial

import pytest
import torch
from rounding import distance, tolerance
from torch.nn.functional import cross_entropy

from helpers.errors import Mistake
from helpers.models import Modular, build
from helpers.runs.store import RunFolder, results_root
from helpers.training import train
from helpers.training.classification import Classifiers
from helpers.training.losses import LOSSES
from helpers.training.modules import Single
from helpers.training.optimizers import Adam, StackedAdam, check_optimizer
from helpers.training.stacks import Stack
from helpers.training.tasks import PARALLEL

EXAMPLES, CLASSES, COUNT = 35, 10, 4
RATES = (0.01, 0.02, 0.03, 0.04)
FAMILIES = {
    "mlp": {"width": 16, "depth": 3, "biases": True},
    "convnet": {"width": 16, "depth": 4},
    "resnet": {"width": 4, "depth": 10},
}


class Networks:
    """Networks of one family on the same images, each with labels and a rate."""

    def __init__(self, family):
        shape = {"image_shape": (1, 8, 8), "classes": CLASSES, "activation": "relu"}
        self.model = build(family, **shape, **FAMILIES[family])
        self.kind = Stack if family == "mlp" else Single
        self.images = torch.randn(EXAMPLES, 1, 8, 8)
        self.labels = torch.randint(CLASSES, (COUNT, EXAMPLES))
        self.weights = [
            self.model.initial(seed=k, init_scale=None) for k in range(COUNT)
        ]
        self.orders = [
            torch.stack([torch.randperm(EXAMPLES) for _ in range(COUNT)])
            for _ in range(4)
        ]

    def stack(self, chosen, weights=None, states=None, first=None):
        weights = weights or [self.weights[k] for k in chosen]
        rates = torch.tensor([RATES[k] for k in chosen])
        rates = dict.fromkeys(self.model.names, rates)
        if first is not None:
            rates[self.model.names[0]] = torch.full((len(chosen),), first)
        return self.kind(
            self.model,
            LOSSES["cross_entropy"],
            {n: torch.stack([w[n] for w in weights]) for n in weights[0]},
            rates,
            images=self.images,
            labels=self.labels[list(chosen)],
            loss_scales=torch.ones(len(chosen)),
            optimizer="adam",
            optimizer_states=states,
        )

    def train(self, stack, chosen, epochs, batch=16):
        for epoch in epochs:
            stack.train_epoch(self.orders[epoch][list(chosen)], batch)
        return stack

    def by_pytorch(self, k, batch=16):
        """Weights after a plain loop with torch.optim.Adam."""
        kept = self.weights[k].items()
        weights = {name: value.clone().requires_grad_() for name, value in kept}
        forward = partial(self.model.forward, weights)
        optimizer = torch.optim.Adam(weights.values(), lr=RATES[k])
        for order in self.orders:
            for index in order[k].split(batch):
                optimizer.zero_grad()
                logits = forward(self.images[index]).logits
                cross_entropy(logits, self.labels[k, index]).backward()
                optimizer.step()
        return {name: value.detach() for name, value in weights.items()}


def assert_same_bits(some, others):
    assert some.keys() == others.keys()
    for name, value in some.items():
        assert torch.equal(value, others[name]), name


def test_a_stack_steps_as_pytorchs_adam_does():
    networks, everyone = Networks("mlp"), range(COUNT)
    stack = networks.train(networks.stack(everyone), everyone, range(4))
    for k in everyone:
        expected = networks.by_pytorch(k)
        for name, value in stack.network(k).items():
            torch.testing.assert_close(value, expected[name], rtol=1e-3, atol=1e-5)
            assert (value - networks.weights[k][name]).norm() > 0.01, name


@pytest.mark.parametrize("family", ["convnet", "resnet"])
def test_a_module_steps_as_pytorchs_adam_does(family, monkeypatch):
    # In double precision: Adam makes a whole step of a gradient that is mere rounding.
    make = Modular.module
    monkeypatch.setattr(Modular, "module", lambda model: make(model).double())
    networks = Networks(family)
    networks.images = networks.images.double()
    networks.weights = [
        {n: w.double() for n, w in each.items()} for each in networks.weights
    ]
    single = networks.train(networks.stack([2]), [2], range(4))
    module = networks.model.module()
    networks.model.load(module, networks.weights[2])
    optimizer = torch.optim.Adam(module.train().parameters(), lr=RATES[2])
    for order in networks.orders:
        for index in order[2].split(16):
            optimizer.zero_grad()
            logits = module(networks.images[index]).logits
            cross_entropy(logits, networks.labels[2, index]).backward()
            optimizer.step()
    for name, value in module.state_dict().items():
        torch.testing.assert_close(single.network(0)[name], value, rtol=0, atol=1e-3)
        assert not torch.equal(value, networks.weights[2][name]), name


def rounded(networks, k):
    """How far rounding alone may take a trained perceptron."""

    def train(weights):
        apart = copy(networks)
        apart.images = networks.images.double()
        return apart.train(apart.stack([k], [weights]), [k], range(4)).network(0)

    return tolerance(train, networks.weights[k], terms=64, steps=4 * 3)


def test_networks_that_stay_go_on_with_their_moments():
    networks, everyone = Networks("mlp"), range(COUNT)
    whole = networks.train(networks.stack(everyone), everyone, range(4))
    stack = networks.train(networks.stack(everyone), everyone, range(2))
    stack.keep([3, 1])
    networks.train(stack, [3, 1], range(2, 4))
    for j, k in enumerate((3, 1)):
        within = rounded(networks, k)
        assert distance(stack.network(j), whole.network(k)) <= within
    stack = networks.train(networks.stack(everyone), everyone, range(2))
    kept = {name: value.clone() for name, value in stack.network(2).items()}
    moments = stack.optimizer_state(2)
    stack.place(2, networks.weights[0], stack.optimizer_state(0))
    stack.place(2, kept, moments)  # its own place again, with its moments
    networks.train(stack, everyone, range(2, 4))
    for k in everyone:
        assert_same_bits(stack.network(k), whole.network(k))


@pytest.mark.parametrize("family", FAMILIES)
def test_what_goes_on_from_its_state_ends_with_the_same_bits(family):
    networks, chosen = Networks(family), [1]
    whole = networks.train(networks.stack(chosen), chosen, range(4))
    half = networks.train(networks.stack(chosen), chosen, range(2))
    weights = [{n: w.clone() for n, w in half.network(0).items()}]
    resumed = networks.stack(chosen, weights, [half.optimizer_state(0)])
    networks.train(resumed, chosen, range(2, 4))
    assert_same_bits(resumed.network(0), whole.network(0))
    forgot = networks.train(networks.stack(chosen, weights), chosen, range(2, 4))
    name = networks.model.names[0]
    assert not torch.equal(forgot.network(0)[name], whole.network(0)[name])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_frozen_weight_stays(family):
    networks = Networks(family)
    stack = networks.train(networks.stack([0], first=0.0), [0], range(2))
    first, *others = networks.model.names
    assert torch.equal(stack.network(0)[first], networks.weights[0][first])
    for name in others:
        assert not torch.equal(stack.network(0)[name], networks.weights[0][name])


def test_before_the_first_step_there_is_no_state():
    weight, gradient = torch.ones(2), torch.tensor([1.0, -2.0])
    weights, rates = {"W": weight.clone()[None]}, {"W": torch.tensor([[0.1]])}
    adam, stacked = Adam({"W": weight}, {"W": 0.1}), StackedAdam(weights, rates, [{}])
    assert adam.state() == stacked.state(0) == {}
    weight.grad = gradient.clone()
    adam.step()
    stacked.step(weights, {"W": gradient[None]})
    # The first step of Adam is the sign of the gradient times the rate.
    torch.testing.assert_close(weight, torch.tensor([0.9, 1.1]))
    torch.testing.assert_close(weights["W"][0], weight)
    assert adam.state()["step/W"] == 1 == stacked.state(0)["step/W"]
    with pytest.raises(Mistake, match="optimizer = 'sgdm': must be adam, or left out"):
        check_optimizer("sgdm")


def test_a_stack_goes_on_from_states_of_pytorchs_adam_at_each_networks_rate():
    """States have the parts that were saved before; the third network is frozen."""
    rates, shapes = [0.1, 0.001, 0.0], {"W1": (3, 2), "b1": (3, 1)}
    before = {name: torch.randn(3, *shape) for name, shape in shapes.items()}
    gradients = [{n: torch.randn(3, *shape) for n, shape in shapes.items()}] * 5
    alone = [{n: w[k].clone() for n, w in before.items()} for k in range(3)]
    rules = [Adam(alone[k], dict.fromkeys(shapes, rates[k])) for k in range(2)]

    def step(found):
        for k, rule in enumerate(rules):
            for name, weight in alone[k].items():
                weight.grad = found[name][k].clone()
            rule.step()

    for found in gradients[:3]:
        step(found)
    weights = {n: torch.stack([w[n] for w in alone]) for n in shapes}
    shaped = dict.fromkeys(shapes, torch.tensor(rates)[:, None, None])
    stacked = StackedAdam(weights, shaped, [*(rule.state() for rule in rules), {}])
    for found in gradients[3:]:
        step(found)
        stacked.step(weights, found)
    for k, each in enumerate(alone):
        for name, weight in each.items():
            torch.testing.assert_close(weights[name][k], weight, rtol=1e-6, atol=1e-7)
        assert stacked.state(k).get("step/W1", 0) == (5 if rates[k] else 2)
    assert torch.equal(weights["W1"][2], before["W1"][2])  # frozen


def test_networks_of_one_rate_are_stepped_as_one_as_pytorchs_adam_does():
    shapes = {"W1": (3, 2), "b1": (3, 1)}
    before = {name: torch.randn(2, *shape) for name, shape in shapes.items()}
    alone = [{n: w[k].clone() for n, w in before.items()} for k in range(2)]
    rules = [Adam(weights, dict.fromkeys(shapes, 0.1)) for weights in alone]
    rates = dict.fromkeys(shapes, torch.full((2, 1, 1), 0.1))
    stacked = StackedAdam(before, rates, [{}, {}], steps=0)
    assert stacked.state(0) == {}
    for step in range(6):
        found = {name: torch.randn(2, *shape) for name, shape in shapes.items()}
        for k, rule in enumerate(rules):
            for name, weight in alone[k].items():
                weight.grad = found[name][k].clone()
            rule.step()
        stacked.step(before, found)
        if step == 2:  # another stack goes on, in which the networks change places
            states = [stacked.state(k) for k in (1, 0)]
            before = {name: weight[[1, 0]] for name, weight in before.items()}
            stacked = StackedAdam(before, rates, states, steps=3)
            alone, rules = alone[::-1], rules[::-1]
    for k, each in enumerate(alone):
        assert stacked.state(k)["step/W1"] == 6
        for name, weight in each.items():
            torch.testing.assert_close(before[name][k], weight, rtol=1e-6, atol=1e-7)


def test_it_goes_on_with_the_same_bits_beside_those_who_have_ended(
    study_of, bits, monkeypatch, tmp_path
):
    monkeypatch.setitem(PARALLEL, "cpu", 1)  # one company
    fields = {"optimizer": "adam", "learning_rate": 0.01, "init_scale": None}
    fields |= {"activation": "relu", "stop_accuracy": 0.9, "epochs": 40}
    study = study_of({"permuted_fraction": [0.01, 0.1, 0.2, 0.3]}, **fields)
    monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path / "whole"))
    lengths = sorted(train(study, device="cpu").lengths())
    whole = bits(results_root())
    assert lengths[0] < lengths[-1] - 1  # somebody ends before the others
    monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path / "parts"))
    advance, ending = Classifiers.advance, int(lengths[-1]) - 1

    def broken(ensemble, epoch):
        if epoch == ending:
            raise KeyboardInterrupt
        advance(ensemble, epoch)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Classifiers, "advance", broken)
        train(study, device="cpu", save_seconds=0)
    assert any(RunFolder(run).done() for run in study.runs())
    train(study, device="cpu")
    assert bits(results_root()) == whole
