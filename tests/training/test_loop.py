"""The loop of a stack: what an epoch records, in what order, and when a run ends."""

import time

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from helpers.datasets import standardise
from helpers.datasets.labels import permute_labels
from helpers.metrics.gradients.alignment import class_alignment
from helpers.models.of import model_of
from helpers.runs.histories import MEASURED
from helpers.runs.store import RunFolder
from helpers.training import rounds
from helpers.training import train as train_study
from helpers.training.classification import EPOCH_NAMES
from helpers.training.losses import LOSSES
from helpers.training.measures import measured_epochs
from helpers.training.stacks import Stack
from helpers.training.tasks import seat
from helpers.training.trainees import DeviceData, Trainee

NEVER = 1e9  # seconds between two saved states


class Bar:
    """Counts the epochs it is told of."""

    steps = 0

    def update(self, steps, note):
        self.steps += steps


@pytest.fixture
def train(digits):
    """Function that trains the runs of a study as one stack; returns their folders."""

    def train(study, bar=None):
        folders = [RunFolder(run) for run in study.runs()]
        data = DeviceData(digits, torch.device("cpu"))
        trainees = [Trainee(folder) for folder in folders]
        training = seat(trainees, data, device=data.device, save_seconds=NEVER)
        training.run(bar or Bar())
        return folders

    return train


def test_accuracy_and_loss_are_recorded_from_before_training_to_the_end(
    train, study_of, digits
):
    (folder,) = train(study_of({"seed": [5]}, snapshots=(0, 2)))
    history = folder.history()
    assert [len(history[name]) for name in EPOCH_NAMES] == [7] * 4
    for epoch in (0, 2, 6):
        weights = folder.snapshot(epoch)
        for split in ("train", "test"):
            images = standardise(getattr(digits, f"{split}_images")).flatten(1)
            labels = getattr(digits, f"{split}_labels")
            logits = (images @ weights["W1"].mT).sin() @ weights["W2"].mT
            accuracy = (logits.argmax(1) == labels).double().mean().item()
            assert history[f"{split}_accuracy"][epoch] == pytest.approx(accuracy)
            loss = cross_entropy(logits, labels).item()
            assert history[f"{split}_loss"][epoch] == pytest.approx(loss, rel=1e-5)


def test_the_weights_of_the_best_test_accuracy_are_kept(train, study_of):
    fields = {"epochs": 12, "learning_rate": 0.3, "permuted_fraction": 0.5}
    best_kept = study_of({"seed": [3]}, keep_best=True, snapshots=(0, 3, 50), **fields)
    (folder,) = train(best_kept)
    # At every epoch, to look the best one up.
    (known,) = train(study_of({"seed": [3]}, snapshots=range(13), **fields))
    best = int(known.history()["test_accuracy"].argmax())
    assert 3 < best < 12  # else it would be one that is kept anyway
    assert folder.snapshot_epochs() == [0, 3, best, 12]
    for epoch in folder.snapshot_epochs():
        for name, value in folder.snapshot(epoch).items():
            assert torch.equal(value, known.snapshot(epoch)[name])


def test_accuracies_of_the_sets_are_recorded_of_permuted_runs(train, study_of, digits):
    grid = {"permuted_fraction": [0.0, 0.4, 1.0], "seed": [1]}
    none, some, every = train(study_of(grid, learning_rate=0.3, epochs=20))
    histories = {f: f.history() for f in (none, some, every)}
    assert np.isnan(histories[none]["permuted_accuracy"]).all()
    assert np.isnan(histories[every]["unpermuted_accuracy"]).all()
    history = histories[some]
    mixed = 0.6 * history["unpermuted_accuracy"] + 0.4 * history["permuted_accuracy"]
    np.testing.assert_allclose(mixed, history["train_accuracy"])
    model = model_of(some.run, digits)
    last = some.snapshot_epochs()[-1]
    logits = model.forward(some.snapshot(last), standardise(digits.train_images)).logits
    drawn = permute_labels(digits.train_labels, 0.4, classes=10, seed=1)
    for name, labels in (("permuted", drawn.labels), ("restored", digits.train_labels)):
        right = (logits.argmax(1) == labels)[drawn.permuted].double().mean()
        assert history[f"{name}_accuracy"][-1] == pytest.approx(right.item())
    (plain,) = train(study_of({"seed": [1]}))
    assert "restored_accuracy" not in plain.history()


