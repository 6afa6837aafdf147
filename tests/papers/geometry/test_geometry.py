"""Finished classifiers, asked: against the metrics called by hand on plain networks."""

import base64
import contextlib
import io
import json
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import product
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import torch
from conftest import take_weights
from PIL import Image
from scipy.integrate import quad
from torch.nn.functional import cross_entropy

from helpers import datasets
from helpers.errors import Failure, Mistake
from helpers.metrics.embedding import separability
from helpers.metrics.gradients.gradient_growth import dependent_growth
from helpers.metrics.gradients.label_parts import label_gradients
from helpers.metrics.manifolds.geometry import manifold_geometry
from helpers.models.layers import layer_features
from helpers.models.of import model_of
from helpers.papers import geometry
from helpers.papers.geometry import (
    balls,
    examples,
    films,
    gradients,
    labelled,
    manifolds,
    parameter_counts,
    separation,
    simulations,
)
from helpers.papers.geometry.examples import class_inputs, some_inputs
from helpers.papers.geometry.figures.films import film_data as figure_data
from helpers.papers.geometry.figures.films import reduced
from helpers.papers.geometry.networks import at_moments, epoch_of
from helpers.runs import Run, Study
from helpers.runs.histories import Histories
from helpers.runs.kept import kept
from helpers.runs.store import RunFolder
from helpers.streams import stream
from helpers.system.workers import side_by_side
from helpers.training import train

SETS = ("unpermuted", "permuted", "restored", "test")
EVERY = (*SETS, "control")  # of which manifolds are measured
FEW = {"examples": 4, "gaussians": 12, "restarts": 2}
LINEAR = ("linear 1", "linear 2", "linear 3")
DENSE = {"model": "mlp", "width": 12, "depth": 4, "biases": True}
VGG = {"model": "small_vgg", "width": 2, "depth": 9}
SINGLE = 1e-4  # what sums over some hundred examples leave of float32, relative
BEST, LAST = (1, 2), 3  # epochs of the two perceptrons


def small(**fields):
    """A run of paper B's kind that is trained in milliseconds."""
    kind = {"activation": "relu", "init_scale": None, "optimizer": "adam"}
    kept = {"keep_best": True, "snapshots": [0, 1, 2], "stop_accuracy": None}
    brief = {"learning_rate": 0.02, "batch_size": 64, "epochs": 3}
    return Run(**DENSE | kind | kept | brief | {"permuted_fraction": 0.5} | fields)


