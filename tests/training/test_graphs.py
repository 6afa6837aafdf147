"""What training does on CUDA, played on the CPU: graphs, empty seats, draws ahead."""

import numpy as np
import pytest
import torch
from conftest import assert_same_histories

from helpers.runs.store import RunFolder
from helpers.streams import stream
from helpers.training import graphs, orders, perceptrons, train, trainees
from helpers.training.graphs import Graphs, Seats
from helpers.training.orders import Orders

CPU = torch.device("cpu")


@pytest.fixture
def replayed(monkeypatch, played):
    """Shapes that were captured where the CPU is taken for a device with graphs."""
    monkeypatch.setattr(graphs, "REPLAYED", ("cpu",))
    monkeypatch.setattr(graphs, "_told", set())
    return played


# Graphs


def test_every_call_is_one_step_whether_it_is_replayed_or_not(replayed):
    steps = Graphs(CPU, "sums")
    total = torch.zeros(2)
    for k in range(10):
        steps(total.add_, torch.full((1 + k % 2,), float(k)).expand(2)[: 1 + k % 2])
    assert total.tolist() == [45.0, 45.0] or total.sum() == 90
    assert replayed == [[(1,)], [(2,)]] and steps.fallbacks == []


def test_a_refused_graph_is_told_once_and_every_step_is_taken(
    replayed, monkeypatch, capsys
):
    def refuse(step, *given):
        raise RuntimeError("operation not permitted\nmore of it")

    monkeypatch.setattr(graphs, "capture", refuse)
    line = "sums: no CUDA graph (operation not permitted), step by step"
    for _ in range(2):  # two stacks of a kind
        steps, total = Graphs(CPU, "sums"), torch.zeros(1)
        for _ in range(5):
            steps(total.add_, torch.ones(1))
        assert total == 5 and steps.fallbacks == [line]
    assert capsys.readouterr().out == line + "\n"


def test_a_run_says_that_it_fell_back(study_of, replayed, monkeypatch):
    def refuse(step, *given):
        raise RuntimeError("no")

    assert "fallbacks" not in about(train(study_of(), device="cpu"))
    monkeypatch.setattr(graphs, "capture", refuse)
    found = about(train(study_of({"seed": [7]}), device="cpu"))
    assert found["fallbacks"] == ["perceptrons: no CUDA graph (no), step by step"]


def about(histories):
    return RunFolder(histories.runs[0]).about()


@pytest.mark.parametrize(
    "fields",
    [
        {"permuted_fraction": 0.5, "evaluate_every": 2},
        {"optimizer": "adam", "learning_rate": 0.01},
        {"model": "convnet", "width": 8, "depth": 4, "optimizer": "adam", "epochs": 2},
    ],
)
def test_replayed_steps_and_shared_data_change_no_bit(
    study_of, bits, elsewhere, monkeypatch, played, fields
):
    if "model" in fields:
        fields = fields | {"activation": "relu", "init_scale": None}
    study = study_of({"seed": [0, 1]}, stop_accuracy=None, **fields)
    monkeypatch.setattr(perceptrons, "MOST_FEATURES", 0)  # by tensors both times
    expected = train(study, device="cpu"), bits(elsewhere("ours").parent / "results")
    monkeypatch.setattr(graphs, "REPLAYED", ("cpu",))
    monkeypatch.setattr(orders, "AHEAD", ("cpu",))
    monkeypatch.setattr(trainees, "SHARED", ("cpu",))
    assert_same_histories(train(study, device="cpu"), expected[0])
    assert played and bits(elsewhere("ours")) == expected[1]
    trainees._placed.clear()


# Seats


def test_places_stay_empty_until_they_are_a_quarter(replayed):
    seats, values = Seats(8, CPU), torch.arange(8)
    assert torch.equal(seats.by_place(values), values)
    assert seats.keep([0, 2, 3, 4, 5, 6, 7]) is None and len(seats) == 7
    assert seats.by_network(values).tolist() == [0, 2, 3, 4, 5, 6, 7]
    assert seats.by_place(torch.arange(1, 8)).tolist() == [1, 0, 2, 3, 4, 5, 6, 7]
    assert seats.keep([5, 1, 0, 2, 3]).tolist() == [6, 2, 0, 3, 4]
    assert seats.by_network(torch.arange(5)).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("optimizer", [None, "adam"])
def test_networks_that_end_leave_the_others_as_they_were(
    study_of, elsewhere, monkeypatch, played, in_stacks_of, optimizer
):
    """Many end at epochs of their own; some of the others have a quarter empty."""
    in_stacks_of(16)
    grid, rate = {"seed": range(6)}, 0.5 if optimizer is None else 0.01
    fields = {"epochs": 40, "learning_rate": rate, "init_scale": 0.01}
    study = study_of(grid, stop_accuracy=0.95, optimizer=optimizer, **fields)
    expected = train(study, device="cpu")
    assert len(set(expected.lengths())) > 2
    elsewhere()
    monkeypatch.setattr(graphs, "REPLAYED", ("cpu",))
    found = train(study, device="cpu")
    assert found.lengths().tolist() == expected.lengths().tolist()
    for some, others in zip(found.arrays, expected.arrays, strict=True):
        np.testing.assert_allclose(some["train_loss"], others["train_loss"], 1e-3)
    sizes = {shape[0] for (shape,) in played}
    assert 6 in sizes and not sizes & {5}  # of six places one may stay empty, no more


# Orders


@pytest.mark.parametrize("ahead", [(), ("cpu",)])
def test_orders_are_those_of_the_streams_drawn_ahead_or_not(monkeypatch, ahead):
    monkeypatch.setattr(orders, "AHEAD", ahead)
    drawn = Orders(9, CPU)
    for epoch, seeds in ((4, [7, 3, 7]), (5, [3, 8]), (6, [3]), (9, [3])):
        rows = [
            stream(seed, "order of examples", epoch).permutation(9) for seed in seeds
        ]
        assert drawn.of(epoch, seeds).tolist() == np.stack(rows).tolist()


# Data


def test_the_last_data_sets_stay_on_the_device(digits, monkeypatch):
    monkeypatch.setattr(trainees, "SHARED", ("cpu",))
    monkeypatch.setattr(trainees, "_placed", {})
    some = [digits.prefix(train_examples=n, test_examples=9) for n in (20, 30, 40)]
    first, second, third = (trainees.place(data, CPU) for data in some)
    assert trainees.place(some[2], CPU) is third
    assert trainees.place(some[1], CPU) is second  # two are kept
    assert trainees.place(some[0], CPU) is not first
    assert len(trainees._placed) == 2
