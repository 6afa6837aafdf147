"""Geometry by the width of networks: against one width, and the metric, by hand."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from helpers import datasets
from helpers.errors import Mistake
from helpers.papers import geometry
from helpers.papers.geometry import manifolds
from helpers.papers.geometry.examples import class_inputs
from helpers.papers.geometry.networks import MANIFOLDS
from helpers.runs import Run, Study
from helpers.runs.store import RunFolder
from helpers.training import train

FEW = {"examples": 4, "gaussians": 12, "restarts": 2}
MOMENTS = {"best epoch": "best", "final epoch": "final", "start": 0}
WIDTHS = [12, 3, 5, 4]  # not in their order: features of a perceptron's last layer
BEST = 1  # epoch
KIND = {"activation": "relu", "init_scale": None, "optimizer": "adam"}
BRIEF = {"learning_rate": 0.02, "batch_size": 64, "epochs": 2, "stop_accuracy": None}
PERCEPTRON = {"depth": 3, "biases": True, "snapshots": [0, 1], "keep_best": True}
RESIDUAL = {"model": "resnet", "depth": 10, "epochs": 1, "snapshots": [0]}


def small(**fields):
    """A run of paper B's kind that is trained in milliseconds."""
    return Run(**KIND | BRIEF | {"permuted_fraction": 0.5} | fields)


