"""A kind of run is one file and one row: here a third one, which trains and resumes."""

import shutil
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from helpers.runs import Study
from helpers.runs.fields import ABOVE_ZERO, SEED, Described, must
from helpers.runs.histories import MEASURED
from helpers.runs.store import RunFolder
from helpers.training import tasks, train
from helpers.training.rounds import Ensemble

# A third kind of run: this much, and one row in TASKS.


@dataclass(frozen=True, kw_only=True)
class MeanRun(Described):
    """The mean of the pixels, found by gradient descent on half the squared error."""

    learning_rate: float = must(ABOVE_ZERO, 0.5)
    epochs: int = 30
    snapshots: tuple[int, ...] = ()
    seed: int = must(SEED, 0, stacked=True)

    def description(self):
        return {"task": "mean", **super().description()}


class Means(Ensemble):
    """An ensemble of them: K numbers that start at their seeds."""

    LOSS = SCORE = "loss"

    def __init__(self, trainees, goal, epoch):
        starts = [t.weights["w"] if t.weights else t.run.seed for t in trainees]
        self.rate, self.goal = trainees[0].run.learning_rate, goal
        self.weights = torch.tensor([float(start) for start in starts])

    def advance(self, epoch):
        self.weights -= self.rate * (self.weights - self.goal)

    def observe(self, due):
        return [{"loss": float((self.weights[k] - self.goal) ** 2 / 2)} for k in due]

    def measure(self, k, trainee, stop):
        return {MEASURED: True}

    def fitted(self, k, values):
        return values["loss"] < 1e-6

    def network(self, k):
        return {"w": self.weights[k].clone()}

    def state(self, k):
        return self.network(k), {}

    def place(self, k, weights, optimizer):
        self.weights[k] = weights["w"]

    def keep(self, networks):
        self.weights = self.weights[networks]


@pytest.fixture
def means(digits, monkeypatch):
    """A study of four of them, the kind entered in the table."""
    task = tasks.Task(
        check=lambda runs, data: None,
        limit=lambda run, data, most, device: most,
        place=lambda data, device: float(data.train_images.float().mean()),
        begin=Means,
    )
    monkeypatch.setitem(tasks.TASKS, MeanRun, task)
    return Study(digits, MeanRun(snapshots=(2,)), {"seed": [0, 1, 2, 50]})


def test_a_third_kind_of_run_is_one_file_and_one_row(means, digits, bits, results):
    found = train(means, device="cpu", save_seconds=0)
    assert found.stops == ("fitted",) * 4 and len(set(found.lengths())) > 1
    assert (np.diff(found.arrays[3]["loss"]) < 0).all()
    last = RunFolder(means.runs()[3]).snapshot(int(found.lengths()[3]))["w"]
    assert last == pytest.approx(float(digits.train_images.float().mean()), abs=2e-3)
    assert RunFolder(means.runs()[0]).snapshot_epochs()[0] == 2
    whole = bits(results)
    assert train(means, device="cpu").lengths().tolist() == found.lengths().tolist()
    assert bits(results) == whole


def test_a_third_kind_of_run_goes_on_from_its_state(means, monkeypatch):
    expected = train(means, device="cpu").final("loss")
    for run in means.runs():
        shutil.rmtree(RunFolder(run).path)
    advance = Means.advance

    def advance_until(self, epoch):
        if epoch == 5:
            raise InterruptedError
        advance(self, epoch)

    with monkeypatch.context() as patch:
        patch.setattr(Means, "advance", advance_until)
        with pytest.raises(InterruptedError):
            train(means, device="cpu", save_seconds=0)
    assert any(RunFolder(run).started() for run in means.runs())
    assert train(means, device="cpu").final("loss").tolist() == expected.tolist()
