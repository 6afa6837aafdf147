"""The loop of a stack: what an epoch records, in what order, and when a run ends."""

import time

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from helpers import loop
from helpers.datasets import standardise
from helpers.histories import MEASURED
from helpers.loop import EPOCH_NAMES, StackTraining
from helpers.measures import measured_epochs
from helpers.stacks import Stack
from helpers.store import RunFolder
from helpers.trainees import DeviceData, Trainee

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
        training = StackTraining([Trainee(f) for f in folders], data, NEVER)
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


def test_snapshots_are_kept_at_the_epochs_asked_and_the_last(train, study_of):
    (folder,) = train(study_of({"seed": [0]}, snapshots=(0, 3, 50)))
    assert folder.snapshot_epochs() == [0, 3, 6]
    first, last = folder.snapshot(0), folder.snapshot(6)
    assert first["W1"].shape == (16, 64) and first["W2"].shape == (10, 16)
    assert not torch.equal(first["W1"], last["W1"])


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


def test_a_run_without_measures_records_accuracy_and_loss_alone(train, study_of):
    (folder,) = train(study_of({"seed": [0]}))
    assert folder.history().keys() == {*EPOCH_NAMES, MEASURED}


def test_measuring_changes_nothing_that_is_trained(train, study_of):
    (plain,) = train(study_of({"seed": [0]}))
    (measured,) = train(study_of({"seed": [0]}, measures=("alignment",)))
    assert plain.name != measured.name
    for name, weight in plain.snapshot(6).items():
        assert torch.equal(weight, measured.snapshot(6)[name])


# Ends


def test_every_network_ends_by_itself(train, study_of):
    # The small scale fits these few digits, the large one does not in 40 epochs.
    grid = {"init_scale": [0.01, 10.0], "seed": [0, 1]}
    study = study_of(grid, epochs=40, learning_rate=0.5, stop_accuracy=0.9)
    small, other, large, _ = folders = train(study)
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
    study = study_of({"seed": [0]}, epochs=30, init_scale=0.01, learning_rate=0.5)
    (fitted,) = train(study)
    (endless,) = train(study_of({"seed": [0]}, **on(study, stop_accuracy=None)))
    length = len(fitted.history()["train_loss"])
    assert length < 31 == len(endless.history()["train_loss"])
    both = [f.history()["train_loss"][:length].tolist() for f in (fitted, endless)]
    assert both[0] == both[1]


def on(study, **changes):
    """The fields of a study's base run, changed."""
    return study.base.description() | changes


def test_a_network_is_not_done_before_its_first_epoch(train, study_of):
    (folder,) = train(study_of({"seed": [0]}, stop_accuracy=0.01))
    assert folder.history()["train_accuracy"][0] >= 0.01
    assert len(folder.history()["train_accuracy"]) == 2


def test_a_network_that_diverges_ends_and_the_others_go_on(train, study_of):
    grid = {"learning_rate": [0.001, 1e6, 0.002]}
    fields = {"activation": "relu", "loss": "squared", "measures": ("alignment",)}
    calm, wild, other = train(study_of(grid, init_scale=0.01, **fields))
    assert [f.about()["stopped"] for f in (calm, wild, other)] == [
        *("epochs", "diverged", "epochs")
    ]
    loss = wild.history()["train_loss"]
    assert len(loss) < 7 and np.isfinite(loss[:-1]).all() and not np.isfinite(loss[-1])
    assert np.isfinite(calm.history()["train_loss"]).all()
    (alone,) = train(study_of({"seed": [0]}, **on_calm(calm), epochs=5))
    assert alone.history()["train_loss"].tolist() == (
        calm.history()["train_loss"][:6].tolist()
    )


def on_calm(folder):
    return {
        name: getattr(folder.run, name)
        for name in ("activation", "loss", "learning_rate", "init_scale", "measures")
    }


def test_the_bar_ends_where_it_was_said_to(train, study_of):
    bar = Bar()
    grid = {"init_scale": [0.01, 10.0], "seed": [0, 1]}
    train(study_of(grid, epochs=20, learning_rate=0.5, stop_accuracy=0.9), bar)
    assert bar.steps == 4 * 20


# Order of the examples


@pytest.fixture
def orders(monkeypatch):
    """The orders that stacks are trained in, epoch by epoch."""
    seen = []
    monkeypatch.setattr(
        Stack, "train_epoch", lambda self, order, size: seen.append(order)
    )
    return seen


def test_every_epoch_has_a_new_order_of_all_examples(train, study_of, orders):
    train(study_of({"seed": range(3)}, stop_accuracy=None))
    assert len(orders) == 6
    everyone = torch.arange(160).expand(3, -1)
    assert all(torch.equal(order.sort().values, everyone) for order in orders)
    # 18 orders of 160 examples; two equal ones have probability 1 in 160!.
    rows = torch.cat(orders)
    assert len(rows.unique(dim=0)) == 18


def test_the_order_belongs_to_seed_and_epoch_alone(train, study_of, orders):
    grid = {"init_scale": [0.1, 1], "permuted_fraction": [None, 0.5], "seed": [7, 8]}
    train(study_of(grid, stop_accuracy=None))
    many = [*orders]
    orders.clear()
    train(study_of({"seed": [8]}, stop_accuracy=None, learning_rate=0.9))
    for together, alone in zip(many, orders, strict=True):
        assert torch.equal(together[1::2], alone.expand(4, -1))


# What a run asks for


def test_the_first_layer_may_be_frozen(train, study_of):
    study = study_of({"seed": [0]}, first_learning_rate=0, snapshots=(0,))
    (folder,) = train(study)
    assert torch.equal(folder.snapshot(0)["W1"], folder.snapshot(6)["W1"])
    assert not torch.equal(folder.snapshot(0)["W2"], folder.snapshot(6)["W2"])


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


def test_a_run_says_what_it_was_made_with(train, study_of):
    study = study_of({"seed": [0]})
    (folder,) = train(study)
    about = folder.about()
    assert about["run"]["dataset"] == "digits"
    assert about["run"]["digest"] == study.data.digest
    assert about["device"].startswith("CPU") and about["versions"]["torch"]
    assert about["seconds"] >= 0
    assert abs(about["finished"] - time.time()) < 600


def test_states_are_saved_when_they_are_due(study_of, digits, monkeypatch):
    now = iter(range(1000))  # every look at the clock is a second later
    monkeypatch.setattr(loop.time, "monotonic", lambda: next(now))
    saved = []
    monkeypatch.setattr(RunFolder, "save_state", lambda f, s: saved.append(s["epoch"]))
    data = DeviceData(digits, torch.device("cpu"))
    study = study_of({"seed": [0]}, epochs=8)
    trainees = [Trainee(RunFolder(run)) for run in study.runs()]
    StackTraining(trainees, data, 3).run(Bar())
    assert [int(epoch) for epoch in saved] == [3, 6]
