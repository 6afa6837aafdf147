"""Runs on their way: interrupted, out of disk or damaged, they end the same."""

import contextlib
import errno
import os
import signal
import threading
import time

import pytest
import torch

from helpers.errors import Failure
from helpers.runs import Run
from helpers.runs.store import PARTIAL, RunFolder
from helpers.system.progress import TerminalBar
from helpers.training import load, tasks, train, trainer
from helpers.training.rounds import Rounds
from helpers.training.stacks import Stack
from helpers.training.trainees import Trainee

EPOCHS = 6


@pytest.fixture(scope="module")
def study(study_of):
    """Four runs of six epochs, with measures and snapshots."""
    return study_of(measures=("alignment",), snapshots=(0, 3), epochs=EPOCHS)


@pytest.fixture(scope="module")
def whole(study, bits, tmp_path_factory):
    """What training leaves on disk when nothing interrupts it."""
    root = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMORIZATION_RESULTS", str(root))
        patch.setitem(tasks.PARALLEL, "cpu", 1)
        train(study, device="cpu")
    return bits(root)


@pytest.fixture(autouse=True)
def one_company(on_cores, in_stacks_of):
    """All networks in one stack."""
    on_cores(2), in_stacks_of(16)


def newest_epochs(study):
    """Epoch of every run's newest state; None where there is none."""
    states = [next(RunFolder(run).states(), None) for run in study.runs()]
    return [int(state["epoch"]) if state else None for state in states]


# Interruptions


class Interruption(TerminalBar):
    """A bar that acts once, when it has been told of so many epochs of networks."""

    def __init__(self, at, act):
        super().__init__(1000, "")
        self.steps, self.at, self.act = 0, at, act

    def update(self, steps, note):
        self.steps += steps
        if self.steps >= self.at and self.act:
            act, self.act = self.act, None
            act()


@pytest.fixture
def press_ctrl_c(monkeypatch):
    """Function for a stack to call: interrupts the main thread and waits for it."""
    stacks, run = [], Rounds.run

    def noted(stack, bar):
        stacks.append(stack)
        run(stack, bar)

    def press():
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        deadline = time.monotonic() + 10
        while not all(stack.interrupted for stack in stacks):
            assert time.monotonic() < deadline, "no stack was told of the interruption"
            time.sleep(0.001)

    monkeypatch.setattr(Rounds, "run", noted)
    return press


@pytest.fixture
def until(monkeypatch):
    """Context: training acts once at so many epochs, and ends with an error."""

    @contextlib.contextmanager
    def until(at, act, error, match=None):
        with monkeypatch.context() as patch:
            bar = Interruption(at, act)
            patch.setattr(trainer, "progress_bar", lambda total, label: bar)
            with pytest.raises(error, match=match):
                yield

    return until


@pytest.mark.parametrize("at", [1, 9])
def test_interrupted_and_resumed_is_uninterrupted(
    study, whole, bits, results, until, press_ctrl_c, train_epochs, at
):
    with until(at, press_ctrl_c, KeyboardInterrupt):
        train(study, device="cpu")
    epochs = newest_epochs(study)
    assert any(epochs), "Ctrl-C saves every stack where it stands"
    done = [RunFolder(run).done() for run in study.runs()]
    left = [0 if d else EPOCHS - (e or 0) for d, e in zip(done, epochs, strict=True)]
    train_epochs.clear()
    train(study, device="cpu")
    assert sum(train_epochs) == sum(left) > 0
    assert bits(results) == whole


def test_stacks_that_wait_their_turn_do_not_begin_after_an_interruption(
    study, until, press_ctrl_c, on_cores, in_stacks_of
):
    on_cores(1), in_stacks_of(1)
    with until(2, press_ctrl_c, KeyboardInterrupt):
        train(study, device="cpu")
    started = [RunFolder(run).started() for run in study.runs()]
    assert started == [True, False, False, False]


@pytest.mark.parametrize("at", [2, 15])
def test_an_error_in_one_stack_ends_all_and_is_told(
    study, whole, bits, results, until, at
):
    def fail():
        raise Failure("out of luck")

    with until(at, fail, Failure, "out of luck"):
        train(study, device="cpu", save_seconds=0)
    train(study, device="cpu")
    assert bits(results) == whole


@pytest.mark.parametrize("room", [0, 7, 30])
def test_a_full_disk_is_one_line_and_training_goes_on_when_there_is_room(
    study, whole, bits, results, monkeypatch, room
):
    sync, left = os.fsync, iter(range(room))

    def fsync(file):
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(Failure) as told:
            train(study, device="cpu", save_seconds=0)
    assert str(told.value).startswith(f"cannot save {results}")
    assert "No space left on device" in str(told.value) and "\n" not in str(told.value)
    assert not list(results.rglob(f"{PARTIAL}*"))
    train(study, device="cpu")
    assert bits(results) == whole