# Measures


def test_measures_are_taken_on_their_epochs_and_at_the_end(train, study_of):
    (folder,) = train(study_of({"seed": [0]}, epochs=7, measures=("alignment",)))
    history = folder.history()
    due = [epoch in measured_epochs(7) or epoch == 7 for epoch in range(8)]
    assert history[MEASURED].tolist() == due and False in due
    assert history[MEASURED].dtype == bool
    for name in history.keys() - {*EPOCH_NAMES, MEASURED}:
        assert (~np.isnan(history[name])).tolist() == due, name
    assert history.keys() > {"gradient_alignment_W1", "representation_alignment"}
    # Measuring changes nothing that is trained.
    (plain,) = train(study_of({"seed": [0]}, epochs=7))
    assert plain.history().keys() == {*EPOCH_NAMES, MEASURED}
    for name, weight in plain.snapshot(7).items():
        assert torch.equal(weight, folder.snapshot(7)[name])


# Evaluations


def known(folder, name="train_accuracy"):
    """Epochs at which the training set was evaluated."""
    return np.flatnonzero(~np.isnan(folder.history()[name])).tolist()


def test_the_training_set_is_evaluated_when_it_is_due(train, study_of):
    fields = {"epochs": 23, "snapshots": (10, 13), "stop_accuracy": None}
    fields |= {"permuted_fraction": 0.5}
    (every,) = train(study_of({"seed": [0]}, **fields))
    (some,) = train(study_of({"seed": [0]}, evaluate_every=7, **fields))
    due = {*range(0, 23, 7), 10, 13, 23, *measured_epochs(23)}
    assert known(some) == known(some, "restored_accuracy") == sorted(due)
    assert known(some, "test_accuracy") == known(every) == [*range(24)]
    for name, values in some.history().items():
        at = ~np.isnan(values)
        np.testing.assert_array_equal(values[at], every.history()[name][at])


def test_near_its_goal_a_network_is_evaluated_and_stops(train, study_of):
    """At a goal that it reaches between two evaluations; another one reaches none."""
    grid = {"learning_rate": [0.2, 1e-4]}
    fields = {"epochs": 40, "init_scale": 0.01, "stop_accuracy": 0.95}
    exact, _ = train(study_of(grid, **fields))
    fitting, never = train(study_of(grid, evaluate_every=100, **fields))
    stops = [folder.about()["stopped"] for folder in (fitting, never)]
    assert stops == ["fitted", "epochs"]
    accuracy = fitting.history()["train_accuracy"]
    end, earliest = len(accuracy) - 1, len(exact.history()["train_accuracy"]) - 1
    assert earliest <= end < 40 and end not in measured_epochs(40)
    assert accuracy[-1] >= 0.95 and not (accuracy[:-1] >= 0.95).any()
    assert known(never) == sorted({*measured_epochs(40), 40})


def test_a_network_that_diverges_between_evaluations_ends_there(train, study_of):
    grid = {"learning_rate": [0.001, 0.12]}
    fields = WILD | {"activation": "linear", "depth": 1, "snapshots": (), "epochs": 40}
    exact = train(study_of(grid, **fields))[1]
    calm, wild = train(study_of(grid, evaluate_every=50, **fields))
    stops = [folder.about()["stopped"] for folder in (calm, wild)]
    assert stops == ["epochs", "diverged"]
    length = len(wild.history()["train_loss"])
    assert length == len(exact.history()["train_loss"]) < 41
    assert length - 1 not in measured_epochs(40)
    assert wild.history()[MEASURED][-1] and np.isnan(wild.history()["test_loss"][-1])


