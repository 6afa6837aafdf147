"""Training of studies: what is finished stays, and cores change no bit."""

import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import numpy as np
import pytest
import torch
from conftest import assert_same_histories

from helpers.errors import Failure, Mistake
from helpers.runs.store import RunFolder, results_root
from helpers.system.devices import choose_device
from helpers.training import load, train
from helpers.training.stacks import Stack

LOOKING = ("study", "trainer", "rounds")  # at the clock
FIELDS = {"measures": ("alignment",), "snapshots": (0, 3)}


def looking():
    """The modules of training that look at the clock."""
    return [import_module(f"helpers.training.{name}") for name in LOOKING]


# Finished runs


def test_finished_runs_are_never_trained_again(study_of, train_epochs):
    study = study_of(**FIELDS)
    first = train(study, device="cpu")
    files = [*results_root().rglob("*.*")]
    stamps = {file: file.stat().st_mtime_ns for file in files}
    train_epochs.clear()
    assert_same_histories(train(study, device="cpu"), first)
    assert train_epochs == []
    assert {file: file.stat().st_mtime_ns for file in files} == stamps


def test_only_what_is_new_in_a_study_is_trained_and_each_run_once(
    study_of, train_epochs
):
    assert len(train(study_of({"seed": [0, 0]}), device="cpu")) == 2
    assert train_epochs == [1] * 6
    histories = train(study_of({"seed": [1, 0]}), device="cpu")
    assert train_epochs == [1] * 12
    assert [run.seed for run in histories.runs] == [1, 0]


def test_histories_of_a_trained_study_can_be_loaded(study_of):
    study = study_of()
    line = r"^4 of 4 runs are not trained; call train first"
    with pytest.raises(Failure, match=line):
        load(study)
    trained = train(study, device="cpu")
    assert_same_histories(load(study), trained)
    with pytest.raises(Failure, match=r"^2 of 6 runs are not trained"):
        load(study_of({"init_scale": [0.01, 1.0], "seed": range(3)}))


# Grouping


def test_runs_of_different_shapes_are_one_study(study_of):
    histories = train(study_of({"depth": [2, 3], "width": [16, 32]}), device="cpu")
    shapes = [(2, 16), (2, 32), (3, 16), (3, 32)]
    assert [(r.depth, r.width) for r in histories.runs] == shapes
    assert RunFolder(histories.runs[3]).snapshot(6)["W2"].shape == (32, 32)


def test_training_leaves_the_number_of_threads_as_it_was(study_of):
    before = torch.get_num_threads()
    torch.set_num_threads(before + 2)
    try:
        train(study_of(), device="cpu")
        # What this thread counts is its own; a new one starts from the process's.
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(torch.get_num_threads).result() == before + 2
        assert torch.get_num_threads() == before + 2
    finally:
        torch.set_num_threads(before)


def test_families_of_networks_are_one_study(study_of):
    together = ("model", "depth", "width", "activation", "init_scale", "biases")
    values = [
        ("mlp", 2, 16, "sin", 0.01, None),
        ("mlp", 2, 16, "relu", None, True),
        ("convnet", 4, 16, "relu", None, None),
        ("resnet", 10, 4, "relu", None, None),
    ]
    fields = {"epochs": 1, "batch_size": 33, "measures": ("gradients",)}
    study = study_of({together: values}, **fields)
    histories = train(study, device="cpu")
    assert [run.model for run in histories.runs] == [v[0] for v in values]
    assert set(histories.stops) == {"epochs"}
    assert np.isfinite(histories.final("alignment_in_class")).all()
    assert_same_histories(load(study), histories)


# Memory


def test_a_gpu_with_too_little_memory_is_told_in_one_line(study_of, monkeypatch):
    def fill(stack, order, batch_size):
        raise torch.OutOfMemoryError("CUDA out of memory\nTried to allocate 2 GiB")

    monkeypatch.setattr(Stack, "train_epoch", fill)
    line = r"^\d networks like run \w{12} do not fit the GPU's memory together: free "
    with pytest.raises(Failure, match=line):
        train(study_of({"seed": [0]}), device="cpu")  # one stack: no other fails, too


# States


@pytest.mark.parametrize("told", ["inf", ""])
def test_states_are_not_saved_on_a_machine_that_keeps_nothing(
    study_of, monkeypatch, clock_of, told
):
    from helpers.training import train_until

    monkeypatch.setenv("MEMORIZATION_SAVE_SECONDS", told)
    clock = iter(range(10**9))  # every look at it is a second later
    clock_of(lambda: next(clock), *looking())
    assert train_until(25, [study := study_of({"seed": [0]}, epochs=30)]) == 1
    assert any(RunFolder(study.runs()[0]).states()) == (told == "")
    assert train_until(10**8, [study]) == 0


