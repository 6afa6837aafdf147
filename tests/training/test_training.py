"""Training of studies: what is finished stays, and cores change no bit."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from conftest import assert_same_histories

from helpers.errors import Failure, Mistake
from helpers.runs.store import RunFolder, results_root
from helpers.system.devices import choose_device
from helpers.training import load, train

FIELDS = {"measures": ("alignment",), "snapshots": (0, 3)}


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


def test_only_what_is_new_in_a_study_is_trained(study_of, train_epochs):
    train(study_of({"seed": [0, 1]}), device="cpu")
    train_epochs.clear()
    histories = train(study_of({"seed": [1, 2, 0]}), device="cpu")
    assert train_epochs == [1] * 6
    assert [run.seed for run in histories.runs] == [1, 2, 0]


def test_a_run_named_twice_is_trained_once(study_of, train_epochs):
    histories = train(study_of({"seed": [0, 0]}), device="cpu")
    assert train_epochs == [1] * 6
    assert len(histories) == 2


def test_histories_of_a_trained_study_can_be_loaded(study_of):
    study = study_of()
    with pytest.raises(
        Failure, match=r"^4 of 4 runs are not trained; call train first"
    ):
        load(study)
    trained = train(study, device="cpu")
    assert_same_histories(load(study), trained)
    with pytest.raises(Failure, match=r"^2 of 6 runs are not trained"):
        load(study_of({"init_scale": [0.01, 1.0], "seed": range(3)}))


# Grouping


def test_the_number_of_cores_changes_no_bit(
    study_of, bits, tmp_path, monkeypatch, on_cores, in_stacks_of
):
    grid = {"permuted_fraction": [None, 0.5], "first_learning_rate": [None, 0.0, 0.3]}
    in_stacks_of(2)
    seen = []
    for cores in (1, 2, 5):
        root = tmp_path / str(cores)
        monkeypatch.setenv("MEMORIZATION_RESULTS", str(root))
        on_cores(cores)
        train(study_of(grid, **FIELDS), device="cpu")
        seen.append(bits(root))
    assert len(seen[0]) == 6 * 4
    assert all(other == seen[0] for other in seen[1:])


@pytest.mark.parametrize("shape", [{}, {"width": 23}, {"depth": 1}])
def test_in_stacks_of_any_size_networks_learn_the_same_but_for_rounding(
    study_of, tmp_path, monkeypatch, shape, train_epochs, in_stacks_of
):
    # A network of another seed has other losses by far more than the tolerance.
    seen, gentle = [], {"learning_rate": 0.01, "stop_accuracy": None}
    for most in (1, 2, 5):
        monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path / str(most)))
        in_stacks_of(most)
        histories = train(study_of({"seed": range(5)}, **shape, **gentle), device="cpu")
        seen.append([arrays["train_loss"] for arrays in histories.arrays])
    assert {1, 2, 5} <= set(train_epochs)
    for losses in seen[1:]:
        np.testing.assert_allclose(losses, seen[0], rtol=1e-4)
    apart = np.abs(np.diff(seen[0], axis=0)).max(1) / seen[0][0].max()
    assert (apart > 1e-3).all()


def test_runs_of_different_shapes_are_one_study(study_of):
    histories = train(study_of({"depth": [2, 3], "width": [16, 32]}), device="cpu")
    assert [(r.depth, r.width) for r in histories.runs] == [
        *((2, 16), (2, 32), (3, 16), (3, 32))
    ]
    weights = RunFolder(histories.runs[3]).snapshot(6)
    assert weights["W2"].shape == (32, 32)


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


DEGREES = {"cross_entropy": 0, "hinge": 1, "squared": 2}
TOGETHER = ("init_scale", "loss_scale", "learning_rate", "first_learning_rate")


@pytest.mark.parametrize("loss", DEGREES)
def test_relu_networks_are_the_same_at_every_scale_if_all_is_scaled(study_of, loss):
    # L(a z; a s) = a^d L(z; s): a network a times as large learns from a scaled loss
    # what the small one learns, with its learning rates over a^d, and a^2 for W1. With
    # powers of two that is so to the last bit, whatever the number of steps.
    d, rate = DEGREES[loss], 0.02
    scales = [(0.01 * a, a, rate * a**-d, rate * a ** (2 - d)) for a in (2.0, 4.0)]
    grid = {TOGETHER: [(0.01, None, rate, None), *scales], "seed": [0, 1]}
    fields = {"loss": loss, "activation": "relu", "stop_accuracy": None, "epochs": 10}
    measures = ("alignment", "gradients")
    histories = train(study_of(grid, **fields, measures=measures), device="cpu")
    alike = {
        *("train_accuracy", "test_accuracy", "gradient_alignment_W1"),
        *("gradient_alignment_logits", "representation_alignment"),
        *("stiffness_first_in_class", "diversity_first_over_all"),
    }
    weights = [RunFolder(run).snapshot(10) for run in histories.runs]
    for k, run in enumerate(histories.runs[2:], start=2):
        a, plain, seed = run.loss_scale, histories.arrays[k % 2], run.seed
        assert histories.runs[k % 2].seed == seed
        assert torch.equal(weights[k]["W1"], a * weights[k % 2]["W1"])
        assert torch.equal(weights[k]["W2"], weights[k % 2]["W2"])
        arrays = histories.arrays[k]
        for name in alike:
            np.testing.assert_allclose(arrays[name], plain[name], rtol=1e-5)
        np.testing.assert_allclose(arrays["train_loss"], a**d * plain["train_loss"])
    moved = histories.final("train_accuracy") - histories.initial("train_accuracy")
    assert (moved > 0.2).all()


def test_families_of_networks_are_one_study(study_of):
    together = ("model", "depth", "width", "activation", "init_scale", "biases")
    values = [
        ("mlp", 2, 16, "sin", 0.01, None),
        ("mlp", 2, 16, "relu", None, True),
        ("convnet", 4, 16, "relu", None, None),
        ("resnet", 10, 4, "relu", None, None),
    ]
    grid = {together: values, "seed": [0, 1]}
    fields = {"epochs": 2, "batch_size": 33, "measures": ("gradients",)}
    histories = train(study_of(grid, **fields), device="cpu")
    assert [run.model for run in histories.runs[::2]] == [v[0] for v in values]
    assert set(histories.stops) == {"epochs"}
    assert np.isfinite(histories.final("alignment_in_class")).all()
    assert histories.final("alignment_in_class").shape == (8,)
    again = load(study_of(grid, **fields))
    assert_same_histories(again, histories)


# Mistakes


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"loss": "mse"}, "loss = 'mse': must be one of cross_entropy, hinge, squared"),
        ({"activation": "tanh"}, "activation = 'tanh': must be one of sin, relu, sig"),
        ({"model": "cnn"}, "model = 'cnn': must be one of mlp, convnet, resnet"),
        ({"measures": ("capacity",)}, "measure 'capacity': must be one of alignment"),
        (
            {"measures": ("gradient",)},
            "measure 'gradient': must be one of alignment, r",
        ),
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


def test_devices_are_chosen_by_name():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert choose_device("auto").type == expected
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(
        Mistake, match=r"^device = 'gpu': must be one of auto, cpu, cuda"
    ):
        choose_device("gpu")


def test_cuda_is_refused_where_there_is_none(study_of, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(Mistake, match=r"^device = 'cuda': no CUDA device is visible; "):
        train(study_of(), device="cuda")
    assert choose_device("auto").type == "cpu"


# CUDA


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("depth", [2, 4])
@pytest.mark.parametrize("loss", ["cross_entropy", "hinge", "squared"])
def test_cuda_trains_what_the_cpu_trains(study_of, tmp_path, monkeypatch, loss, depth):
    # Rounding differs, by 1e-7 of a sum; 30 steps at small scales keep it below 1e-3.
    # Hinge jumps where a margin is met: one example's worth of gradient, 1/32 · 0.05.
    fields = {"loss": loss, "depth": depth, "learning_rate": 0.05, **FIELDS}
    grid = {"init_scale": [0.003, 0.01], "permuted_fraction": [None, 0.5]}
    study = study_of(grid, **fields)
    both = []
    for device in ("cpu", "cuda"):
        monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path / device))
        both.append(train(study, device=device))
    for ours, theirs in zip(both[0].arrays, both[1].arrays, strict=True):
        tolerance = 1e-2 if loss == "hinge" else 1e-3
        np.testing.assert_allclose(theirs["train_loss"], ours["train_loss"], tolerance)
        np.testing.assert_allclose(
            theirs["train_accuracy"], ours["train_accuracy"], atol=4 / 160
        )
        np.testing.assert_allclose(
            theirs["gradient_alignment_W1"], ours["gradient_alignment_W1"], atol=1e-2
        )


def test_until_a_moment_as_much_is_trained_as_there_is_time_for(study_of, monkeypatch):
    from helpers.training import rounds, train_until

    study, whole = study_of({"seed": range(3)}, epochs=9), study_of({"seed": range(3)})
    assert train_until(time.monotonic() - 1, [study], device="cpu") == 3
    assert not any(RunFolder(run).started() for run in study.runs())
    clock = iter(range(10**9))  # every look at it is a second later
    monkeypatch.setattr(rounds.time, "monotonic", lambda: next(clock))
    assert train_until(40, [study], device="cpu", save_seconds=1e9) == 3
    begun = [RunFolder(run) for run in study.runs() if RunFolder(run).started()]
    assert begun and all(0 < int(next(f.states())["epoch"]) < 9 for f in begun)
    assert train_until(10**8, [study, whole], device="cpu") == 0
