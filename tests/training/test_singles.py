"""Networks that are modules: PyTorch's own loop, resumed, alone and in any company."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from helpers import datasets
from helpers.errors import Failure, Mistake
from helpers.models import Modular, build
from helpers.runs import Run, Study
from helpers.runs.store import RunFolder
from helpers.training import train
from helpers.training.losses import LOSSES
from helpers.training.modules import Single, check_fits

CLASSES, EXAMPLES = 10, 70
SHAPES = {"convnet": {"width": 16, "depth": 4}, "resnet": {"width": 4, "depth": 10}}


class Network:
    """A network on its data, as the two sides of a comparison need it."""

    def __init__(self, family, *, loss="cross_entropy", side=8, **shape):
        shape = SHAPES[family] | {"image_shape": (1, side, side)} | shape
        self.model = build(family, classes=CLASSES, activation="relu", **shape)
        self.loss, self.scale, self.rate, self.first = LOSSES[loss], 1.0, 0.1, None
        self.images = torch.randn(EXAMPLES, 1, side, side)
        self.labels = torch.randint(CLASSES, (EXAMPLES,))
        self.weights = self.model.initial(seed=0)
        self.orders = [torch.randperm(EXAMPLES) for _ in range(3)]

    def rates(self):
        """Name -> learning rate of each weight."""
        rates = dict.fromkeys(self.model.names, self.rate)
        if self.first is not None:
            rates[self.model.names[0]] = self.first
        return rates

    def single(self, precision=None) -> Single:
        return Single(
            self.model,
            self.loss,
            {name: weight[None] for name, weight in self.weights.items()},
            {n: torch.tensor([r], dtype=float) for n, r in self.rates().items()},
            images=self.images,
            labels=self.labels[None],
            loss_scales=torch.tensor([self.scale]),
            precision=precision,
        )

    def trained(self, batch=16, precision=None) -> Single:
        single = self.single(precision)
        for order in self.orders:
            single.train_epoch(order[None], batch)
        return single

    def trained_by_pytorch(self, criterion, batch=16):
        """State of a module after torch.autograd and torch.optim.SGD."""
        module = self.model.module()
        self.model.load(module, self.weights)
        groups = [
            {"params": [parameter], "lr": self.rates()[name]}
            for name, parameter in module.named_parameters()
        ]
        optimizer = torch.optim.SGD(groups)
        module.train()
        for order in self.orders:
            for index in order.split(batch):
                logits = module(self.images[index]).logits
                optimizer.zero_grad()
                criterion(logits, self.labels[index]).backward()
                optimizer.step()
        return module.state_dict()


def assert_learnt_alike(state, expected, before):
    assert state.keys() == expected.keys() == before.keys()
    for name, value in expected.items():
        torch.testing.assert_close(state[name], value, rtol=1e-9, atol=1e-10)
        assert (value - before[name]).norm() > 1e-3, f"{name} has hardly moved"


# PyTorch's own


@pytest.fixture
def in_double(monkeypatch):
    """Function that puts a network in double precision, which hides no difference."""
    module = Modular.module
    monkeypatch.setattr(Modular, "module", lambda model: module(model).double())

    def in_double(network):
        network.images = network.images.double()
        network.weights = {name: w.double() for name, w in network.weights.items()}
        return network

    return in_double


@pytest.mark.parametrize("batch", [16, 35, 1000])  # one smaller at the end; even; all
@pytest.mark.parametrize("family", SHAPES)
def test_a_module_learns_what_pytorchs_loop_learns(family, batch, in_double):
    network = in_double(Network(family))
    expected = network.trained_by_pytorch(cross_entropy, batch)
    assert_learnt_alike(network.trained(batch).network(0), expected, network.weights)
    assert bool(network.model.statistics) == (family == "resnet")


@pytest.mark.parametrize(
    ("loss", "scale"), [("cross_entropy", 3.0), ("hinge", 1.0), ("squared", 3.0)]
)
def test_that_holds_for_every_loss_and_scale(loss, scale, in_double):
    network = in_double(Network("convnet", loss=loss))
    network.rate, network.scale = 0.02 if loss == "hinge" else 0.1, scale

    def mean_loss(logits, labels):
        return LOSSES[loss].value(logits, labels, scale).mean()

    expected = network.trained_by_pytorch(mean_loss)
    assert_learnt_alike(network.trained().network(0), expected, network.weights)


@pytest.mark.parametrize("family", SHAPES)
def test_a_step_in_mixed_precision_is_that_of_pytorchs_autocast(family):
    network, everyone = Network(family), torch.arange(EXAMPLES)
    mixed, whole = network.single("bfloat16"), network.single()
    mixed.step(everyone)
    whole.step(everyone)
    module = network.model.module().train()
    network.model.load(module, network.weights)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = module(network.images).logits.float()
    cross_entropy(logits, network.labels).backward()
    for name, parameter in module.named_parameters():
        expected = parameter.detach() - network.rate * parameter.grad
        found = mixed.network(0)[name]
        assert found.dtype == torch.float32  # the weights and their updates
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)
        assert not torch.equal(found, whole.network(0)[name]), name
    images, labels = network.images, network.labels[None]
    losses = [s.evaluate(images, labels).loss.item() for s in (whole, mixed)]
    assert losses[0] != losses[1] == pytest.approx(losses[0], rel=0.05)


@pytest.mark.parametrize("first", [0.5, 0.0])
@pytest.mark.parametrize("family", SHAPES)
def test_the_first_layer_learns_at_its_own_rate(family, first, in_double):
    network = in_double(Network(family))
    network.first = first
    expected = network.trained_by_pytorch(cross_entropy)
    state, name = network.trained().network(0), network.model.names[0]
    if first == 0:  # frozen: it does not move while the others learn
        assert torch.equal(state[name], network.weights[name])
        del state[name], expected[name], network.weights[name]
    assert_learnt_alike(state, expected, network.weights)


@pytest.mark.parametrize("family", SHAPES)
def test_a_frozen_weight_stays_also_where_the_others_diverge(family):
    network = Network(family, loss="squared")
    network.first, network.rate = 0.0, 1e30
    state, (first, *_) = network.trained().network(0), network.model.names
    assert torch.equal(state[first], network.weights[first])
    assert state["head.weight"].isnan().all()


# What a stack offers


def test_what_was_taken_of_a_network_is_not_trained_any_further():
    network = Network("resnet")
    single = network.single()
    before = single.network(0)
    kept = {name: value.clone() for name, value in before.items()}
    single.train_epoch(network.orders[0][None], 16)
    assert all(torch.equal(before[name], value) for name, value in kept.items())
    assert not torch.equal(single.network(0)["head.weight"], kept["head.weight"])
    two = {"labels": network.labels.expand(2, -1), "loss_scales": torch.ones(2)}
    with pytest.raises(Mistake, match="2 networks: a Single holds one"):
        Single(network.model, network.loss, {}, {}, images=network.images, **two)


# Evaluation


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("family", SHAPES)
def test_evaluation_is_accuracy_and_mean_loss_by_running_statistics(family, loss):
    network = Network(family, loss=loss)
    network.scale, network.rate = 2.0, 0.01
    single = network.trained()
    images = torch.randn(300, 1, 8, 8)  # more than are evaluated at once
    labels = torch.randint(CLASSES, (1, 300))
    accuracy, value, _ = single.evaluate(images, labels)
    assert accuracy.shape == value.shape == (1,)
    assert accuracy.dtype == value.dtype == torch.float64

    module = network.model.module()
    network.model.load(module, single.network(0))
    logits = module.double().eval()(images.double()).logits.detach()
    right = (logits.argmax(1) == labels[0]).double().mean()
    assert accuracy.item() == pytest.approx(right.item(), abs=1e-12)
    expected = network.loss.value(logits, labels[0], 2.0).mean().item()
    assert value.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("family", SHAPES)
def test_evaluation_changes_nothing_that_is_trained(family):
    network = Network(family)
    single = network.single()
    for order in network.orders:
        single.evaluate(network.images + 5, network.labels[None])
        single.train_epoch(order[None], 16)
    accuracy, loss, _ = single.evaluate(network.images, network.labels[None])
    for name, value in network.trained().network(0).items():
        assert torch.equal(single.network(0)[name], value), name
    # Nor does a prediction depend on what else is evaluated.
    parts = zip(network.images.split(1), network.labels.split(1), strict=True)
    alone = [torch.cat(single.evaluate(i, label[None])[:2]) for i, label in parts]
    both = torch.stack(alone).mean(0)
    torch.testing.assert_close(both, torch.cat([accuracy, loss]), rtol=1e-5, atol=0)


# A last batch of one example


def test_a_batch_of_one_that_cannot_be_normalised_is_a_mistake():
    network = Network("resnet")  # 8 x 8 pixels are 1 x 1 in its last stage
    line = (
        "batch_size = 23: must not divide 69, for the last of 70 examples would be a "
        "batch of its own, which BatchNorm cannot normalise in images of 1 x 8 x 8; "
        "choose another"
    )
    with pytest.raises(Mistake, match=f"^{line}$"):
        check_fits(network.model, examples=70, batch_size=23)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        network.single().train_epoch(torch.arange(70)[None], 23)  # what it saves from


# Through train


@pytest.fixture
def modules_of(digits):
    """Function that makes a study of small networks that are modules."""

    def modules_of(family="resnet", grid=None, data=digits, **fields):
        small = {"activation": "relu", "init_scale": None, "loss_scale": 2.0}
        small |= {"batch_size": 32, "learning_rate": 0.05, "epochs": 3}
        small |= {"stop_accuracy": None, "model": family} | SHAPES[family]
        small |= {"measures": ("representations",), "snapshots": (0, 2)}
        return Study(data, Run(**small | fields), grid or {"seed": [0, 1]})

    return modules_of


@pytest.fixture
def epochs_trained(monkeypatch):
    """Batch sizes of all epochs, as they are trained."""
    seen, train_epoch = [], Single.train_epoch

    def noted(single, order, batch_size):
        seen.append(batch_size)
        train_epoch(single, order, batch_size)

    monkeypatch.setattr(Single, "train_epoch", noted)
    return seen


@pytest.mark.parametrize("family", SHAPES)
def test_interrupted_and_resumed_is_uninterrupted(
    family, modules_of, bits, tmp_path, monkeypatch, epochs_trained, on_cores
):
    on_cores(1)
    study = modules_of(family)
    monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path / "whole"))
    train(study, device="cpu")
    whole, train_epoch = bits(tmp_path / "whole"), Single.train_epoch
    assert len(whole) == 2 * 4 and len(epochs_trained) == 2 * 3
    for count in (1, 5):
        left = iter(range(count))

        def train_or_fail(single, order, batch_size, left=left):
            if next(left, None) is None:
                raise Failure("stopped")
            train_epoch(single, order, batch_size)

        monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path / str(count)))
        with monkeypatch.context() as patch:
            patch.setattr(Single, "train_epoch", train_or_fail)
            with pytest.raises(Failure, match="stopped"):
                train(study, device="cpu", save_seconds=0)
        epochs_trained.clear()
        train(study, device="cpu", save_seconds=0)
        assert len(epochs_trained) == 2 * 3 - count
        assert bits(tmp_path / str(count)) == whole


def test_neither_companions_nor_workers_change_a_bit(
    modules_of, bits, tmp_path, monkeypatch, on_cores
):
    seen = []
    for workers, seeds in ((1, [0, 1]), (3, [1])):
        monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path / str(workers)))
        on_cores(workers)
        train(modules_of(grid={"seed": seeds}), device="cpu")
        seen.append(bits(tmp_path / str(workers)))
    assert seen[1].items() <= seen[0].items() and len(seen[1]) == 4


def test_a_module_learns_digits_and_its_history_says_so(modules_of, digits):
    grid = {"seed": [0], "loss_scale": [None, 1.0]}
    measures = ("representations", "gradients")
    study = modules_of("convnet", grid, epochs=12, learning_rate=0.2, measures=measures)
    histories = train(study, device="cpu")
    assert (histories.best("test_accuracy") > 0.7).all()
    one, other = histories.arrays  # a scale of 1 is none
    assert one["train_loss"].tolist() == other["train_loss"].tolist()
    kinds = ("alignment", "stiffness", "diversity")
    assert {f"{kind}_in_class" for kind in kinds} <= one.keys()
    assert {"representation_alignment", "representation_alignment_test"} <= one.keys()
    shape = {"image_shape": (1, 8, 8), "classes": 10, "activation": "relu"}
    module = build("convnet", **shape, **SHAPES["convnet"])
    weights = RunFolder(histories.runs[0]).snapshot(12)
    logits = module.forward(weights, datasets.standardise(digits.test_images)).logits
    accuracy = (logits.argmax(1) == digits.test_labels).double().mean().item()
    assert one["test_accuracy"][-1] == pytest.approx(accuracy)


def test_a_module_that_diverges_ends_undefined_and_the_others_go_on(modules_of):
    grid = {"learning_rate": [0.05, 1e9]}
    study = modules_of("convnet", grid, loss="squared", loss_scale=None)
    calm, wild = (histories := train(study, device="cpu")).arrays
    assert histories.stops == ("epochs", "diverged")
    for name in wild.keys() - {"measured"}:
        assert torch.tensor(wild[name][-1]).isnan(), name
        assert torch.tensor(calm[name][-1]).isfinite(), name


# CUDA


@pytest.mark.cuda
@pytest.mark.parametrize("family", SHAPES)
def test_a_module_learns_on_cuda_what_it_learns_on_the_cpu(in_float32, family):
    network = Network(family)
    here = network.trained()
    network.images, network.labels = network.images.cuda(), network.labels.cuda()
    network.orders = [order.cuda() for order in network.orders]
    there = network.trained()
    for name, value in here.network(0).items():
        torch.testing.assert_close(
            there.network(0)[name].cpu(), value, rtol=1e-2, atol=1e-3
        )
    accuracy, loss, _ = there.evaluate(network.images, network.labels[None])
    assert accuracy.is_cuda and loss.is_cuda