def test_what_was_evaluated_now_and_then_is_read_as_if_it_were_known(study_of):
    fields = {"epochs": 11, "stop_accuracy": None, "measures": ("alignment",)}
    grid = {"seed": [0, 1]}
    whole = train_study(study_of(grid, **fields), device="cpu")
    some = train_study(study_of(grid, evaluate_every=3, **fields), device="cpu")
    for read in ("final", "initial"):
        for name in ("train_accuracy", "train_loss", "test_loss"):
            found = getattr(some, read)(name)
            np.testing.assert_array_equal(found, getattr(whole, read)(name))
    assert np.isfinite(some.best("train_accuracy")).all()
    epochs, values = some.curve("train_accuracy")
    assert epochs.tolist() == sorted({0, 3, 6, 9, 11} | measured_epochs(11))
    assert np.isfinite(values).all()
    everywhere = whole.curve("train_accuracy")[1]
    np.testing.assert_array_equal(values, everywhere[:, epochs])
    # Between two evaluations the one before holds.
    assert 7 not in epochs
    np.testing.assert_array_equal(some.at("train_loss", 7), whole.at("train_loss", 6))
    assert whole.at("train_loss", 7)[0] != whole.at("train_loss", 6)[0]


# Ends


def test_every_network_ends_by_itself(train, study_of):
    # The small scale fits these few digits, the large one does not in 40 epochs.
    grid, bar = {"init_scale": [0.01, 10.0], "seed": [0, 1]}, Bar()
    study = study_of(grid, epochs=40, learning_rate=0.5, stop_accuracy=0.9)
    small, other, large, _ = folders = train(study, bar)
    assert bar.steps == 4 * 40
    lengths = [len(folder.history()["train_loss"]) - 1 for folder in folders]
    assert lengths[0] < 40 and lengths[1] < 40 and lengths[2:] == [40, 40]
    stops = [folder.about()["stopped"] for folder in folders]
    assert stops == ["fitted", "fitted", "epochs", "epochs"]
    for folder in (small, other):
        accuracy = folder.history()["train_accuracy"]
        assert (accuracy[:-1] < 0.9).all() and accuracy[-1] >= 0.9
        assert folder.snapshot_epochs() == [len(accuracy) - 1]
    assert large.snapshot_epochs() == [40]


def test_without_a_stop_accuracy_a_fitted_network_goes_on(train, study_of):
    fields = {"epochs": 30, "init_scale": 0.01, "learning_rate": 0.5}
    (fitted,) = train(study_of({"seed": [0]}, **fields))
    (endless,) = train(study_of({"seed": [0]}, stop_accuracy=None, **fields))
    length = len(fitted.history()["train_loss"])
    assert length < 31 == len(endless.history()["train_loss"])
    both = [f.history()["train_loss"][:length].tolist() for f in (fitted, endless)]
    assert both[0] == both[1]
    # None is done before its first epoch.
    (folder,) = train(study_of({"seed": [0]}, stop_accuracy=0.01))
    assert folder.history()["train_accuracy"][0] >= 0.01
    assert len(folder.history()["train_accuracy"]) == 2


WILD = {
    "activation": "relu",
    "loss": "squared",
    "init_scale": 0.01,
    "measures": ("alignment", "gradients"),
    "snapshots": (0, 1, 4),
}


def test_a_network_that_diverges_ends_undefined(train, study_of):
    grid = {"learning_rate": [0.001, 1e6, 0.002]}
    calm, wild, other = train(study_of(grid, **WILD))
    stops = [f.about()["stopped"] for f in (calm, wild, other)]
    assert stops == ["epochs", "diverged", "epochs"]
    history, names = wild.history(), calm.history().keys()
    length = len(history["train_loss"])
    assert 1 < length < 7 and history.keys() == names and len(names) == 28
    assert {len(values) for values in history.values()} == {length}
    for name in names - {MEASURED}:
        assert np.isnan(history[name][-1]), name
    for name in EPOCH_NAMES:
        assert np.isfinite(history[name][:-1]).all(), name
        assert np.isfinite(calm.history()[name]).all(), name
    assert history[MEASURED][-1]  # it is due, and undefined
    assert wild.snapshot_epochs()[-1] == length - 1


