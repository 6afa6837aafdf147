"""Manifolds of finished networks analysed in processes, as beside a GPU."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from helpers import datasets
from helpers.errors import Failure, Mistake
from helpers.metrics.manifolds.geometry import manifold_geometry
from helpers.papers.geometry import (
    analyses,
    manifolds,
    measure_geometry,
    simulations,
)
from helpers.papers.geometry.analyses import Once, analysed
from helpers.runs import Run, Study
from helpers.system import workers
from helpers.system.processes import Processes
from helpers.training import train

FEW = {"examples": 4, "gaussians": 12}
SHAPE = {"model": "mlp", "width": 16, "depth": 3, "activation": "relu"}
LENGTH = {"epochs": 1, "stop_accuracy": None, "snapshots": [0]}


@pytest.fixture
def network():
    """A perceptron that was trained for an epoch, and its data."""
    data = datasets.load("digits").prefix(train_examples=300, test_examples=100)
    base = Run(init_scale=None, permuted_fraction=0.5, batch_size=64, **SHAPE, **LENGTH)
    return train(Study(data, base, {"seed": [0]}), device="cpu"), data


@pytest.fixture(scope="module")
def two():
    """Two processes for all tests that want some, since each takes seconds to load."""
    started = Processes(2)
    yield started
    started.end()


@pytest.fixture
def beside(two, monkeypatch):
    """Function that has work done in two processes from now on."""
    return lambda: monkeypatch.setattr(workers, "_beside", [two])


class OnGpu(torch.Tensor):
    """A tensor that says it is on a GPU."""

    is_cuda = True


@pytest.fixture
def on_gpu(monkeypatch):
    """Function that has the points that are analysed say so from now on."""

    def on_gpu():
        for name in ("analysed", "simulated"):
            asked = getattr(analyses, name)

            def moved(measure, points, asked=asked, **options):
                return asked(measure, points.as_subclass(OnGpu), **options)

            for module in (manifolds, simulations, analyses):
                if hasattr(module, name):
                    monkeypatch.setattr(module, name, moved)

    return on_gpu


def tables_of(network):
    """Geometry and all capacities of the network at its two moments."""
    histories, data = network
    moments = [0, "final"]
    some = measure_geometry(histories, data, moments, restarts=2, **FEW)
    layers = ["linear 2"]
    both = simulations.measure_capacities(histories, data, 0, layers=layers, **FEW)
    return {**some.tables, **both._asdict()}


def forget(results):
    for file in results.glob("*/measured/*"):
        file.unlink()


def test_two_processes_give_the_same_numbers_to_the_bit(network, beside, results):
    expected = tables_of(network)
    forget(results)
    beside()
    found = tables_of(network)
    assert np.isfinite(found["capacity"]["permuted"]).all()
    for name, sets in expected.items():
        for one, values in sets.items():
            np.testing.assert_array_equal(found[name][one], values, f"{name} {one}")


def test_points_on_a_gpu_travel_reduced_with_the_same_numbers(
    network, beside, results, on_gpu
):
    expected = tables_of(network)
    forget(results)
    beside()
    on_gpu()
    found = tables_of(network)
    # Another rounding may lead the search to another minimum near by, and a simulation
    # draws other numbers: only what neither touches is the same to many digits. How far
    # starts of the search lie apart is 0 or not by rounding alone.
    close = {"center correlation": 1e-9}
    for spread in found.pop("spread").values():
        assert (spread >= 0).all()
    for name, sets in found.items():
        for one in sets:
            values = expected[name][one]
            told = {"rtol": close.get(name, 0.3), "err_msg": f"{name} {one}"}
            np.testing.assert_allclose(found[name][one], values, **told)


def test_a_mistake_in_a_process_is_the_same_line(network, beside):
    beside()
    points = torch.full((3, 5, 4), torch.nan)
    with pytest.raises(Mistake, match=r"^points of manifold 0 are NaN or infinite"):
        analysed(manifold_geometry, points, seed=0).result()


def test_work_is_done_here_where_no_process_is_beside(beside):
    assert workers.submit(os.getpid).result() == os.getpid()
    beside()
    assert workers.submit(os.getpid).result() != os.getpid()


def test_an_interrupt_does_not_wait_for_processes(monkeypatch):
    lot = Processes(1)
    monkeypatch.setattr(workers, "_beside", [lot])
    told, begun = [], threading.Event()

    def ask():
        begun.set()
        for _ in range(2):  # the second comes when they are ended
            try:
                workers.submit(signal.pause).result()
            except Failure as failure:
                told.append(str(failure))

    with pytest.raises(KeyboardInterrupt), workers.workers() as pool:
        pool.submit(ask)
        begun.wait(60)
        raise KeyboardInterrupt
    assert told == ["the processes were ended before pause was done"] * 2
    assert workers._beside == []


def test_equal_points_are_analysed_once_whoever_asks():
    asked, met = [], threading.Barrier(4)

    def count(points, *, setting):
        asked.append(setting)
        return float(points.sum()) + setting

    once, points = Once(), torch.arange(12.0).view(2, 3, 2)

    def ask(_):
        met.wait(60)
        answers = [once(count, points.clone(), setting=s).result() for s in (1, 2)]
        return [*answers, once(count, points + 1, setting=1).result()]

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(ask, range(4))] == [[67.0, 68.0, 79.0]] * 4
    assert sorted(asked) == [1, 1, 2]


def test_whoever_waits_for_a_wrong_answer_is_told_too():
    once, points = Once(), torch.zeros(2, 2, 2)

    def wrong(points):
        raise Mistake("of no use")

    for _ in range(2):
        with pytest.raises(Mistake, match="of no use"):
            once(wrong, points).result()