# Damage


def harm(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["history.npz", "snapshots/epoch-000003.safetensors"])
def test_a_damaged_finished_run_is_named_and_trained_to_the_same_bits(
    study, whole, bits, results, train_epochs, name
):
    train(study, device="cpu")
    folder = RunFolder(study.runs()[2])
    harm(folder.path / name)
    with pytest.raises(Failure, match=r"is damaged; call train, which makes it anew$"):
        load(study)
    train_epochs.clear()
    line = "is damaged: its run is trained again"
    with pytest.warns(UserWarning, match=line) as told:
        train(study, device="cpu")
    assert [str(folder.path) in str(warning.message) for warning in told] == [True]
    assert train_epochs == [4] * EPOCHS  # among the seats of those it was trained with
    assert bits(results) == whole and folder.damage() is None


def leave_two_states(study, monkeypatch):
    """Train until every run has states of the last two epochs but one."""
    train_epoch = Stack.train_epoch

    def stop_at_the_last(stack, order, batch_size):
        stack.trained = getattr(stack, "trained", 0) + 1
        if stack.trained == EPOCHS:
            raise Failure("stopped")
        train_epoch(stack, order, batch_size)

    with monkeypatch.context() as patch:
        patch.setattr(Stack, "train_epoch", stop_at_the_last)
        with pytest.raises(Failure, match="stopped"):
            train(study, device="cpu", save_seconds=0)
    assert newest_epochs(study) == [EPOCHS - 1] * len(study.runs())


def test_biases_and_scales_of_the_loss_go_on_where_they_were(
    study_of, bits, results, tmp_path, monkeypatch
):
    grid = {"loss_scale": [None, 4.0], "seed": [0, 1]}
    study = study_of(grid, biases=True, loss="squared", epochs=EPOCHS)
    with monkeypatch.context() as patch:
        patch.setenv("MEMORIZATION_RESULTS", str(tmp_path / "whole"))
        train(study, device="cpu")
    leave_two_states(study, monkeypatch)
    train(study, device="cpu")
    assert bits(results) == bits(tmp_path / "whole") and len(bits(results)) == 4 * 2


@pytest.mark.parametrize(
    ("names", "left"), [(["state"], 2), (["state", "state-previous"], EPOCHS)]
)
def test_a_damaged_state_is_named_and_the_one_before_is_used(
    study, whole, bits, results, monkeypatch, train_epochs, names, left
):
    leave_two_states(study, monkeypatch)
    harmed = [RunFolder(study.runs()[0]).path / f"{n}.safetensors" for n in names]
    for path in harmed:
        harm(path)
    train_epochs.clear()
    with pytest.warns(UserWarning, match="is damaged") as told:
        train(study, device="cpu")
    lines = [str(warning.message) for warning in told]
    for path, line in zip(harmed, lines, strict=True):
        assert str(path) in line
    assert "the state before it is used" in lines[0]
    assert train_epochs == [4] * left  # from where the harmed one stands; others rest
    assert bits(results) == whole


def test_weights_of_epochs_that_are_trained_again_are_dropped(study_of):
    study = study_of({"seed": [0]})
    folder = RunFolder(study.runs()[0])
    folder.save_snapshot(40, {"W1": torch.zeros(2)})  # of an attempt that went farther
    train(study, device="cpu")
    assert folder.snapshot_epochs() == [EPOCHS]


def test_of_equal_scores_the_first_is_the_best():
    trainee = Trainee(RunFolder(Run()))
    for trainee.epoch, score in enumerate((0.5, 0.7, 0.7, float("nan"))):
        trainee.record({"score": score})
        trainee.keep_best("score", lambda: {"W": torch.tensor(trainee.epoch)})
    assert trainee.best == {"W": 1, "epoch": 1}


# CUDA


@pytest.mark.cuda
def test_training_on_cuda_is_interrupted_and_goes_on(
    study_of, until, press_ctrl_c, train_epochs
):
    study = study_of(epochs=20, stop_accuracy=None)
    # In the third epoch of a stack of four.
    with until(9, press_ctrl_c, KeyboardInterrupt):
        train(study, device="cuda")
    assert newest_epochs(study) == [3] * 4
    train_epochs.clear()
    assert train(study, device="cuda").lengths().tolist() == [20] * 4
    assert train_epochs == [4] * 17