def test_a_network_whose_loss_overflows_has_no_measures_either(
    train, study_of, monkeypatch
):
    # Its weights may still be finite, and so would be what is measured of them.
    evaluate, calls = Stack.evaluate, iter(range(1000))

    def overflowing(stack, images, labels):
        evaluated = evaluate(stack, images, labels)
        scale = np.inf if next(calls) >= 2 * 2 else 1
        return evaluated._replace(loss=evaluated.loss * scale)

    monkeypatch.setattr(Stack, "evaluate", overflowing)
    (folder,) = train(study_of({"seed": [0]}, measures=("alignment",)))
    history = folder.history()
    assert folder.about()["stopped"] == "diverged"
    assert folder.snapshot(2)["W1"].isfinite().all()
    assert history[MEASURED].tolist() == [True] * 3
    for name in history.keys() - {MEASURED}:
        assert np.isnan(history[name]).tolist() == [False, False, True], name


def test_others_in_the_stack_do_not_notice_one_that_diverges(
    train, study_of, results, bits, monkeypatch, tmp_path
):
    """To the bit, as long as it is there; to rounding, when it has left."""
    beside = train(study_of({"learning_rate": [0.001, 1e6, 0.002]}, **WILD))
    histories = [folder.history() for folder in beside]
    monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path / "calm"))
    calm = train(study_of({"learning_rate": [0.001, 0.0005, 0.002]}, **WILD))
    assert len(histories[1]["train_loss"]) < len(histories[0]["train_loss"])
    for k in (0, 2):
        for name, values in calm[k].history().items():
            np.testing.assert_allclose(values, histories[k][name], 1e-4, 1e-6)
            first = slice(len(histories[1]["train_loss"]))
            np.testing.assert_array_equal(values[first], histories[k][name][first])


@pytest.mark.parametrize("loss", ["cross_entropy", "hinge", "squared"])
def test_a_network_without_a_loss_before_training_ends_there(train, study_of, loss):
    # Pre-activations overflow: there is a history of one epoch, and no accuracy.
    grid = {"init_scale": [0.01, 1e38]}
    fields = WILD | {"loss": loss, "learning_rate": 0.001}
    del fields["init_scale"]
    calm, wild = train(study_of(grid, **fields))
    assert wild.about()["stopped"] == "diverged"
    history = wild.history()
    assert history[MEASURED].tolist() == [True]
    assert history.keys() == calm.history().keys()
    for name in EPOCH_NAMES:
        assert np.isnan(history[name]).tolist() == [True], name
    assert calm.about()["stopped"] == "epochs"


# What is trained


# Order of the examples


@pytest.fixture
def orders(monkeypatch):
    """The orders that stacks are trained in, epoch by epoch."""
    seen = []
    noted = lambda self, order, size: seen.append(order)  # noqa: E731
    monkeypatch.setattr(Stack, "train_epoch", noted)
    return seen


def test_every_epoch_has_a_new_order_of_all_examples(train, study_of, orders):
    grid = {"init_scale": [0.1, 1], "permuted_fraction": [None, 0.5], "seed": [7, 8]}
    train(study_of(grid, stop_accuracy=None))
    many = [*orders]
    everyone = torch.arange(160).expand(8, -1)
    assert all(torch.equal(order.sort().values, everyone) for order in many)
    # Of 6 epochs and 2 seeds; two equal ones have probability 1 in 160!.
    assert len(many) == 6 and len(torch.cat(many).unique(dim=0)) == 12
    orders.clear()
    train(study_of({"seed": [8]}, stop_accuracy=None, learning_rate=0.9))
    for together, alone in zip(many, orders, strict=True):
        assert torch.equal(together[1::2], alone.expand(4, -1))


# What a run asks for


