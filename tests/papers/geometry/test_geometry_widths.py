"""Geometry by the width of networks: against one width, and the metric, by hand."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from helpers import datasets
from helpers.figures.geometry import MEASURES
from helpers.metrics.manifolds.geometry import manifold_geometry
from helpers.models.layers import layer_features
from helpers.papers import geometry
from helpers.papers.geometry import manifolds
from helpers.papers.geometry.networks import MANIFOLDS, class_inputs
from helpers.runs import Run, Study
from helpers.runs.kept import kept
from helpers.runs.store import RunFolder
from helpers.training import train
from helpers.training.classification import model_of

FEW = {"examples": 4, "gaussians": 12, "restarts": 2}
TEST = {"layers": ["hidden"], "sets": ["test"]}
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


def same_curves(some, others):
    """Bit for bit, NaN in the same places."""
    assert some.keys() == others.keys()
    for measure, curves in some.items():
        assert curves.keys() == others[measure].keys()
        for name, values in curves.items():
            np.testing.assert_array_equal(values, others[measure][name])


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


def test_measures_are_those_of_a_figure_without_the_capacity(found, data, asked):
    found = geometry.geometry_by_width(found.dense, data, MOMENTS, **FEW)
    assert {*found} == {*MEASURES} - {"capacity"}
    for curves in found.values():
        assert tuple(curves) == tuple(MOMENTS)
        assert all(values.shape == (2, 4) for values in curves.values())


def test_a_column_is_the_geometry_of_one_width(found, data, asked):
    curves = geometry.geometry_by_width(found.dense, data, MOMENTS, **FEW)
    for column in (0, 2):
        group = found.dense.where(width=WIDTHS[column])
        one = geometry.measure_geometry(group, data, [*MOMENTS.values()], **TEST, **FEW)
        for measure, some in curves.items():
            for name, moment in MOMENTS.items():
                expected = one.at(measure, moment)["test"][:, 0]
                np.testing.assert_array_equal(some[name][:, column], expected)


def test_geometry_is_that_of_the_metric_on_what_the_head_sees(found, data):
    one = found.dense.where(seed=1, width=12)
    curves = geometry.geometry_by_width(one, data, MOMENTS, **FEW)
    drawn = {"gaussians": 12, "restarts": 2, "seed": 1}
    for name, epoch in zip(MOMENTS, (BEST, 2, 0), strict=True):
        points = plain_hidden(one.runs[0], epoch, data, 4)
        expected = manifold_geometry(points, **drawn)
        told = {
            "dimension": np.nanmedian(expected.dimension),
            "radius": np.nanmedian(expected.radius),
            "center correlation": float(expected.center_correlation),
        }
        cells = {measure: some[name].item() for measure, some in curves.items()}
        assert cells == pytest.approx(told, rel=1e-3)


def test_each_network_and_moment_has_a_row_and_a_curve_of_its_own(found, data, asked):
    curves = geometry.geometry_by_width(found.dense, data, MOMENTS, **FEW)
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


def test_names_of_moments_are_free_and_in_order(found, data, asked):
    every = geometry.geometry_by_width(found.dense, data, MOMENTS, **FEW)
    moments = {"b": 0, "a": "best", "the same": 0}
    some = geometry.geometry_by_width(found.dense, data, moments, **FEW)
    for measure, curves in some.items():
        assert tuple(curves) == tuple(moments)
        for name, known in zip(moments, ("start", "best epoch", "start"), strict=True):
            np.testing.assert_array_equal(curves[name], every[measure][known])


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


def test_geometry_by_width_is_kept_beside_the_runs(found, data, asked):
    first = geometry.geometry_by_width(found.dense, data, MOMENTS, **FEW)
    asked.clear()
    same_curves(geometry.geometry_by_width(found.dense, data, MOMENTS, **FEW), first)
    assert asked == []
    for run in found.dense.runs:
        files = [*(RunFolder(run).path / "measured").glob("*")]
        assert len(files) == (3 if run.width > 4 else 0)  # one for each moment


@pytest.mark.parametrize("change", [{"examples": 2}, {"gaussians": 9}, {"restarts": 1}])
def test_other_draws_are_measured_anew(found, data, asked, change):
    one = found.dense.where(width=12)
    geometry.geometry_by_width(one, data, MOMENTS, **FEW)
    asked.clear()
    geometry.geometry_by_width(one, data, MOMENTS, **FEW | change)
    assert len(asked) == 6


FEATURES = {
    "mlp": ({"width": 5, "depth": 3}, 5),
    "one layer": ({"width": 5, "depth": 1}, 64),
    "resnet": ({"model": "resnet", "width": 3, "depth": 10}, 24),
    "small_vgg": ({"model": "small_vgg", "width": 2, "depth": 9}, None),
    "convnet": ({"model": "convnet", "width": 6, "depth": 4}, 6),
}


@pytest.mark.parametrize("family", FEATURES)
def test_hidden_features_are_as_many_as_the_head_sees(data, family):
    shape, count = FEATURES[family]
    run = small(**shape)
    model = model_of(run, data)
    weights = model.initial(seed=0, init_scale=None)
    images = datasets.network_inputs(data.test_images[:2])
    ((_, values),) = layer_features(model, weights, images, layers=["hidden"])
    found = geometry.hidden_features(SimpleNamespace(runs=[run]), data)
    assert found == values.shape[1] == (count or found)


# Some of the sets


def measure(histories, data, *, sets=None, layers=("hidden", "input")):
    chosen = {} if sets is None else {"sets": sets}
    drawn = {"layers": layers, **chosen, **FEW}
    return geometry.measure_geometry(histories, data, ["best", 0], **drawn)


def test_the_test_set_alone_has_the_numbers_that_it_has_among_all(found, data):
    """Of the metric itself, bit for bit, whichever is asked first."""
    one, other = (found.dense.where(width=12, seed=k) for k in range(2))
    first, every = measure(one, data, sets=["test"]), measure(one, data)
    assert {tuple(sets) for sets in first.tables.values()} == {("test",)}
    assert {tuple(sets) for sets in every.tables.values()} == {MANIFOLDS}
    same_tables(first, every)
    assert np.isfinite(first.at("radius", "best")["test"]).all()
    every = measure(other, data)
    same_tables(measure(other, data, sets=["test"]), every)


def test_sets_are_named_by_what_they_hold_in_any_order(found, data, asked):
    one = found.dense.where(width=12)
    every = measure(one, data)
    some = measure(one, data, sets=["test", "unpermuted", "restored"])
    assert tuple(some.tables["radius"]) == ("test", "unpermuted", "restored")
    same_tables(some, every)
    numbers = [tuple(values.flat) for values in every.tables["radius"].values()]
    assert len({*numbers}) == 5


def test_some_sets_and_all_sets_share_nothing_that_was_kept(found, data, asked):
    """One network, two moments, two layers; each is kept, for itself."""
    one = found.dense.where(width=12, seed=0)
    for sets, count in ((["test"], 1), (None, 5), (["test", "permuted"], 2)):
        measure(one, data, sets=sets)
        assert len(asked) == count * 4
        asked.clear()
    for sets in (["test"], None, ["test", "permuted"], [*MANIFOLDS]):
        measure(one, data, sets=sets)  # naming all of them is naming none
        assert asked == []


def test_all_sets_are_kept_under_the_name_that_they_have_had(found, data, asked):
    """What was measured before there was a choice of sets is not measured again."""
    one = found.dense.where(width=12, seed=0)
    measure(one, data, layers=["hidden"])
    settings, folder = FEW | {"layers": ("hidden",)}, RunFolder(one.runs[0])
    back = kept(folder, "geometry-000000", settings, lambda: pytest.fail("not there"))
    assert back["radius"].shape == (5, 1)


def test_a_set_without_examples_has_no_geometry_even_alone(found, data, asked):
    """Said to have permuted nothing, these networks have no permuted images."""
    one = found.dense.where(width=12, seed=0)
    run = replace(one.runs[0], permuted_fraction=0.0)
    shutil.copytree(RunFolder(one.runs[0]).path, RunFolder(run).path)
    some = measure(replace(one, runs=(run,)), data, sets=["permuted", "test"])
    assert np.isnan(some.at("capacity", "best")["permuted"]).all()
    assert np.isfinite(some.at("capacity", "best")["test"]).all()