@pytest.fixture(scope="module")
def data():
    """400 training and 100 test images of the embedded digits."""
    return datasets.load("digits").prefix(train_examples=400, test_examples=100)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """Studies that are really trained, and the folder that holds them."""
    root, pair = tmp_path_factory.mktemp("geometry"), {"seed": range(2)}
    brief = {"epochs": 1, "snapshots": [0]}
    studies = {
        "dense": Study(data, small(), pair),
        "vgg": Study(data, small(**VGG, epochs=2, snapshots=[0]), {"seed": [0]}),
        "shares": Study(data, small(**brief), {"permuted_fraction": [0.0, 1.0]}),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMORIZATION_RESULTS", str(root))
        found = {name: train(study, device="cpu") for name, study in studies.items()}
    found["recorded"] = found["dense"]
    found["dense"] = with_best(found["dense"], BEST)
    return SimpleNamespace(root=root, **found)


def with_best(histories, epochs):
    """Histories that say that these epochs were the best: not the last ones."""
    arrays = []
    for each, epoch in zip(histories.arrays, epochs, strict=True):
        accuracy = np.arange(len(each["test_accuracy"])) == epoch
        arrays.append(each | {"test_accuracy": accuracy.astype(float)})
    return replace(histories, arrays=tuple(arrays))


@pytest.fixture
def found(trained, results):
    """The histories of these studies, and a copy of their results, nothing measured."""
    shutil.copytree(trained.root, results)
    return trained


@pytest.fixture
def workers(monkeypatch):
    """Function that sets how many cores, and which device, there seem to be."""

    def workers(count, device="cpu"):
        monkeypatch.setattr("helpers.system.workers.usable_cores", lambda: count)
        monkeypatch.setattr(
            "helpers.system.workers.choose_device", lambda _: torch.device(device)
        )

    return workers


def diverged(histories, *which):
    """The same networks, some of which are said to have diverged."""
    stops = ["diverged" if k in which else s for k, s in enumerate(histories.stops)]
    return replace(histories, stops=tuple(stops))


def weights_at(run, epoch):
    return RunFolder(run).snapshot(epoch)


def plain_layers(weights, images):
    """What leaves each ReLU of a perceptron, and its logits, as one would write it."""
    x, each = images.flatten(1).to(weights["W1"].dtype), []
    depth = sum(name.startswith("W") for name in weights)
    for layer in range(1, depth + 1):
        w, b = weights[f"W{layer}"], weights[f"b{layer}"]
        x = x @ w.T + b.flatten()
        if layer < depth:
            x = x.relu()
            each.append(x)
    return each, x


def histories_of(*accuracies, stops=None, **more):
    """Made up ones: a row of test accuracies for each network."""
    arrays = []
    for k, row in enumerate(accuracies):
        row = np.array(row, dtype=float)
        other = {name: np.array(rows[k], dtype=float) for name, rows in more.items()}
        arrays.append({"test_accuracy": row, "measured": row == row, **other})
    runs = tuple(Run(seed=k) for k in range(len(arrays)))
    return Histories(runs, tuple(arrays), stops or ("epochs",) * len(runs))


# Moments


def test_the_best_epoch_is_the_first_of_the_highest_test_accuracy():
    row = np.array([0.1, 0.7, 0.3, 0.7, 0.2])
    assert epoch_of("best", row) == 1
    assert epoch_of("best", np.append(row, np.nan)) == 1
    assert epoch_of("final", row) == 4
    assert [epoch_of(epoch, row) for epoch in (0, 3, 4, 5, 99)] == [0, 3, 4, 4, 4]
    for moment in ("last", "Best", ""):
        with pytest.raises(
            Mistake, match=f"^moment '{moment}': must be best, final or"
        ):
            epoch_of(moment, row)


def test_networks_come_with_their_moments_in_order_and_without_diverged_ones():
    some = histories_of([0.1, 0.5, 0.2], [0.1, np.nan], [0.3, 0.2])
    some = diverged(some, 1)
    each = list(at_moments(some, ["best", 2, "final"]))
    assert [(k, m, t.epoch) for k, m, t in each] == [
        *[(0, 0, 1), (0, 1, 2), (0, 2, 2)],
        *[(2, 0, 0), (2, 1, 1), (2, 2, 1)],  # ended after one epoch: its last network
    ]
    assert [t.run.seed for _, _, t in each] == [0, 0, 0, 2, 2, 2]
    assert all(t.folder.run == t.run for _, _, t in each)
    np.testing.assert_array_equal(geometry.best_epochs(some), [1, np.nan, 0])
    assert geometry.moments_of(some, [0, 1, 2, 4]) == [0, 1, "final"]
    assert geometry.epochs_of(some, [0, 2, "final", 9]) == [0, 2, 2, 2]


def test_the_best_epoch_is_the_one_that_a_run_has_kept(found):
    """As trained: not the epochs that the other tests are told."""
    best = geometry.best_epochs(found.recorded)
    for run, epoch in zip(found.recorded.runs, best, strict=True):
        assert {0, 1, 2, epoch, LAST} == {*RunFolder(run).snapshot_epochs()}
    each = at_moments(found.recorded, ["best"])
    assert all(network.weights for _, _, network in each)


@pytest.mark.parametrize("moment", ["best", "final", 1, 77])
def test_a_moment_has_the_weights_that_were_kept_then(found, moment):
    for k, _, network in at_moments(found.dense, [moment]):
        epoch = {"best": BEST[k], "final": LAST, 77: LAST}.get(moment, moment)
        expected = weights_at(found.dense.runs[k], epoch)
        assert network.epoch == epoch
        assert all(torch.equal(network.weights[n], w) for n, w in expected.items())


@pytest.mark.parametrize(
    "measure",
    [
        lambda h, data: geometry.measure_geometry(h, data, [1], **FEW),
        lambda h, data: geometry.measure_gradients(h, data, [1]),
        lambda h, data: geometry.measure_separability(h, data, [1], layer="conv 1"),
        lambda h, data: geometry.embeddings(
            h, data, {"epoch 1": 1}, layer="conv 1", examples=20
        ),
    ],
)
def test_an_epoch_that_was_not_kept_is_named(found, data, measure):
    folder = RunFolder(found.vgg.runs[0])
    (folder.path / "snapshots" / "epoch-000001.safetensors").unlink(missing_ok=True)
    with pytest.raises(Failure, match=r"^run \w+ has no snapshot of epoch 1; it has 0"):
        measure(found.vgg, data)


# Sets


def test_accuracies_on_the_sets_are_those_that_training_recorded(found, data):
    """The sets are those trained with: judged from outside, network by network."""
    for run, arrays in zip(found.recorded.runs, found.recorded.arrays, strict=True):
        sets, weights = geometry.sets_of(run, data), weights_at(run, LAST)
        for name, some in sets._asdict().items():
            images = data.test_images if name == "test" else data.train_images
            inputs = datasets.network_inputs(images[some.indices])
            logits = plain_layers(weights, inputs)[1]
            accuracy = (logits.argmax(1) == some.labels).double().mean().item()
            assert accuracy == pytest.approx(arrays[f"{name}_accuracy"][-1]), name


def test_a_run_that_permutes_nothing_has_only_two_sets(data):
    for run in (small(permuted_fraction=0.0), replace(small(), permuted_fraction=None)):
        sizes = [len(some.labels) for some in geometry.sets_of(run, data)]
        assert sizes == [400, 0, 0, 100]


def test_inputs_are_so_many_of_each_class_one_class_after_the_other(data):
    run = small(seed=3)
    sets = geometry.sets_of(run, data)
    inputs = class_inputs(run, data, examples=4, names=SETS)
    other = class_inputs(replace(run, seed=4), data, examples=4)
    assert tuple(inputs) == SETS and tuple(other) == EVERY
    some = class_inputs(run, data, examples=4, names=("test", "permuted"))
    assert tuple(some) == ("test", "permuted")
    assert all(torch.equal(images, inputs[name]) for name, images in some.items())
    assert not any(torch.equal(inputs[name], other[name]) for name in SETS)
    for name, images in inputs.items():
        split = data.test_images if name == "test" else data.train_images
        some = getattr(sets, name)
        every = datasets.network_inputs(split[some.indices])
        same = (images[:, None] == every[None]).flatten(2).all(2)
        rows, places = same.nonzero().T
        assert len(rows) == len(images) == 40 and len(places.unique()) == 40
        assert some.labels[places].tolist() == [k // 4 for k in range(40)]


def test_the_control_is_the_permuted_images_by_labels_that_mean_nothing(data):
    """Every image once, as often each label, and few with the label trained on."""
    run = small(seed=2)
    sets = geometry.sets_of(run, data)
    control = examples._control(run, sets)
    assert torch.equal(control.indices, sets.permuted.indices)
    assert torch.equal(control.labels.bincount(), sets.permuted.labels.bincount())
    for some in (sets.permuted, sets.restored):
        assert (control.labels == some.labels).double().mean() < 0.2
    again = examples._control(run, sets)
    other = examples._control(replace(run, seed=3), sets)
    assert torch.equal(control.labels, again.labels)
    assert not torch.equal(control.labels, other.labels)
    drawn = class_inputs(run, data, examples=3, names=["control"])["control"]
    images = datasets.network_inputs(data.train_images[control.indices])
    places = (drawn[:, None] == images[None]).flatten(2).all(2).nonzero()[:, 1]
    assert control.labels[places].tolist() == [k // 3 for k in range(30)]


@pytest.mark.parametrize(("share", "names"), [(0.0, SETS[::3]), (1.0, EVERY[1:])])
def test_a_set_without_examples_is_left_out(data, share, names):
    assert (
        tuple(class_inputs(small(permuted_fraction=share), data, examples=2)) == names
    )


@pytest.mark.parametrize("name", SETS)
def test_some_inputs_are_the_first_of_a_random_order_with_their_labels(data, name):
    run = small(seed=1)
    inputs, some = some_inputs(run, data, name, examples=None)
    chosen = getattr(geometry.sets_of(run, data), name)
    split = data.test_images if name == "test" else data.train_images
    assert some.indices.tolist() != chosen.indices.tolist()
    labels = dict(zip(chosen.indices.tolist(), chosen.labels.tolist(), strict=True))
    told = dict(zip(some.indices.tolist(), some.labels.tolist(), strict=True))
    assert told == labels
    assert torch.equal(inputs, datasets.network_inputs(split[some.indices]))
    few, first = some_inputs(run, data, name, examples=7)
    assert torch.equal(few, inputs[:7])
    assert torch.equal(first.indices, some.indices[:7])
    chosen = some_inputs(run, data, name, examples=5, classes=3)[1]
    expected = some.indices[some.labels < 3]  # by the labels in use
    assert torch.equal(chosen.indices, expected[:5])


# Side by side


@pytest.fixture
def ended(monkeypatch):
    """Set once what had not begun was called off: whoever waits for it began before."""
    ended = threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            ended.set()
            super().shutdown(wait=wait)

    monkeypatch.setattr("helpers.system.workers.ThreadPoolExecutor", Pool)
    return ended


@pytest.mark.parametrize(("device", "count"), [("cpu", 1), ("cpu", 4), ("cuda", 2)])
def test_there_is_a_worker_to_each_core_and_two_on_cuda(
    workers, monkeypatch, device, count
):
    workers(count if device == "cpu" else 4, device)
    met, busy, most = threading.Barrier(count, timeout=300), [], []

    def ask(case):
        busy.append(case)
        most.append(len(busy))
        met.wait()
        time.sleep(0.005)
        busy.remove(case)

        return case * 10

    calls = []

    def late(threads):  # a worker that starts late must not set it once it is set back
        time.sleep(0.05 * (threads == 1 and bool(calls)))
        calls.append(threads)

    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    monkeypatch.setattr(torch, "set_num_threads", late)
    found = side_by_side(ask, iter(range(3 * count)), "met")
    assert calls == [1] * count + [7]
    assert found == [*range(0, 30 * count, 10)]
    assert max(most) == count
    assert side_by_side(ask, [], "nothing") == []


@pytest.mark.parametrize("count", [1, 4])
def test_the_first_error_ends_all_and_begun_cases_are_done(workers, ended, count):
    workers(count)
    begun, done = [], []

    def ask(case):
        begun.append(case)
        if case in (2, 3):
            raise Mistake(f"case {case} is wrong")
        if case > 3:
            ended.wait(300)
        done.append(case)

    with pytest.raises(Mistake, match=r"^case 2 is wrong"):
        side_by_side(ask, range(200), "cases")
    assert len(begun) < 200 and {0, 1} <= {*done}
    assert {*begun} - {*done} <= {2, 3}
    so_far = len(begun)
    time.sleep(0.03)
    assert len(begun) == so_far  # nothing goes on behind


def test_the_bar_counts_all_cases_and_is_closed_after_the_last(workers, monkeypatch):
    calls, begun = [], threading.Event()
    bar = SimpleNamespace(
        update=lambda steps, _: calls.append(steps), close=lambda: calls.append("end")
    )
    monkeypatch.setattr("helpers.system.workers.progress_bar", lambda total, label: bar)
    workers(2)
    side_by_side(str, range(3), "cases")
    assert calls == [1, 1, 1, "end"]

    def ask(case):
        if case == 0:
            begun.wait(300)
            raise Mistake("no")
        begun.set()
        time.sleep(0.03)

    with pytest.raises(Mistake, match="no"):
        side_by_side(ask, range(2), "cases")
    assert calls[4:] == [1, "end"]


# What is kept

ARRAYS = {
    "table": np.array([[1.5, np.nan], [-np.inf, -0.0]]),
    "count": np.array(3),
    "flags": np.array([True, False]),
    "none": np.zeros((0, 2)),
}


def test_a_measurement_is_made_once_for_a_run_a_name_settings_and_recipe(monkeypatch):
    made = []

    def ask(run=None, name="m", make=lambda: ARRAYS, **settings):
        folder = RunFolder(run or Run())
        given = {"examples": 3, "layers": ("a", "b")} | settings
        return kept(folder, name, given, lambda: made.append(1) or make())

    with pytest.raises(ZeroDivisionError):
        ask(make=lambda: 1 / 0)
    for back in (ask(), ask()):
        assert back.keys() == ARRAYS.keys()
        for key, array in ARRAYS.items():
            assert back[key].dtype == array.dtype and back[key].shape == array.shape
            assert back[key].tobytes() == array.tobytes()
    assert len(made) == 2
    others = [{"examples": 4}, {"examples": None}, {"more": 1}, {"name": "o"}]
    for count, change in enumerate([*others, {"run": Run(seed=1)}], start=3):
        for _ in range(2):
            ask(**change)
            ask()  # the first is still there
            assert len(made) == count
    monkeypatch.setattr("helpers.runs.kept.RECIPE", 99)
    ask()
    assert len(made) == 8


def test_measurements_and_workers_compute_where_products_are_exact(
    workers, monkeypatch
):
    inside, seen = [], []

    @contextlib.contextmanager
    def exact():
        inside.append(1)
        yield
        inside.pop()

    monkeypatch.setattr("helpers.runs.kept.exact_products", exact)
    kept(RunFolder(Run()), "m", {}, lambda: {"x": seen.append(len(inside)) or 0})
    monkeypatch.setattr("helpers.system.workers.exact_products", exact)
    workers(2)
    side_by_side(lambda _: seen.append(len(inside)), range(3), "cases")
    assert seen == [1, 1, 1, 1] and not inside


def test_a_damaged_measurement_is_never_read_and_made_again():
    """Cut short at any place, or with any bit turned."""
    folder, array = RunFolder(Run()), np.arange(6.0).reshape(2, 3)
    folder.save_measured("a", {"x": array})
    (file,) = (folder.path / "measured").iterdir()
    whole = file.read_bytes()
    cut = [whole[:size] for size in range(0, len(whole), 9)]
    turned = [
        whole[:k] + bytes([whole[k] ^ 1 << k % 8]) + whole[k + 1 :]
        for k in range(0, len(whole), 3)
    ]
    for content in cut + turned:
        file.write_bytes(content)
        read = folder.measured("a")
        assert read is None or np.array_equal(read["x"], array)
    kept(folder, "m", {}, lambda: {"x": array})
    (file,) = {*file.parent.iterdir()} - {file}
    file.write_bytes(file.read_bytes()[:-40])
    assert kept(folder, "m", {}, lambda: {"x": -array})["x"][1, 2] == -5
    assert kept(folder, "m", {}, lambda: 1 / 0)["x"][1, 2] == -5


def test_a_run_stays_sound_when_it_is_measured_but_not_when_trained_again(found):
    """Its new weights may differ in their last bits."""
    folder = RunFolder(found.dense.runs[0])
    folder.save_measured("a", ARRAYS)
    assert folder.done() and folder.damage() is None
    assert folder.history().keys() == found.dense.arrays[0].keys()
    folder.reopen()
    assert folder.measured("a") is None


# Manifolds


def points_of(values, classes=10):
    """Features (class * example, feature) as (class, feature, example)."""
    return np.stack([rows.numpy().T for rows in values.chunk(classes)])


def check_numbers(cells, found, **tolerance):
    """Whether a table's cells are what a metric has found; medians over manifolds."""
    starts = np.asarray(found.restart_capacity, float)
    told = {
        "capacity": float(found.mean_capacity),
        "center correlation": float(found.center_correlation),
        "spread": np.std(starts / float(found.mean_capacity)),
    }
    for name, value in told.items():
        assert cells[name] == pytest.approx(value, nan_ok=True, **tolerance), name
    for name in ("radius", "dimension"):
        each = np.asarray(getattr(found, name), float)
        middle = np.nanquantile(each, 0.5, method="lower"), np.nanmedian(each)
        allowed = [pytest.approx(value, nan_ok=True, **tolerance) for value in middle]
        assert cells[name] in allowed, name


def stand_in(points, **options):
    """A metric that no other points, order of points or options have the answers of."""
    points = torch.as_tensor(points, dtype=torch.float64)
    places = torch.arange(points.numel()).reshape(points.shape).sqrt()
    total = (points * places).sum() + sum(options.values())
    return SimpleNamespace(
        mean_capacity=total,
        radius=total + torch.tensor([0, np.nan, 5, 5, 99]),
        dimension=total + torch.tensor([100, 6, 6, np.nan, 0]),
        center_correlation=total + 3,
        restart_capacity=torch.tensor([0.9, 1.0, 1.1], dtype=torch.float64) * total,
    )


@pytest.fixture
def simple(monkeypatch):
    """That metric in the place of the real one. Returns the shapes that it sees."""
    shapes = []

    def noted(points, **options):
        shapes.append(tuple(points.shape))
        return stand_in(points, **options)

    monkeypatch.setattr(manifolds, "manifold_geometry", noted)
    return shapes


def check_perceptrons(histories, data, some, metric):
    """Whether tables hold what a metric says of plain networks' features."""
    drawn = {name: FEW[name] for name in ("gaussians", "restarts")}
    for k, run in enumerate(histories.runs):
        inputs = class_inputs(run, data, examples=FEW["examples"])
        epochs = {"best": BEST[k], "final": LAST, 0: 0}
        for moment in some.moments:
            weights = weights_at(run, epochs[moment])
            for name in EVERY:
                images = inputs[name]
                layers = [images.flatten(1), *plain_layers(weights, images)[0]]
                for layer, values in enumerate(layers):
                    cells = {q: some.at(q, moment)[name][k, layer] for q in some.tables}
                    expected = metric(points_of(values), seed=k, **drawn)
                    check_numbers(cells, expected, rel=1e-3, abs=1e-3)


def test_geometry_is_measured_at_every_layer_set_and_moment(found, data, simple):
    moments = ("best", 0, "final")
    some = geometry.measure_geometry(found.dense, data, moments, **FEW)
    assert some.layers == ("input", *LINEAR) and some.moments == moments
    assert some.examples == 4 and some.bound == 2 / 4
    check_perceptrons(found.dense, data, some, stand_in)
    assert {*simple} == {(10, 64, 4), (10, 12, 4)}
    # images at the first moment alone, for they are the same at each
    assert len(simple) == 2 * 5 * (1 + 3 * 3)


def test_geometry_of_a_convolutional_network(found, data):
    chosen = {"layers": ["conv 8", "conv 3"], **FEW}
    some = geometry.measure_geometry(found.vgg, data, ["final"], **chosen)
    assert some.layers == ("conv 8", "conv 3")
    (run,) = found.vgg.runs
    inputs = class_inputs(run, data, examples=4)["restored"]
    drawn = {"gaussians": 12, "restarts": 2, "seed": 0}
    for layer, name in enumerate(some.layers):
        weights, model = weights_at(run, 2), model_of(run, data)
        ((_, values),) = layer_features(model, weights, inputs, layers=[name])
        cells = {q: some.at(q, "final")["restored"][0, layer] for q in some.tables}
        expected = manifold_geometry(points_of(values), **drawn)
        check_numbers(cells, expected, rel=1e-6, abs=1e-9)


def test_no_measurement_depends_on_the_number_of_workers(found, data, simple, workers):
    def ask(histories, layer):
        some = geometry.measure_geometry(histories, data, ["best", 0], **FEW)
        pull = geometry.measure_gradients(histories, data, [0, "final"], examples=20)
        near = geometry.measure_separability(
            histories, data, ["final"], layer=layer, examples=40
        )
        return [some.tables, pull.tables, {"near": near}]

    measured = []
    for count in (1, 4):
        workers(count)
        measured.append(ask(found.dense, "linear 3") + ask(found.vgg, "conv 8"))
        for file in RunFolder(found.dense.runs[0]).path.parent.glob("*/measured/*"):
            file.unlink()
    for some, other in zip(*measured, strict=True):
        for part, sets in some.items():
            for name, values in sets.items():
                np.testing.assert_array_equal(other[part][name], values)


def made_up(**options):
    """Geometry of two networks, three moments and two layers: one number a cell."""
    cells = np.arange(12.0).reshape(2, 3, 2)
    quantities = ("capacity", "radius", "dimension", "center correlation", "spread")
    tables = {
        q: {s: cells + 100 * a + 1000 * b for b, s in enumerate(EVERY)}
        for a, q in enumerate(quantities)
    }
    shape = {"layers": ("input", "linear 1"), "moments": ("best", 4, "final")}
    return geometry.Geometry(examples=50, tables=tables, **shape | options)


def test_tables_are_read_by_quantity_and_moment():
    some = made_up()
    assert some.bound == 0.04
    assert some.at("radius", 4)["permuted"].tolist() == [[1102, 1103], [1108, 1109]]
    other = made_up(moments=("final", 3, "best"))
    both = geometry.by_setting([some, other], "capacity", "best")
    assert [*both] == [*EVERY] and both["test"].shape == (2, 2, 2)
    assert both["test"][0].tolist() == [[3000, 3001], [3004, 3005]]
    panels = some.panels("final")
    assert [*panels] == ["capacity", "radius", "dimension", "center correlation"]
    assert panels["dimension"]["test"].tolist() == [[3204, 3205], [3210, 3211]]
    over = some.over_bound()["restored"]
    assert over[1].tolist() == [[50150, 50175], [50200, 50225], [50250, 50275]]


# Neighbours


def test_separability_is_that_of_the_labels_in_use_in_the_layer(found, data):
    some = geometry.measure_separability(
        found.dense, data, ["best", "final"], layer="linear 2", examples=50
    )
    assert tuple(some) == SETS[:3]
    for k, run in enumerate(found.dense.runs):
        for m, epoch in enumerate((BEST[k], LAST)):
            for name in SETS[:3]:
                inputs, chosen = some_inputs(run, data, name, examples=50)
                values = plain_layers(weights_at(run, epoch), inputs)[0][1]
                expected = separability(values, chosen.labels).accuracy
                assert some[name][k, m] == pytest.approx(expected, abs=0.03)


@pytest.fixture
def no_umap(monkeypatch):
    """A stand-in for UMAP: the first two features. Returns its calls."""
    calls = []

    def embed(features, *, seed):
        calls.append((features, seed))
        return SimpleNamespace(points=features[:, :2])

    monkeypatch.setattr(separation, "embed", embed)
    return calls


def test_pictures_are_of_all_sets_together_and_then_apart(found, data, no_umap):
    rows = {"best epoch": "best", "end": "final"}
    shown = {"layer": "linear 3", "examples": 20, "seed": 5}
    clouds = geometry.embeddings(found.dense, data, rows, **shown)
    assert [*clouds] == ["best epoch", "end"] and len(no_umap) == 2
    assert all(seed == 5 and len(features) == 60 for features, seed in no_umap)
    run = found.dense.runs[0]
    for row, epoch in zip(clouds.values(), (BEST[0], LAST), strict=True):
        for name, cloud in zip(SETS[:3], row, strict=True):
            inputs, chosen = some_inputs(run, data, name, examples=20, classes=10)
            values = plain_layers(weights_at(run, epoch), inputs)[0][2]
            np.testing.assert_allclose(cloud.points, values[:, :2], atol=1e-5)
            assert cloud.labels.tolist() == chosen.labels.tolist()
            accuracy = separability(values, chosen.labels).accuracy
            assert cloud.words == f"neighbours agree: {accuracy:.0%}"


def test_pictures_are_of_the_first_network_that_has_not_diverged(found, data, no_umap):
    asked = {"layer": "linear 3", "examples": 20}
    second = found.dense.where(seed=1)
    expected = geometry.embeddings(second, data, {"end": "final"}, **asked)
    some = diverged(found.dense, 0)
    clouds = geometry.embeddings(some, data, {"end": "final"}, **asked)
    np.testing.assert_array_equal(clouds["end"][0].points, expected["end"][0].points)
    with pytest.raises(Mistake, match=r"^all networks have diverged"):
        geometry.embeddings(diverged(some, 0, 1), data, {"end": "final"}, **asked)


# Films


def test_a_picture_is_turned_onto_the_one_before():
    points = np.random.default_rng(0).normal(size=(40, 2))
    before = films.turned_onto(points, None)
    assert np.square(before).sum(1).mean() == pytest.approx(1)
    angle = np.pi / 3
    turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    for moved in (points @ turn * 5 + 3, points * [-1, 1]):
        np.testing.assert_allclose(films.turned_onto(moved, before), before, atol=1e-9)


@pytest.fixture
def no_film_umap(monkeypatch):
    """A stand-in for UMAP: the first two features. Calls: where it started."""
    starts = []

    def embed(features, *, seed, start):
        starts.append(start)
        return SimpleNamespace(points=features[:, :2])

    monkeypatch.setattr(films, "embed", embed)
    return starts


def test_a_film_shows_the_same_examples_at_every_epoch(found, data, no_film_umap):
    asked = {"layer": "linear 3", "examples": 20}
    film = geometry.film(found.dense, data, [0], **asked)
    run = found.dense.runs[0]
    assert film.epochs == [0, LAST] and film.points.shape == (2, 60, 2)
    assert np.bincount(film.sets).tolist() == [20, 20, 20]
    kept = film.sets == 0
    assert (film.given[kept] == film.truth[kept]).all()  # unpermuted
    assert (film.given != film.truth)[film.sets == 1].any()
    assert len(film.images) == 60 and film.images.max() <= 1
    assert no_film_umap[0] is None  # each starts from the picture before
    np.testing.assert_allclose(no_film_umap[1], film.points[0], rtol=1e-6)
    values = plain_layers(
        weights_at(run, 0),
        some_inputs(run, data, "unpermuted", examples=20, classes=10)[0],
    )[0][2][:, :2]
    first, drawn = film.points[0][:20], np.asarray(values)
    apart = [np.linalg.norm(p - p.mean(0)) for p in (first, drawn)]
    np.testing.assert_allclose(
        (first - first.mean(0)) / apart[0],
        (drawn - drawn.mean(0)) / apart[1],
        atol=1e-4,
    )


def test_a_film_stands_without_weights_and_there_is_none_that_was_not_made(
    found, data, results, no_film_umap, monkeypatch
):
    asked = {"layer": "linear 3", "examples": 20}
    first = geometry.film(found.dense, data, [0], **asked)
    take_weights(results)
    no_film_umap.clear()
    monkeypatch.setattr(RunFolder, "snapshot", None)
    again = geometry.film(found.dense, data, [0], **asked)
    assert again.points.tobytes() == first.points.tobytes() and not no_film_umap
    assert geometry.film(found.dense, data, [0], layer="linear 2") is None


def test_a_film_is_carried_to_the_page_as_whole_numbers_in_a_frame():
    points = np.array([[[-1.0, -1.0], [1.0, 1.0]], [[0.0, 0.0], [0.5, -0.5]]])
    film = films.Film(
        epochs=[0, 4],
        points=points,
        sets=np.array([0, 1]),
        given=np.array([3, 1]),
        truth=np.array([3, 2]),
        images=np.zeros((2, 4, 4)),
        names=list("abcd"),
    )
    found = figure_data(film)
    one, two = np.array(found["points"])
    assert one[0] == 1000 - one[2] and one[1] == 1000 - one[3]  # up is up
    assert one[1] > one[3] and two[:2].tolist() == [500, 500]
    assert one.min() >= 0 and one.max() <= 1000
    picture = base64.b64decode(found["sprite"].split(",")[1])
    assert Image.open(io.BytesIO(picture)).size == (4 * found["across"], 4)
    json.dumps(found)


# Without weights


def every_question(histories, data):
    """Whatever the chapters ask of these networks, as arrays."""
    geometric = geometry.measure_geometry(histories, data, ["best", "final"], **FEW)
    gradient = geometry.measure_gradients(histories, data, [0, "final"], examples=80)
    asked = {"layer": "linear 3", "examples": 20}
    few = {"layers": ["linear 2"], "examples": 3, "gaussians": 10}
    capacities = geometry.measure_capacities(histories, data, "best", **few)
    clouds = geometry.embeddings(histories, data, {"a": "best", "b": "final"}, **asked)
    tables = [*geometric.tables.values(), *gradient.tables.values(), *capacities]
    return [
        *(rows for table in tables for rows in table.values()),
        *geometry.measure_separability(histories, data, ["final"], **asked).values(),
        *(part for row in clouds.values() for cloud in row for part in cloud),
        gradient.errors,
        geometry.feature_form_errors(histories, data, examples=80),
        geometry.dependent_slopes(histories, data),
    ]


def same_bits(some, others):
    for one, other in zip(some, others, strict=True):
        one, other = np.asarray(one), np.asarray(other)
        assert one.dtype == other.dtype and one.shape == other.shape
        assert one.tobytes() == other.tobytes()


def test_every_answer_stands_without_weights(
    found, data, results, no_umap, monkeypatch
):
    first = every_question(found.dense, data)
    take_weights(results)
    monkeypatch.setattr(RunFolder, "snapshot", None)
    no_umap.clear()
    same_bits(every_question(found.dense, data), first)
    assert not no_umap


@pytest.mark.parametrize(
    "ask",
    [
        lambda h, data, n: geometry.feature_form_errors(h, data, examples=n),
        lambda h, data, n: geometry.dependent_slopes(h, data, examples=n),
        lambda h, data, n: geometry.embeddings(
            h, data, {"end": "final"}, layer="linear 3", examples=n
        ),
        lambda h, data, n: geometry.embeddings(
            h, data, {"end": "final"}, layer="linear 3", examples=20, seed=n
        ),
    ],
)
def test_other_settings_are_another_question(found, data, results, no_umap, ask):
    ask(found.dense, data, 20)
    take_weights(results)
    ask(found.dense, data, 20)
    with pytest.raises(Failure, match="came without its weights"):
        ask(found.dense, data, 21)


# Every measurement


MEASURES = {
    "geometry": lambda h, d, m, **o: (
        geometry.measure_geometry(h, d, [m], **FEW | o).tables
    ),
    "gradients": lambda h, d, m, **o: (
        geometry.measure_gradients(h, d, [m], **{"examples": 40} | o).tables
    ),
    "separability": lambda h, d, m, **o: {
        "near": geometry.measure_separability(h, d, [m], **{"layer": "linear 1"} | o)
    },
    "capacities": lambda h, d, m, **o: geometry.measure_capacities(
        h, d, m, **{"layers": ["linear 3"], "examples": 2, "gaussians": 8} | o
    )._asdict(),
}
# Which metric each of them asks.
ASKED = {
    "geometry": (manifolds, "manifold_geometry"),
    "gradients": (gradients, "label_gradients"),
    "separability": (separation, "separability"),
    "capacities": (simulations, "simulated_capacity"),
}


@pytest.mark.parametrize("name", MEASURES)
def test_empty_sets_and_diverged_networks_have_no_numbers(
    found, data, simple, simulate, name
):
    for table in MEASURES[name](diverged(found.dense, 1), data, "final").values():
        for values in table.values():
            assert np.isfinite(values[0]).all() and np.isnan(values[1]).all()
    known = {"unpermuted": [True, False], "test": [True] * 2, "all": [True] * 2}
    for table in MEASURES[name](found.shares, data, "final").values():
        for group, values in table.items():
            there = known.get(group, [False, True])  # of a share of 0 and of 1
            assert [np.isfinite(rows).all() for rows in values] == there, group
            assert [not np.isnan(rows).all() for rows in values] == there, group


@pytest.mark.parametrize(
    ("name", "change"),
    [
        *[("geometry", {"examples": 2}), ("geometry", {"gaussians": 9})],
        *[("geometry", {"restarts": 1}), ("geometry", {"layers": LINEAR})],
        *[("gradients", {"examples": 41}), ("separability", {"layer": "linear 2"})],
        *[("separability", {"examples": 50}), ("capacities", {"examples": 3})],
    ],
)
def test_what_was_measured_is_kept_for_each_network_moment_and_setting(
    found, data, simple, simulate, monkeypatch, name, change
):
    ask = MEASURES[name]
    first = ask(found.dense, data, "final")
    monkeypatch.setattr(*ASKED[name], mock.Mock(side_effect=AssertionError("again")))
    for some, which in (
        (found.dense, slice(None)),
        (found.dense.where(seed=1), [1]),
    ):
        for part, table in ask(some, data, "final").items():
            for group, values in table.items():
                np.testing.assert_array_equal(values, first[part][group][which])
    for moment, options in ((0, {}), ("final", change)):
        with pytest.raises(AssertionError, match="again"):
            ask(found.dense, data, moment, **options)


# Theory and simulation


@pytest.fixture
def simulate(monkeypatch):
    """Stand-ins for theory and simulation, which take seconds. Returns calls."""
    calls = []
    monkeypatch.setattr(simulations, "manifold_geometry", stand_in)

    def simulated_capacity(points, *, seed, dichotomies):
        assert dichotomies == simulations.DICHOTOMIES
        calls.append((tuple(points.shape), seed))
        return SimpleNamespace(capacity=float(points.double().std()) + seed)

    def manifold_capacity(clouds, *, draws, seed, threads):
        assert threads == 1
        value = float(torch.stack([*clouds]).double().mT.std()) + draws + seed
        return SimpleNamespace(half_capacity=value)

    monkeypatch.setattr(simulations, "simulated_capacity", simulated_capacity)
    monkeypatch.setattr(simulations, "manifold_capacity", manifold_capacity)
    return calls


@pytest.mark.parametrize("classes", [None, 6, 10, 99])
def test_all_capacities_are_of_the_same_points(found, data, simulate, classes):
    """Of the first classes alone, if told: the very points that all have there."""
    asked = {"layers": ["linear 3", "input"], "examples": 4, "gaussians": 8}
    asked |= {"draws": 30, "classes": classes}
    some = geometry.measure_capacities(found.dense, data, "final", **asked)
    assert {tuple(table) for table in some} == {("unpermuted", "permuted", "test")}
    count = min(classes or 10, 10)
    assert {*simulate} == {((count, n, 4), k) for n in (12, 64) for k in range(2)}
    for k, run in enumerate(found.dense.runs):
        inputs = class_inputs(run, data, examples=4)
        for name in some.theory:
            hidden = plain_layers(weights_at(run, LAST), inputs[name])[0]
            for layer, values in enumerate((hidden[2], inputs[name].flatten(1))):
                points = points_of(values)[:count]
                near = {"rel": 1e-3}
                expected = float(stand_in(points, gaussians=8, seed=k).mean_capacity)
                assert some.theory[name][k, layer] == pytest.approx(expected, **near)
                spread = points.astype(float).std(ddof=1) + k
                assert some.simulated[name][k, layer] == pytest.approx(spread, **near)
                cones = pytest.approx(spread + 30, rel=1e-5)
                assert some.correlated[name][k, layer] == cones
    words = "mean-field theory", "with correlations"
    assert tuple(some.points()) == words
    for each, table in zip(words, (some.theory, some.correlated), strict=True):
        pair = some.points()[each]["test"]
        np.testing.assert_array_equal(pair[0], some.simulated["test"].ravel())
        np.testing.assert_array_equal(pair[1], table["test"].ravel())


# Balls


@pytest.mark.parametrize(
    ("radius", "dimension", "known"),
    [(0.5, 2, None), (1.47, 36.17, 0.0399), (4, 16, None), (0.0, 7, 2)],
)
def test_the_capacity_of_balls_is_the_integral_of_the_theory(radius, dimension, known):
    """Points have capacity two; known: of the public code's random example."""
    size = radius * np.sqrt(dimension)

    def inside(t):
        density = np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi)
        return density * (size - t) ** 2 / (1 + radius**2)

    expected = 1 / quad(inside, -12, size)[0]
    found = geometry.ball_capacity(radius, dimension)
    assert found == pytest.approx(expected)
    assert found == pytest.approx(known or expected, abs=1e-4)
    table = geometry.ball_capacity(np.full((2, 1), radius), np.array([dimension] * 3))
    np.testing.assert_array_equal(table, np.full((2, 3), found))


def test_balls_are_spheres_around_gaussian_centres(monkeypatch):
    asked = []

    def capture(points, **options):
        asked.append((np.array(points), options))
        return SimpleNamespace(mean_capacity=len(asked))

    monkeypatch.setattr(balls, "manifold_geometry", capture)
    monkeypatch.setattr("helpers.system.workers.usable_cores", lambda: 1)
    shape = {"draws": 2, "gaussians": 5, "beside": small()}
    found = geometry.measured_balls([0.5, 3.0], [2, 4, 3], **shape)
    assert found.tolist() == np.arange(1, 13).reshape(2, 2, 3).tolist()
    cases = product(range(2), (0.5, 3.0), (2, 4, 3))
    for (points, options), (draw, radius, dimension) in zip(asked, cases, strict=True):
        assert points.shape == (40, 400, 50) and options["gaussians"] == 5
        assert options["seed"] == draw
        spread = points[0] - points[0][:, :1]
        assert np.linalg.matrix_rank(spread) == dimension
        # The centre is the point at one distance from all, in the plane of the points.
        half = np.linalg.lstsq(2 * spread.T, (spread**2).sum(0), rcond=None)[0]
        distances = np.linalg.norm(spread - half[:, None], axis=0)
        np.testing.assert_allclose(distances, radius)
        assert np.linalg.norm(half + points[0][:, 0]) == pytest.approx(1)
    assert not np.allclose(asked[0][0], asked[6][0])
    assert geometry.measured_balls([0.5, 3.0], [2, 4, 3], **shape).max() == len(asked)
    assert len(asked) == 12  # not measured again, unless other ones are asked for
    assert geometry.measured_balls([0.5], [2], **shape).max() == 14


# Parameters

# From the definition of torchvision's networks and of the tables, by hand.
TOTALS = {
    "mlp": 5 * (1024 * 1024 + 1024) + 1024 * 100 + 100,
    "vgg16": 14_714_688 - 4_224 + 2 * 4_224 + 512 * 4096 + 4096**2 + 2 * 4096 + 409_700,
    "alexnet": 23_232 + 307_200 + 663_552 + 884_736 + 2_359_296 + 1_920 + 102_500,
    "resnet": 11_220_132,
    "resnet_imagenet": 11_689_512 - 800 * 513,
}


@pytest.mark.parametrize("family", parameter_counts.TABLES)
def test_networks_have_as_many_weights_as_their_tables_imply(family, monkeypatch):
    assert geometry.count_error(family) == (0, 0, 0, 1)
    rows, *others = parameter_counts.TABLES[family]
    wider = [*rows[:-1], (rows[-1][0], rows[-1][1] - 1, *rows[-1][2:])]
    monkeypatch.setitem(parameter_counts.TABLES, family, (wider, *others))
    assert geometry.count_error(family).value == rows[-1][0] + 1


@pytest.mark.parametrize("family", TOTALS)
def test_tables_imply_the_known_numbers_of_weights(family):
    rows, normalised, _, _ = parameter_counts.TABLES[family]
    count = sum(parameter_counts._count(*row, normalised=normalised) for row in rows)
    assert count == TOTALS[family]


# Gradients


def labels_of(run, data):
    """Labels as trained on, and which of them are permuted."""
    sets = geometry.sets_of(run, data)
    labels = data.train_labels.clone()
    labels[sets.permuted.indices] = sets.permuted.labels
    permuted = torch.zeros(len(labels), dtype=torch.bool)
    permuted[sets.permuted.indices] = True
    return labels, permuted


def groups_of(permuted):
    return {"all": permuted >= 0, "unpermuted": ~permuted, "permuted": permuted}


def dense_logits(weights, images):
    return plain_layers(weights, images)[1]


def test_both_parts_are_those_of_the_metric_on_each_group(found, data):
    moments = [0, "best", "final"]
    some = geometry.measure_gradients(found.dense, data, moments)
    assert some.layers == (*LINEAR, "linear 4") and some.moments == (*moments,)
    assert some.errors.shape == (2, 3) and (some.errors < 1e-10).all()
    inputs = datasets.network_inputs(data.train_images)
    for (k, run), m in product(enumerate(found.dense.runs), range(3)):
        labels, permuted = labels_of(run, data)
        kept_weights = weights_at(run, (0, BEST[k], LAST)[m])
        weights = {n: w.double() for n, w in kept_weights.items()}
        groups = groups_of(permuted)
        parts = label_gradients(dense_logits, weights, inputs, labels, groups=groups)
        for name, part in product(groups, ("dependent", "independent", "full")):
            norms = getattr(parts[name].norms(), part)
            of = dict(zip(weights, norms.tolist(), strict=True))
            expected = [of[f"W{layer}"] for layer in range(1, 5)]
            measured = some.tables[part][name][k, m]
            np.testing.assert_allclose(measured, expected, rtol=SINGLE)


def test_curves_are_of_single_precision_and_errors_of_double(found, data, monkeypatch):
    for file in RunFolder(found.vgg.runs[0]).path.glob("measured/*"):
        file.unlink()
    asked = mock.Mock(wraps=label_gradients)
    monkeypatch.setattr(gradients, "label_gradients", asked)
    some = geometry.measure_gradients(found.vgg, data, ["final"])
    given = [
        (w["head.weight"].dtype, len(x)) for (_, w, x, _), _ in asked.call_args_list
    ]
    assert given == [(torch.float32, 400), (torch.float64, labelled.EXACT)]
    assert some.errors.item() < 1e-9


def test_the_largest_error_of_all_layers_and_groups_counts(found, data, monkeypatch):
    def wrong(*case, **options):
        parts = label_gradients(*case, **options)
        parts["permuted"].full["W3"].mul_(1.25)
        parts["all"].full["W1"].mul_(1.1)
        parts["all"].full["b1"].mul_(9)  # a bias belongs to no layer
        return parts

    monkeypatch.setattr(gradients, "label_gradients", wrong)
    some = geometry.measure_gradients(found.dense, data, [0, "final"], examples=60)
    np.testing.assert_allclose(some.errors, 0.25 / 1.25)


def test_gradients_of_a_convolutional_network_are_in_evaluation_mode(found, data):
    some = geometry.measure_gradients(found.vgg, data, ["final"])
    (run,) = found.vgg.runs
    labels, permuted = labels_of(run, data)
    model, weights = model_of(run, data), weights_at(run, 2)
    module = model.module()
    model.load(module, weights)
    module = module.eval().double()
    inputs = datasets.network_inputs(data.train_images).double()
    for name, group in groups_of(permuted).items():
        module.zero_grad()
        cross_entropy(module(inputs[group]).logits, labels[group]).backward()
        norms = {n: p.grad.norm().item() for n, p in module.named_parameters()}
        expected = [norms[n] for n in labelled.kernel_names(model).values()]
        measured = some.tables["full"][name][0, 0]
        np.testing.assert_allclose(measured, expected, rtol=SINGLE)
    assert some.errors.item() < 1e-9


def labelled_some(run, data, examples):
    arrays = {"test_accuracy": np.zeros(LAST + 1)}
    histories = Histories((run,), (arrays,), ("epochs",))
    (_, _, network) = next(at_moments(histories, [0]))
    return labelled.Labelled(network, model_of(run, data), data, examples, curves=True)


def test_examples_are_drawn_with_their_labels_and_groups(found, data):
    run = found.dense.runs[1]
    labels, permuted = labels_of(run, data)
    every = datasets.network_inputs(data.train_images)
    some, few = (labelled_some(run, data, n) for n in (None, 30))
    assert len(some.labels) == 400 and some.images.shape == every.shape
    assert torch.equal(few.images, some.images[:30])
    places = (few.images[:, None] == every[None]).flatten(2).all(2).nonzero()[:, 1]
    assert len(places) == 30 and places.tolist() != sorted(places.tolist())
    assert torch.equal(few.labels, labels[places])
    groups = few.groups
    assert [*groups] == ["all", "unpermuted", "permuted"] and groups["all"].all()
    assert torch.equal(groups["permuted"], permuted[places])
    assert torch.equal(groups["unpermuted"], ~permuted[places])


def test_ratios_are_of_norms_and_undefined_below_nothing():
    cells = {
        "dependent": {"unpermuted": [[[6.0, 0.0]]], "permuted": [[[2.0, 0.0]]]},
        "independent": {"unpermuted": [[[3.0, 1.0]]], "permuted": [[[4.0, 0.5]]]},
    }
    tables = {
        part: {group: np.array(v) for group, v in groups.items()}
        for part, groups in cells.items()
    }
    some = geometry.Gradients(("a", "b"), (0,), tables, {}, np.zeros((1, 1)))
    found = {name.replace("\n", " "): v.tolist() for name, v in some.ratios().items()}
    independent = "independent, unpermuted over permuted"
    assert found.pop("dependent over independent, unpermuted") == [[[2.0, 0.0]]]
    assert found.pop("dependent over independent, permuted") == [[[0.5, 0.0]]]
    assert found.pop(independent) == [[[0.75, 2.0]]]
    (((first, second),),) = found.pop("dependent, unpermuted over permuted")
    assert first == 3 and np.isnan(second) and not found


def test_the_last_layers_parts_are_those_of_equation_2(found, data):
    for histories in (found.dense, found.vgg):
        errors = geometry.feature_form_errors(histories, data, examples=80)
        assert errors.shape == (len(histories),) and (errors < 1e-9).all()


@pytest.mark.parametrize("part", [0, 1])
def test_the_larger_error_of_equation_2_counts_at_the_best_epoch(
    found, data, workers, monkeypatch, part
):
    workers(1)
    form, centred, seen = gradients.feature_form, gradients.class_centred_gradients, []

    def wrong(*case):
        both = list(form(*case))
        both[part] = both[part] * 1.25
        return both

    def noted(logits_of, weights, *case, **options):
        seen.append(weights["W1"].float())
        return centred(logits_of, weights, *case, **options)

    monkeypatch.setattr(gradients, "feature_form", wrong)
    monkeypatch.setattr(gradients, "class_centred_gradients", noted)
    errors = geometry.feature_form_errors(found.dense, data, examples=80)
    np.testing.assert_allclose(errors, 0.25)
    for weight, run, epoch in zip(seen, found.dense.runs, BEST, strict=True):
        assert torch.equal(weight, weights_at(run, epoch)["W1"])


def test_slopes_are_means_over_layers_at_initialization(found, data):
    slopes = geometry.dependent_slopes(found.dense, data)
    assert slopes.shape == (2,)
    for k, run in enumerate(found.dense.runs):
        some = labelled_some(run, data, None)  # in the order in which it draws
        weights = {n: w.double() for n, w in weights_at(run, 0).items()}
        draws = stream(run.seed, "examples of growing subsets")
        growth = dependent_growth(
            dense_logits,
            weights,
            some.images,
            some.labels,
            group=some.permuted,
            generator=draws,
        )
        of = dict(zip(weights, growth.slopes.tolist(), strict=True))
        expected = np.mean([of[f"W{layer}"] for layer in range(1, 5)])
        assert slopes[k] == pytest.approx(expected, rel=SINGLE)
        assert -0.8 < slopes[k] < -0.2


def test_the_examples_of_a_manifold_are_those_that_every_class_has(data):
    studies = {"dense": Study(data, small(), {"seed": range(2)})}
    least = int(data.test_labels.bincount().min())
    ask = partial(geometry.common_examples, studies)
    assert ask({"dense": least}, names=["test"]) == {"dense": least}
    assert ask({"dense": least + 1}, names=["test"]) == {"dense": least}
    sets = [geometry.sets_of(run, data) for run in studies["dense"].runs()]
    fewest = min(
        int(part.labels.bincount(minlength=data.classes).min())
        for each in sets
        for part in each
    )
    assert ask({"dense": 200}) == {"dense": fewest}


def test_a_class_of_one_example_makes_no_manifold(data):
    few = data.sample(train_examples=data.classes, test_examples=None)
    studies = {"dense": Study(few, small(), {"seed": range(2)})}
    with pytest.raises(Mistake, match="a manifold needs 2 of each: take more"):
        geometry.common_examples(studies, {"dense": 20})


def test_numbers_of_claims_are_undefined_for_a_diverged_network(found, data):
    some = diverged(found.dense, 0)
    assert np.isnan(geometry.dependent_slopes(found.dense, data, examples=14)).all()
    for measure in (geometry.feature_form_errors, geometry.dependent_slopes):
        first, second = measure(some, data, examples=80)
        assert np.isnan(first) and np.isfinite(second)
        none = measure(diverged(some, 0, 1), data, examples=80)
        assert none.shape == (2,) and np.isnan(none).all()


def test_large_images_of_a_film_are_means_over_squares():
    images = np.arange(2 * 66 * 64 * 3, dtype=float).reshape(2, 66, 64, 3)
    small = reduced(images)
    assert small.shape == (2, 22, 21, 3)
    assert small[1, 2, 3] == pytest.approx(images[1, 6:9, 9:12].mean((0, 1)))
    assert np.array_equal(reduced(images[:, :28, :28]), images[:, :28, :28])