def test_the_first_layer_may_be_frozen_and_have_biases(train, study_of):
    fields = {"first_learning_rate": 0, "snapshots": (0,)}
    (folder,) = train(study_of({"seed": [0]}, biases=True, **fields))
    first, last = folder.snapshot(0), folder.snapshot(6)
    assert torch.equal(first["W1"], last["W1"])
    assert not torch.equal(first["W2"], last["W2"])
    (folder,) = train(study_of({"seed": [0]}, biases=True, snapshots=(0,)))
    first, last = folder.snapshot(0), folder.snapshot(6)
    assert first.keys() == {"W1", "b1", "W2", "b2"}
    for name in ("b1", "b2"):
        assert not first[name].any() and last[name].abs().max() > 1e-3
    glorot, gauss = train(study_of({"init_scale": [None, 1.0]}, snapshots=(0,)))
    bound = (6 / (16 + 64)) ** 0.5  # without a scale, the first layer is as the others
    assert glorot.snapshot(0).keys() == {"W1", "W2"}
    assert glorot.snapshot(0)["W1"].abs().max() <= bound < gauss.snapshot(0)["W1"].std()


def test_permuted_labels_are_those_that_are_trained_and_measured(train, study_of):
    grid = {"permuted_fraction": [None, 0.0, 1.0]}
    fields = {"epochs": 30, "init_scale": 0.01, "measures": ("alignment",)}
    true, none, all_of_them = train(study_of(grid, learning_rate=0.3, **fields))
    final = {f: f.history() for f in (true, none, all_of_them)}
    assert final[true]["train_loss"].tolist() == final[none]["train_loss"].tolist()
    # The test set keeps its labels: what is learnt of permuted ones is of no use.
    assert final[true]["test_accuracy"][-1] > 0.7
    assert final[all_of_them]["test_accuracy"][-1] < 0.3
    assert final[all_of_them]["train_accuracy"][-1] > 0.2
    starts = [h["representation_alignment"][0] for h in final.values()]
    assert starts[0] == starts[1] > starts[2] + 0.2


@pytest.mark.parametrize("loss", ["cross_entropy", "hinge", "squared"])
def test_the_loss_has_the_scale_that_a_run_names(train, study_of, digits, loss):
    grid = {"loss_scale": [None, 1.0, 4.0]}
    fields = {"loss": loss, "learning_rate": 0.01, "measures": ("alignment",)}
    none, one, four = train(study_of(grid, init_scale=0.01, **fields))
    for name, values in none.history().items():
        np.testing.assert_array_equal(values, one.history()[name])
    images, labels = standardise(digits.train_images).flatten(1), digits.train_labels
    for folder, scale in ((none, 1.0), (four, 4.0)):
        history, weights = folder.history(), folder.snapshot(6)
        logits = (images @ weights["W1"].mT).sin() @ weights["W2"].mT
        value = LOSSES[loss].value(logits, labels, scale).mean().item()
        assert history["train_loss"][-1] == pytest.approx(value, rel=1e-5)
        delta = LOSSES[loss].gradient(logits, labels, scale)
        aligned = class_alignment(labels, 10, delta).mean.item()
        found = history["gradient_alignment_logits"][-1]
        assert found == pytest.approx(aligned, rel=1e-5)
    assert not torch.equal(none.snapshot(6)["W1"], four.snapshot(6)["W1"])


def test_a_run_says_what_it_was_made_with(train, study_of):
    study = study_of({"seed": [0]})
    (folder,) = train(study)
    about = folder.about()
    assert about["run"]["dataset"] == "digits"
    assert about["run"]["digest"] == study.data.digest
    assert about["device"].startswith("CPU") and about["versions"]["torch"]
    assert about["seconds"] >= 0
    assert abs(about["finished"] - time.time()) < 600


def test_states_are_saved_when_they_are_due(study_of, digits, monkeypatch, clock_of):
    clock, saved, train_epoch = [0], [], Stack.train_epoch

    def take_a_second(stack, *batches):
        clock[0] += 1
        train_epoch(stack, *batches)

    monkeypatch.setattr(Stack, "train_epoch", take_a_second)
    clock_of(lambda: clock[0], rounds)
    monkeypatch.setattr(RunFolder, "save_state", lambda f, s: saved.append(s["epoch"]))
    data = DeviceData(digits, torch.device("cpu"))
    study = study_of({"seed": [0]}, epochs=8)
    trainees = [Trainee(RunFolder(run)) for run in study.runs()]
    seat(trainees, data, device=data.device, save_seconds=3).run(Bar())
    assert [int(epoch) for epoch in saved] == [3, 6]
