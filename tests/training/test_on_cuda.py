"""Training on CUDA: graphs against the steps themselves, resumed, and as on a CPU."""

import numpy as np
import pytest
import torch
from conftest import assert_same_histories

from helpers.runs import IdentityRun, Run, Study
from helpers.runs.store import RunFolder
from helpers.system.devices import products_on
from helpers.training import graphs, measures, rounds, train

pytestmark = pytest.mark.cuda

MODULE = {"activation": "relu", "init_scale": None, "learning_rate": 0.01}
CONVNET = MODULE | {"model": "convnet", "width": 16, "depth": 4}
RESNET = MODULE | {"model": "resnet", "width": 8, "depth": 10}
ADAM = {"optimizer": "adam", "learning_rate": 0.003}
KINDS = {
    "perceptrons": {"permuted_fraction": 0.5},
    "perceptrons, Adam": {"biases": True, "depth": 3, **ADAM},
    "perceptrons, evaluated now and then": {"evaluate_every": 3},
    "convnet": CONVNET,
    "convnet, Adam": CONVNET | ADAM,
    "resnet, Adam, evaluated now and then": RESNET | ADAM | {"evaluate_every": 3},
    "resnet, bfloat16": RESNET | {"precision": "bfloat16"},
    "identity, momentum": {"model": "identity_fcn", "learning_rate": 0.1},
    "identity, Adam": {"model": "identity_fcn", "optimizer": "adam"},
    "identity, convolutions": {"model": "identity_convnet", "learning_rate": 0.02},
    "identity, convolutions, Adam": {"model": "identity_convnet", "optimizer": "adam"},
}
ERRORS = ("train_loss", "train_error")  # of classifiers, and of identity nets


@pytest.fixture(params=KINDS)
def study(request, digits):
    """Five networks of a kind, each for a few steps more than one graph."""
    fields, grid = KINDS[request.param], {"seed": range(5)}
    if "identity" in request.param:
        small = {"canvas": 8, "width": 8, "depth": 3, "steps": 225}
        small |= {"learning_rate": 1e-3, "stop_error": 1e-30} | fields
        return Study(digits, IdentityRun(**small), grid)
    small = {"width": 16, "batch_size": 36, "epochs": 6, "init_scale": 0.01}
    small |= {"learning_rate": 0.05, "stop_accuracy": None, "snapshots": (2,)}
    return Study(digits, Run(**small | fields), grid)


def errors_of(histories):
    """The training error of every network, at all of its epochs."""
    (name,) = (name for name in ERRORS if name in histories.arrays[0])
    return [arrays[name] for arrays in histories.arrays]


def assert_alike(some, others, within):
    assert some.stops == others.stops
    for one, other in zip(errors_of(some), errors_of(others), strict=True):
        np.testing.assert_allclose(one, other, rtol=within)
        known = one[~np.isnan(one)]
        assert known[-1] < known[0]  # it has learnt


def within(study):
    """bfloat16 has 8 bits, and a reduction that is parted otherwise its own rounding.

    Adam makes a whole step of a gradient that is mere rounding.
    """
    run = study.base
    return 5e-2 if getattr(run, "precision", None) or run.optimizer == "adam" else 1e-3


def refuse(step, *given):
    raise RuntimeError("refused")


def test_graphs_train_what_single_steps_train(
    study, elsewhere, monkeypatch, in_float32
):
    found = train(study, device="cuda")
    about = RunFolder(found.runs[0]).about()
    assert "fallbacks" not in about and about["products"] == "float32"
    elsewhere()
    monkeypatch.setattr(graphs, "capture", refuse)
    eager = train(study, device="cuda")
    (line,) = RunFolder(eager.runs[0]).about()["fallbacks"]
    assert "no CUDA graph (refused)" in line
    assert_alike(found, eager, within(study))


def test_cuda_trains_what_a_cpu_trains(study, elsewhere, in_float32):
    here = train(study, device="cpu")
    elsewhere()
    there = train(study, device="cuda")
    assert_alike(there, here, 10 * within(study))


def test_training_goes_on_from_its_states(study, elsewhere, monkeypatch, in_float32):
    whole = train(study, device="cuda")
    elsewhere()
    save, left = rounds.Rounds._save, iter(range(2))

    def leave(training):
        save(training)
        if next(left, None) == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rounds.Rounds, "_save", leave)
        with pytest.raises(KeyboardInterrupt):
            train(study, device="cuda", save_seconds=0)
    states = [next(RunFolder(run).states(), None) for run in study.runs()]
    assert any(state and int(state["epoch"]) > 1 for state in states)
    resumed = train(study, device="cuda")
    assert_alike(resumed, whole, within(study))
    assert_same_histories(train(study, device="cuda"), resumed)


@pytest.mark.parametrize("optimizer", [None, "adam"])
def test_networks_end_one_after_the_other(
    study_of, elsewhere, in_float32, capsys, optimizer
):
    rate = 0.01 if optimizer else 0.5
    fields = {"epochs": 40, "learning_rate": rate, "stop_accuracy": 0.95}
    study = study_of({"seed": range(8)}, init_scale=0.01, optimizer=optimizer, **fields)
    here = train(study, device="cpu")
    elsewhere()
    there = train(study, device="cuda")
    assert len(set(there.lengths())) > 2 and set(there.stops) == {"fitted"}
    assert np.abs(there.lengths() - here.lengths()).max() <= 2
    for some, others in zip(errors_of(there), errors_of(here), strict=True):
        both = min(len(some), len(others))
        np.testing.assert_allclose(some[:both], others[:both], rtol=5e-2)
    assert "no CUDA graph" not in capsys.readouterr().out


def test_training_is_in_tf32_and_measures_are_not(study_of, monkeypatch):
    seen, alignments = [], measures.alignments

    def noted(network):
        seen.append(products_on(network.train_images.device))
        return alignments(network)

    monkeypatch.setitem(measures.MEASURES, "alignment", noted)
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    histories = train(study_of(measures=("alignment",)), device="cuda")
    assert RunFolder(histories.runs[0]).about()["products"] == "tf32"
    after = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    assert after == before and set(seen) == {"float32"}