@pytest.fixture(scope="module")
def data():
    """300 training and 150 test images of the embedded digits."""
    return datasets.load("digits").prefix(train_examples=300, test_examples=150)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """Studies that are really trained, and the folder that holds them."""
    root = tmp_path_factory.mktemp("widths")
    pair = {"seed": range(2), "width": WIDTHS}
    studies = {
        "dense": Study(data, small(**PERCEPTRON), pair),
        "residual": Study(data, small(**RESIDUAL), {"width": [1, 2], "seed": [3]}),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMORIZATION_RESULTS", str(root))
        found = {name: train(study, device="cpu") for name, study in studies.items()}
    found["dense"] = with_best(found["dense"])
    return SimpleNamespace(root=root, **found)


def with_best(histories):
    """Histories that say that one epoch was the best: not the last one."""
    accuracy = {"test_accuracy": np.array([0.1, 0.5, 0.4])}
    arrays = tuple(each | accuracy for each in histories.arrays)
    return replace(histories, arrays=arrays)


@pytest.fixture
def found(trained, results):
    """The histories of these studies, and a copy of their results, nothing measured."""
    shutil.copytree(trained.root, results)
    return trained


def stand_in(points, **options):
    """A metric that no other points, order of points or options have the answers of."""
    points = torch.as_tensor(points, dtype=torch.float64)
    places = torch.arange(points.numel()).reshape(points.shape).sqrt()
    total = (points * places).sum() + sum(options.values())
    return SimpleNamespace(
        mean_capacity=total,
        radius=total + torch.arange(len(points)),
        dimension=total + 100 + torch.arange(len(points)),
        center_correlation=total + 3,
        restart_capacity=torch.tensor([0.9, 1.1], dtype=torch.float64) * total,
    )


@pytest.fixture
def asked(monkeypatch):
    """That metric in the place of the real one. Returns the shapes that it sees."""
    shapes = []

    def noted(points, **options):
        shapes.append(tuple(points.shape))
        return stand_in(points, **options)

    monkeypatch.setattr(manifolds, "manifold_geometry", noted)
    return shapes


def plain_hidden(run, epoch, data, examples):
    """What the head of a perceptron sees of the test manifolds: (class, feature, M)."""
    inputs = class_inputs(run, data, examples=examples)["test"]
    weights, x = RunFolder(run).snapshot(epoch), inputs.flatten(1)
    for layer in (1, 2):
        x = (x @ weights[f"W{layer}"].T + weights[f"b{layer}"].flatten()).relu()
    return torch.stack([rows.T for rows in x.chunk(10)])


def same_tables(some, others):
    """Of the sets that the first has."""
    assert some.tables.keys() == others.tables.keys()
    for quantity, sets in some.tables.items():
        for name, values in sets.items():
            np.testing.assert_array_equal(values, others.tables[quantity][name])


# Widths


@pytest.mark.parametrize(
    ("examples", "defined"),
    [(2, WIDTHS), (3, [12, 5, 4]), (4, [12, 5]), (5, [12])],
)
def test_geometry_is_known_where_features_are_more_than_examples(
    found, data, asked, examples, defined
):
    drawn = FEW | {"examples": examples}
    curves = geometry.geometry_by_width(found.dense, data, MOMENTS, **drawn)
    known = np.isin(WIDTHS, defined)
    for measure in curves.values():
        for values in measure.values():
            np.testing.assert_array_equal(np.isfinite(values), [known, known])
    # Nobody asks about the others; 2 networks, of which the moments are 3.
    widths = [shape[1] for shape in asked]
    assert sorted(widths) == sorted(defined * 6)
    assert {(shape[0], shape[2]) for shape in asked} == {(10, examples)}


def test_a_residual_network_is_judged_by_the_means_that_its_head_sees(
    found, data, asked
):
    """Eight times the width, here 8 and 16."""
    moments = {"end": "final"}
    for examples, known in ((7, [True, True]), (8, [False, True])):
        drawn = FEW | {"examples": examples}
        some = geometry.geometry_by_width(found.residual, data, moments, **drawn)
        np.testing.assert_array_equal(np.isfinite(some["radius"]["end"]), [known])
    assert asked == [(10, 8, 7), (10, 16, 7), (10, 16, 8)]
    for family, count in (({"model": "convnet", "depth": 4}, 6), ({"depth": 1}, 64)):
        runs = SimpleNamespace(runs=[small(width=6, **family)])
        assert geometry.hidden_features(runs, data) == count


def test_each_network_and_moment_has_a_row_and_a_curve_of_its_own(found, data, asked):
    curves = geometry.geometry_by_width(found.dense, data, MOMENTS, **FEW)
    assert {*curves} == {"dimension", "radius", "center correlation"}
    assert all(tuple(curves[measure]) == tuple(MOMENTS) for measure in curves)
    middle = 4.5  # of ten classes
    for seed in range(2):
        for column in (0, 2):
            run = found.dense.where(seed=seed, width=WIDTHS[column]).runs[0]
            for name, epoch in zip(MOMENTS, (BEST, 2, 0), strict=True):
                points = plain_hidden(run, epoch, data, 4)
                drawn = {"gaussians": 12, "restarts": 2, "seed": seed}
                total = float(stand_in(points, **drawn).mean_capacity)
                cells = [curves[m][name][seed, column] for m in curves]
                expected = [total + 100 + middle, total + middle, total + 3]
                assert cells == pytest.approx(expected, rel=1e-4)


def test_a_diverged_network_has_no_geometry(found, data, asked):
    """Network 1 of width 5, and no other cell."""
    stops = [
        "diverged" if (run.seed, run.width) == (1, 5) else stop
        for run, stop in zip(found.dense.runs, found.dense.stops, strict=True)
    ]
    some = replace(found.dense, stops=tuple(stops))
    curves = geometry.geometry_by_width(some, data, MOMENTS, **FEW)
    for measure in curves.values():
        for values in measure.values():
            known = [[True, False, True, False], [True, False, False, False]]
            np.testing.assert_array_equal(np.isfinite(values), known)


# Some of the sets


def measure(histories, data, *, sets=None, layers=("hidden", "input")):
    chosen = {} if sets is None else {"sets": sets}
    drawn = {"layers": layers, **chosen, **FEW}
    return geometry.measure_geometry(histories, data, ["best", 0], **drawn)


def test_some_sets_and_all_sets_share_nothing_that_was_kept(found, data, asked):
    """One network, two moments, a layer and the images; each is kept, for itself."""
    one = found.dense.where(width=12, seed=0)
    every = measure(one, data)
    assert len(asked) == 5 * (2 + 1)  # the images once
    for sets in (["test"], ["test", "permuted"]):
        asked.clear()
        some = measure(one, data, sets=sets)
        assert len(asked) == len(sets) * 3 and [*some.tables["radius"]] == sets
        same_tables(some, every)
    numbers = [tuple(values.flat) for values in every.tables["radius"].values()]
    assert len({*numbers}) == 5
    asked.clear()
    for sets in (["test"], None, ["test", "permuted"], [*MANIFOLDS]):
        measure(one, data, sets=sets)  # naming all of them is naming none
    with pytest.raises(Mistake, match=r"^set 'train': must be one of unpermuted, "):
        measure(one, data, sets=["train"])
    assert asked == []
