"""Runs on their way: interrupted, out of disk or damaged, they end the same."""

import errno
import os
import signal
import threading
import time

import pytest
import torch

from helpers.errors import Failure
from helpers.runs.store import PARTIAL, RunFolder
from helpers.system.progress import TerminalBar
from helpers.training import load, tasks, train, trainer
from helpers.training.rounds import Rounds
from helpers.training.stacks import Stack

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


@pytest.mark.parametrize("at", [1, 5, 9])
def test_interrupted_and_resumed_is_uninterrupted(
    study, whole, bits, results, monkeypatch, press_ctrl_c, train_epochs, at
):
    with monkeypatch.context() as patch:
        bar = Interruption(at, press_ctrl_c)
        patch.setattr(trainer, "progress_bar", lambda total, label: bar)
        with pytest.raises(KeyboardInterrupt):
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
    study, monkeypatch, press_ctrl_c, on_cores, in_stacks_of
):
    bar = Interruption(2, press_ctrl_c)
    monkeypatch.setattr(trainer, "progress_bar", lambda total, label: bar)
    on_cores(1), in_stacks_of(1)
    with pytest.raises(KeyboardInterrupt):
        train(study, device="cpu")
    started = [RunFolder(run).started() for run in study.runs()]
    assert started == [True, False, False, False]


@pytest.mark.parametrize("at", [2, 7, 15])
def test_an_error_in_one_stack_ends_all_and_is_told(
    study, whole, bits, results, monkeypatch, at
):
    def fail():
        raise Failure("out of luck")

    with monkeypatch.context() as patch:
        bar = Interruption(at, fail)
        patch.setattr(trainer, "progress_bar", lambda total, label: bar)
        with pytest.raises(Failure, match="out of luck"):
            train(study, device="cpu", save_seconds=0)
    train(study, device="cpu")
    assert bits(results) == whole


@pytest.mark.parametrize("room", [0, 1, 7, 30])
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


@pytest.mark.parametrize(
    "name",
    ["history.npz", "run.json", "done.json", "snapshots/epoch-000003.safetensors"],
)
def test_a_damaged_finished_run_is_named_and_trained_to_the_same_bits(
    study, whole, bits, results, train_epochs, name
):
    train(study, device="cpu")
    folder = RunFolder(study.runs()[2])
    harm(folder.path / name)
    with pytest.raises(Failure, match=r"is damaged; call train, which makes it anew$"):
        load(study)
    train_epochs.clear()
    with pytest.warns(
        UserWarning, match="is damaged: its run is trained again"
    ) as told:
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


def test_a_damaged_state_is_named_and_the_one_before_is_used(
    study, whole, bits, results, monkeypatch, train_epochs
):
    leave_two_states(study, monkeypatch)
    state = RunFolder(study.runs()[0]).path / "state.safetensors"
    harm(state)
    train_epochs.clear()
    with pytest.warns(UserWarning, match="the state before it is used") as told:
        train(study, device="cpu")
    assert [str(state) in str(warning.message) for warning in told] == [True]
    assert train_epochs == [4, 4]  # from where the damaged one stands; others rest
    assert bits(results) == whole


def test_with_both_states_damaged_a_run_starts_anew(
    study, whole, bits, results, monkeypatch, train_epochs
):
    leave_two_states(study, monkeypatch)
    for name in ("state", "state-previous"):
        harm(RunFolder(study.runs()[1]).path / f"{name}.safetensors")
    train_epochs.clear()
    with pytest.warns(UserWarning, match="is damaged") as told:
        train(study, device="cpu")
    assert len(told) == 2
    assert train_epochs == [4] * EPOCHS
    assert bits(results) == whole


def test_weights_of_epochs_that_are_trained_again_are_dropped(study_of):
    study = study_of({"seed": [0]})
    folder = RunFolder(study.runs()[0])
    folder.save_snapshot(40, {"W1": torch.zeros(2)})  # of an attempt that went farther
    train(study, device="cpu")
    assert folder.snapshot_epochs() == [EPOCHS]


# CUDA


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_training_on_cuda_is_interrupted_and_goes_on(
    study_of, monkeypatch, press_ctrl_c, train_epochs
):
    study = study_of(epochs=20, stop_accuracy=None)
    with monkeypatch.context() as patch:
        bar = Interruption(9, press_ctrl_c)  # in the third epoch of a stack of four
        patch.setattr(trainer, "progress_bar", lambda total, label: bar)
        with pytest.raises(KeyboardInterrupt):
            train(study, device="cuda")
    assert newest_epochs(study) == [3] * 4
    train_epochs.clear()
    assert train(study, device="cuda").lengths().tolist() == [20] * 4
    assert train_epochs == [4] * 17