def test_seconds_between_states_that_are_none_are_told(study_of, monkeypatch):
    monkeypatch.setenv("MEMORIZATION_SAVE_SECONDS", "often")
    with pytest.raises(Mistake, match="SAVE_SECONDS = 'often': must be seconds, 0 or"):
        train(study_of(), device="cpu")


# Mistakes


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"loss": "mse"}, "loss = 'mse': must be one of cross_entropy, hinge, squared"),
        ({"activation": "tanh"}, "activation = 'tanh': must be one of sin, relu, sig"),
        ({"model": "cnn"}, "model = 'cnn': must be one of mlp, convnet, resnet"),
        ({"measures": ("gradient",)}, "measure 'gradient': must be one of alignment"),
        ({"model": "convnet"}, "activation = 'sin': must be relu for a convnet"),
    ],
)
def test_a_choice_that_does_not_exist_is_told_before_any_training(
    study_of, train_epochs, fields, line
):
    with pytest.raises(Mistake) as told:
        train(study_of(**fields), device="cpu")
    assert str(told.value).startswith(line) and "\n" not in str(told.value)
    assert train_epochs == [] and not list(results_root().glob("*/*.npz"))


def test_devices_are_chosen_by_name(study_of):
    line = r"^device = 'gpu': must be one of auto, cpu, cuda"
    with pytest.raises(Mistake, match=line):
        choose_device("gpu")
    assert choose_device("auto").type == choose_device("cpu").type == "cpu"
    with pytest.raises(Mistake, match=r"^device = 'cuda': no CUDA device is visible; "):
        train(study_of(), device="cuda")


# CUDA


@pytest.mark.cuda
@pytest.mark.parametrize("depth", [2, 4])
@pytest.mark.parametrize("loss", ["cross_entropy", "hinge", "squared"])
def test_cuda_trains_what_the_cpu_trains(
    in_float32, study_of, tmp_path, monkeypatch, loss, depth
):
    # Rounding differs, by 1e-7 of a sum; 30 steps at small scales keep it below 1e-3.
    # Hinge jumps where a margin is met: one example's worth of gradient, 1/32 · 0.05.
    fields = {"loss": loss, "depth": depth, "learning_rate": 0.05, **FIELDS}
    grid = {"init_scale": [0.003, 0.01], "permuted_fraction": [None, 0.5]}
    both = []
    for device in ("cpu", "cuda"):
        monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path / device))
        both.append(train(study_of(grid, **fields), device=device))
    within = {"rtol": 1e-2 if loss == "hinge" else 1e-3, "atol": 0}
    for ours, theirs in zip(both[0].arrays, both[1].arrays, strict=True):
        for name, tolerance in (
            ("train_loss", within),
            ("train_accuracy", {"rtol": 1e-7, "atol": 4 / 160}),
            ("gradient_alignment_W1", {"rtol": 1e-7, "atol": 1e-2}),
        ):
            np.testing.assert_allclose(theirs[name], ours[name], **tolerance)


def test_until_a_moment_as_much_is_trained_as_there_is_time_for(study_of, clock_of):
    from helpers.training import train_until

    study, whole = study_of({"seed": range(3)}, epochs=9), study_of({"seed": range(3)})
    assert train_until(time.monotonic() - 1, [study], device="cpu") == 3
    assert not any(RunFolder(run).started() for run in study.runs())
    clock = iter(range(10**9))  # every look at it is a second later
    clock_of(lambda: next(clock), *looking())
    # An epoch looks twice: none of nine can end, and whoever has one is saved.
    assert train_until(16, [study], device="cpu", save_seconds=1e9) == 3
    begun = [RunFolder(run) for run in study.runs() if RunFolder(run).started()]
    assert begun and all(0 < int(next(f.states())["epoch"]) < 9 for f in begun)
    assert train_until(10**8, [study, whole], device="cpu") == 0


@pytest.mark.parametrize("moment", range(6, 12))
def test_at_no_moment_are_epochs_left_unsaved(study_of, clock_of, train_epochs, moment):
    from helpers.training import train_until

    clock = iter(range(10**9))  # every look at it is a second later
    clock_of(lambda: next(clock), *looking())
    study = study_of({"seed": [0]}, epochs=9)
    assert train_until(moment, [study], device="cpu", save_seconds=1e9) == 1
    state = next(RunFolder(study.runs()[0]).states())
    assert int(state["epoch"]) == len(train_epochs) > 0
