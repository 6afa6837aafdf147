"""Finished classifiers, asked: against the metrics called by hand on plain networks."""

import contextlib
import json
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import take_weights
from scipy.integrate import quad
from torch.nn.functional import cross_entropy

from helpers import datasets, models
from helpers.errors import Failure, Mistake
from helpers.metrics.embedding import separability
from helpers.metrics.gradients.gradient_growth import dependent_growth
from helpers.metrics.gradients.label_parts import label_gradients
from helpers.metrics.manifolds.geometry import manifold_geometry
from helpers.models.layers import layer_features, layer_names
from helpers.papers import geometry
from helpers.papers.geometry import (
    balls,
    gradients,
    labelled,
    manifolds,
    networks,
    parameter_counts,
    separation,
    simulations,
)
from helpers.papers.geometry.networks import (
    at_moments,
    class_inputs,
    epoch_of,
    some_inputs,
)
from helpers.runs import Run, Study
from helpers.runs.histories import Histories
from helpers.runs.kept import kept
from helpers.runs.store import RunFolder
from helpers.streams import stream
from helpers.system.workers import side_by_side
from helpers.training import train
from helpers.training.classification import model_of

SETS = ("unpermuted", "permuted", "restored", "test")
EVERY = (*SETS, "control")  # of which manifolds are measured
FEW = {"examples": 4, "gaussians": 12, "restarts": 2}
LINEAR = ("linear 1", "linear 2", "linear 3")
DENSE = {"model": "mlp", "width": 12, "depth": 4, "biases": True}
VGG = {"model": "small_vgg", "width": 2, "depth": 9}
CASES = {"one": 1, "four": 4}  # workers
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
    """Function that sets how many cores there seem to be."""

    def workers(count):
        monkeypatch.setattr("helpers.system.workers.usable_cores", lambda: count)

    return workers


def forbid(monkeypatch, module, name):
    """Let nobody ask a metric again."""

    def never(*_, **__):
        raise AssertionError(f"{name} was asked again")

    monkeypatch.setattr(module, name, never)


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
    assert epoch_of("final", row) == 4
    assert [epoch_of(epoch, row) for epoch in (0, 3, 4, 5, 99)] == [0, 3, 4, 4, 4]


def test_an_undefined_accuracy_is_not_the_best():
    assert epoch_of("best", np.array([0.1, 0.2, np.nan])) == 1


@pytest.mark.parametrize("moment", ["last", "Best", ""])
def test_a_moment_of_no_meaning_is_a_mistake(moment):
    with pytest.raises(Mistake, match=f"^moment '{moment}': must be best, final or an"):
        epoch_of(moment, np.array([0.1]))


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


def test_moments_of_are_the_epochs_of_the_longest_training_and_its_end():
    some = histories_of([0.1] * 5, [0.1] * 3)
    assert geometry.moments_of(some, [0, 1, 3, 4, 8]) == [0, 1, 3, "final"]
    assert geometry.epochs_of(some, [0, 3, "final", 9]) == [0, 3, 4, 4]


def test_best_epochs_are_of_each_network_and_undefined_for_a_diverged_one():
    some = diverged(histories_of([0.1, 0.5, 0.5], [0.1, 0.9, np.nan], [0.3, 0.2]), 1)
    np.testing.assert_array_equal(geometry.best_epochs(some), [1, np.nan, 0])


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


def test_layers_are_named_from_the_input_on(data):
    assert geometry.layers_of(small(), data) == [*LINEAR]
    names = geometry.layers_of(small(**VGG), data)
    assert names == [f"conv {k}" for k in range(1, 9)]


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
    assert tuple(inputs) == SETS
    for name, images in inputs.items():
        split = data.test_images if name == "test" else data.train_images
        some = getattr(sets, name)
        every = datasets.network_inputs(split[some.indices])
        same = (images[:, None] == every[None]).flatten(2).all(2)
        rows, places = same.nonzero().T
        assert len(rows) == len(images) == 40 and len(places.unique()) == 40
        assert some.labels[places].tolist() == [k // 4 for k in range(40)]


def test_inputs_of_some_sets_are_those_of_all_sets(data):
    every = class_inputs(small(), data, examples=2)
    some = class_inputs(small(), data, examples=2, names=("test", "permuted"))
    assert tuple(some) == ("test", "permuted")
    assert all(torch.equal(images, every[name]) for name, images in some.items())


def test_other_seeds_draw_other_inputs(data):
    one, other = (class_inputs(small(seed=k), data, examples=3) for k in range(2))
    assert not any(torch.equal(one[name], other[name]) for name in EVERY)


def test_the_control_is_the_permuted_images_by_labels_that_mean_nothing(data):
    """Every image once, as often each label, and few with the label trained on."""
    run = small(seed=2)
    sets = geometry.sets_of(run, data)
    control = networks._control(run, sets)
    assert torch.equal(control.indices, sets.permuted.indices)
    assert torch.equal(control.labels.bincount(), sets.permuted.labels.bincount())
    for some in (sets.permuted, sets.restored):
        assert (control.labels == some.labels).double().mean() < 0.2
    again = networks._control(run, sets)
    other = networks._control(replace(run, seed=3), sets)
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


def test_too_few_examples_of_a_class_are_a_mistake_that_says_which(data):
    with pytest.raises(Mistake, match=r"^class \d has \d+ examples in the set '"):
        class_inputs(small(), data, examples=300)


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


def test_some_inputs_can_be_of_the_first_classes_by_the_labels_in_use(data):
    some = some_inputs(small(), data, "permuted", examples=None, classes=3)[1]
    every = geometry.sets_of(small(), data).permuted
    assert len(some.labels) == int((every.labels < 3).sum()) and some.labels.max() == 2
    few = some_inputs(small(), data, "permuted", examples=5, classes=3)[1]
    assert torch.equal(few.indices, some.indices[:5])


# Side by side


def test_answers_are_in_the_order_of_the_cases(workers):
    workers(4)

    def ask(case):
        time.sleep(0.02 - 0.004 * case)
        return case * 10

    assert side_by_side(ask, iter(range(5)), "waiting") == [0, 10, 20, 30, 40]
    assert side_by_side(ask, [], "nothing") == []


@pytest.mark.parametrize("count", CASES.values(), ids=CASES)
def test_as_many_cases_as_cores_are_asked_at_once(workers, count):
    workers(count)
    met = threading.Barrier(count, timeout=300)
    assert (
        side_by_side(lambda case: met.wait() >= 0, range(count), "met")
        == [True] * count
    )


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


@pytest.mark.parametrize("count", CASES.values(), ids=CASES)
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


@pytest.mark.parametrize("wrong", [False, True])
def test_cases_have_one_thread_and_torch_has_its_own_again_afterwards(workers, wrong):
    workers(3)
    before, seen = torch.get_num_threads(), []

    def ask(case):
        seen.append(torch.get_num_threads())
        if wrong and case == 1:
            raise Mistake("no")

    # Left at what it is: once raised, products round otherwise in all later tests.
    try:
        with contextlib.suppress(Mistake):
            side_by_side(ask, range(3), "threads")
        assert torch.get_num_threads() == before and {*seen} == {1}
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("wrong", [False, True])
def test_no_worker_sets_the_number_of_threads_after_it_was_set_back(
    workers, monkeypatch, wrong
):
    """Where it is one number for all threads, a worker that starts late would."""
    calls = []

    def set_num_threads(count):
        if calls and count == 1:
            time.sleep(0.05)
        calls.append(count)

    def ask(case):
        time.sleep(0.005)  # nobody is idle when the next worker is asked for
        return 1 / (case + 1 - wrong)

    workers(3)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    monkeypatch.setattr(torch, "set_num_threads", set_num_threads)
    with contextlib.suppress(ZeroDivisionError):
        side_by_side(ask, range(3), "late")
    assert calls == [1] * (len(calls) - 1) + [7] and len(calls) > 1


def test_the_bar_counts_all_cases_and_is_closed_after_an_error(monkeypatch):
    calls = []
    bar = SimpleNamespace(
        update=lambda steps, _: calls.append(steps), close=lambda: calls.append("end")
    )
    monkeypatch.setattr("helpers.system.workers.progress_bar", lambda total, label: bar)
    side_by_side(str, range(3), "cases")
    assert calls == [1, 1, 1, "end"]
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda case: 1 / case, [0], "cases")
    assert calls[4:] == ["end"]


# What is kept


@pytest.fixture
def maker():
    """Function that makes a measurement, and counts."""
    calls = []

    def make():
        calls.append(None)
        return {"rows": [[1.0, np.nan]], "error": 0.5}

    return SimpleNamespace(make=make, calls=calls)


def test_a_measurement_is_made_once_and_read_from_then_on(maker):
    folder, settings = RunFolder(Run()), {"examples": 3, "layers": ("a", "b")}
    first = kept(folder, "m", settings, maker.make)
    again = kept(folder, "m", dict(reversed(settings.items())), maker.make)
    assert len(maker.calls) == 1 and first.keys() == again.keys() == {"rows", "error"}
    for some in (first, again):
        np.testing.assert_array_equal(some["rows"], [[1.0, np.nan]])
        assert some["error"].shape == () and some["error"] == 0.5


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"examples": 4}},
        {"settings": {"examples": None}},
        {"settings": {"examples": 3, "more": 1}},
        {"name": "other"},
        {"run": Run(seed=1)},
    ],
)
def test_other_settings_are_measured_anew(maker, change):
    def ask(*, run=None, name="m", settings=None):
        folder = RunFolder(run or Run())
        kept(folder, name, settings or {"examples": 3}, maker.make)

    ask()
    ask(**change)
    assert len(maker.calls) == 2
    ask()  # the first is still there
    assert len(maker.calls) == 2


def test_another_recipe_measures_anew(maker, monkeypatch):
    for recipe in (3, 3, 4):
        monkeypatch.setattr("helpers.runs.kept.RECIPE", recipe)
        kept(RunFolder(Run()), "m", {}, maker.make)
    assert len(maker.calls) == 2


def test_a_damaged_measurement_is_made_again(maker):
    folder = RunFolder(Run())
    kept(folder, "m", {}, maker.make)
    (file,) = (folder.path / "measured").iterdir()
    file.write_bytes(file.read_bytes()[:-40])
    kept(folder, "m", {}, maker.make)
    kept(folder, "m", {}, maker.make)
    assert len(maker.calls) == 2


def test_a_measurement_that_fails_leaves_nothing(maker):
    folder = RunFolder(Run())
    with pytest.raises(ZeroDivisionError):
        kept(folder, "m", {}, lambda: 1 / 0)
    assert len(kept(folder, "m", {}, maker.make)) == 2


ARRAYS = {
    "table": np.array([[1.5, np.nan], [-np.inf, -0.0]]),
    "count": np.array(3),
    "flags": np.array([True, False]),
    "none": np.zeros((0, 2)),
}


def test_what_was_measured_comes_back_as_it_was():
    folder = RunFolder(Run())
    assert folder.measured("a") is None
    folder.save_measured("a", ARRAYS)
    folder.save_measured("b", {"x": np.ones(1)})
    back = folder.measured("a")
    assert back.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert back[name].dtype == array.dtype and back[name].shape == array.shape
        assert back[name].tobytes() == array.tobytes()
    folder.save_measured("a", {"y": np.zeros(2)})
    assert folder.measured("a").keys() == {"y"}
    assert folder.measured("b").keys() == {"x"}


def damaged(whole):
    """A file cut short at any place, and with any of its bits turned."""
    yield b""
    yield from (whole[:size] for size in range(1, len(whole), 9))
    for place in range(0, len(whole), 3):
        yield (
            whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :]
        )


def test_a_damaged_file_is_never_read_as_something_else():
    folder, array = RunFolder(Run()), np.arange(6.0).reshape(2, 3)
    folder.save_measured("a", {"x": array})
    (file,) = (folder.path / "measured").iterdir()
    wrong = []
    for number, content in enumerate(damaged(file.read_bytes())):
        file.write_bytes(content)
        read = folder.measured("a")
        if not (read is None or np.array_equal(read["x"], array)):
            wrong.append(number)
    assert wrong == []


def test_a_finished_run_stays_finished_and_sound_when_it_is_measured(found):
    folder = RunFolder(found.dense.runs[0])
    folder.save_measured("a", ARRAYS)
    assert folder.done() and folder.damage() is None
    assert folder.history().keys() == found.dense.arrays[0].keys()


def test_a_run_that_is_trained_again_has_nothing_measured(found):
    """Its new weights may differ in their last bits."""
    folder = RunFolder(found.dense.runs[0])
    folder.save_measured("a", ARRAYS)
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
    assert len(simple) == 2 * 3 * 5 * 4


def test_geometry_is_that_of_the_metric(found, data):
    one = found.dense.where(seed=0)
    some = geometry.measure_geometry(one, data, ["final"], **FEW)
    check_perceptrons(one, data, some, manifold_geometry)


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


def test_all_layers_are_measured_from_the_input_on(found, data, simple):
    some = geometry.measure_geometry(found.vgg, data, [0], **FEW)
    assert some.layers == ("input", *[f"conv {k}" for k in range(1, 9)])
    assert some.tables["capacity"]["test"].shape == (1, 1, 9)


def test_the_spread_over_starts_is_in_parts_of_the_capacity(found, data, simple):
    some = geometry.measure_geometry(found.dense, data, ["final"], **FEW)
    for values in some.tables["spread"].values():
        np.testing.assert_allclose(values, np.std([0.9, 1.0, 1.1]))


def same_tables(some, other):
    for quantity, sets in some.tables.items():
        for name, values in sets.items():
            np.testing.assert_array_equal(other.tables[quantity][name], values)


def test_geometry_is_kept_for_each_moment_and_network(found, data, simple, monkeypatch):
    moments = ["best", 1, "final"]
    first = geometry.measure_geometry(found.dense, data, moments, **FEW)
    forbid(monkeypatch, manifolds, "manifold_geometry")
    same_tables(geometry.measure_geometry(found.dense, data, moments, **FEW), first)
    some = geometry.measure_geometry(found.dense.where(seed=1), data, ["final"], **FEW)
    for name in SETS:
        expected = first.at("radius", "final")[name][1:]
        np.testing.assert_array_equal(some.at("radius", "final")[name], expected)


@pytest.mark.parametrize(
    "change", [{"examples": 2}, {"gaussians": 9}, {"restarts": 1}, {"layers": LINEAR}]
)
def test_geometry_of_other_settings_is_measured_anew(found, data, simple, change):
    one = found.dense.where(seed=0)
    for settings in (FEW, FEW, FEW | change, FEW | change):
        geometry.measure_geometry(one, data, ["final"], **settings)
    assert len(simple) == 5 * (4 + len(change.get("layers", range(4))))


def test_chosen_layers_are_the_columns_of_all_layers(found, data, simple):
    every = geometry.measure_geometry(found.dense, data, ["best"], **FEW)
    chosen = {"layers": ["linear 3", "input"], **FEW}
    some = geometry.measure_geometry(found.dense, data, ["best"], **chosen)
    for quantity, sets in some.tables.items():
        for name, values in sets.items():
            expected = every.tables[quantity][name][:, :, [3, 0]]
            np.testing.assert_array_equal(values, expected)


def test_no_measurement_depends_on_the_number_of_workers(found, data, simple, workers):
    def ask(histories, layer):
        some = geometry.measure_geometry(histories, data, ["best", 0], **FEW)
        pull = geometry.measure_gradients(histories, data, [0, "final"], examples=20)
        near = geometry.measure_separability(
            histories, data, ["final"], layer=layer, examples=40
        )
        return [some.tables, pull.tables, {"near": near}]

    measured = []
    for count in CASES.values():
        workers(count)
        measured.append(ask(found.dense, "linear 3") + ask(found.vgg, "conv 8"))
        for file in RunFolder(found.dense.runs[0]).path.parent.glob("*/measured/*"):
            file.unlink()
    for some, other in zip(*measured, strict=True):
        for part, sets in some.items():
            for name, values in sets.items():
                np.testing.assert_array_equal(other[part][name], values)


def test_an_empty_set_has_no_geometry(found, data, simple):
    some = geometry.measure_geometry(found.shares, data, ["final"], **FEW)
    for quantity in ("capacity", "radius", "dimension", "spread"):
        defined = {
            name: np.isfinite(values[:, 0, 1:]).all(1).tolist()
            for name, values in some.tables[quantity].items()
        }
        assert defined == {
            "unpermuted": [True, False],
            "permuted": [False, True],
            "restored": [False, True],
            "test": [True, True],
            "control": [False, True],
        }
        assert np.isnan(some.tables[quantity]["restored"][0]).all()


def test_a_diverged_network_has_no_geometry(found, data, simple):
    some = diverged(found.dense, 0)
    some = geometry.measure_geometry(some, data, ["best", "final"], **FEW)
    for sets in some.tables.values():
        for values in sets.values():
            assert np.isnan(values[0]).all() and np.isfinite(values[1]).all()


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
    panels = some.panels("final")
    assert [*panels] == ["capacity", "radius", "dimension", "center correlation"]
    assert panels["dimension"]["test"].tolist() == [[3204, 3205], [3210, 3211]]
    over = some.over_bound()["restored"]
    assert over[1].tolist() == [[50150, 50175], [50200, 50225], [50250, 50275]]


def test_settings_stand_beside_each_other_for_each_set():
    one, other = made_up(), made_up(moments=("final", 3, "best"))
    both = geometry.by_setting([one, other], "capacity", "best")
    assert [*both] == [*EVERY]
    assert both["test"].shape == (2, 2, 2)
    assert both["test"][0].tolist() == [[3000, 3001], [3004, 3005]]


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


def test_separability_is_kept_for_each_layer_and_number_of_examples(
    found, data, monkeypatch
):
    asked = {"layer": "linear 2", "examples": 50}
    first = geometry.measure_separability(found.dense, data, ["final"], **asked)
    forbid(monkeypatch, separation, "separability")
    again = geometry.measure_separability(found.dense, data, ["final"], **asked)
    for name in SETS[:3]:
        np.testing.assert_array_equal(again[name], first[name])
    for change in ({"layer": "linear 1"}, {"examples": None}):
        with pytest.raises(AssertionError, match="asked again"):
            geometry.measure_separability(
                found.dense, data, ["final"], **asked | change
            )


def test_empty_sets_and_diverged_networks_have_no_neighbours(found, data):
    some = diverged(found.dense, 1)
    some = geometry.measure_separability(some, data, ["final"], layer="linear 1")
    for values in some.values():
        assert np.isfinite(values[0]) and np.isnan(values[1])
    shares = geometry.measure_separability(
        found.shares, data, ["final"], layer="linear 1"
    )
    there = {name: np.isfinite(v[:, 0]).tolist() for name, v in shares.items()}
    assert there == {
        "unpermuted": [True, False],
        "permuted": [False, True],
        "restored": [False, True],
    }


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
            assert cloud.text == f"neighbours agree: {accuracy:.0%}"


def test_pictures_show_the_first_classes_only(found, data, no_umap, monkeypatch):
    monkeypatch.setattr(separation, "CLASSES", 4)
    rows = geometry.embeddings(
        found.dense, data, {"end": "final"}, layer="linear 3", examples=15
    )
    assert {max(cloud.labels) for cloud in rows["end"]} == {3}


def test_pictures_are_of_the_first_network_that_has_not_diverged(found, data, no_umap):
    asked = {"layer": "linear 3", "examples": 20}
    second = found.dense.where(seed=1)
    expected = geometry.embeddings(second, data, {"end": "final"}, **asked)
    some = diverged(found.dense, 0)
    clouds = geometry.embeddings(some, data, {"end": "final"}, **asked)
    np.testing.assert_array_equal(clouds["end"][0].points, expected["end"][0].points)
    with pytest.raises(Mistake, match=r"^all networks have diverged"):
        geometry.embeddings(diverged(some, 0, 1), data, {"end": "final"}, **asked)


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

    monkeypatch.setattr(simulations, "simulated_capacity", simulated_capacity)
    return calls


def test_both_capacities_are_of_the_same_points(found, data, simulate):
    asked = {"layers": ["linear 3", "input"], "examples": 4, "gaussians": 8}
    theory, simulated = geometry.measure_capacities(found.dense, data, "final", **asked)
    assert tuple(theory) == tuple(simulated) == ("unpermuted", "permuted", "test")
    assert {*simulate} == {((10, n, 4), k) for n in (12, 64) for k in range(2)}
    for k, run in enumerate(found.dense.runs):
        inputs = class_inputs(run, data, examples=4)
        for name in theory:
            hidden = plain_layers(weights_at(run, LAST), inputs[name])[0]
            for layer, values in enumerate((hidden[2], inputs[name].flatten(1))):
                points = points_of(values)
                expected = stand_in(points, gaussians=8, seed=k).mean_capacity
                assert theory[name][k, layer] == pytest.approx(
                    float(expected), rel=1e-3
                )
                assert simulated[name][k, layer] == pytest.approx(
                    points.astype(float).std(ddof=1) + k, rel=1e-4
                )


def test_capacities_are_kept(found, data, simulate, monkeypatch):
    asked = {"layers": ["linear 3"], "examples": 4, "gaussians": 8}
    first = geometry.measure_capacities(found.dense, data, "best", **asked)
    forbid(monkeypatch, simulations, "simulated_capacity")
    again = geometry.measure_capacities(found.dense, data, "best", **asked)
    for name, values in first.simulated.items():
        np.testing.assert_array_equal(again.simulated[name], values)
        np.testing.assert_array_equal(again.theory[name], first.theory[name])
    with pytest.raises(AssertionError, match="asked again"):
        geometry.measure_capacities(found.dense, data, "final", **asked)
    with pytest.raises(AssertionError, match="asked again"):
        geometry.measure_capacities(
            found.dense, data, "best", **asked | {"examples": 3}
        )


def test_capacities_of_empty_sets_and_diverged_networks_are_undefined(
    found, data, simulate
):
    asked = {"layers": ["linear 3", "linear 1"], "examples": 2, "gaussians": 8}
    some = geometry.measure_capacities(diverged(found.dense, 1), data, 0, **asked)
    shares = geometry.measure_capacities(found.shares, data, "final", **asked)
    for table, other in zip(some, shares, strict=True):
        for values in table.values():
            assert np.isfinite(values[0]).all() and np.isnan(values[1]).all()
        assert np.isfinite(other["test"]).all()
        assert np.isfinite(other["unpermuted"][0]).all()
        assert np.isnan(other["unpermuted"][1]).all()


def test_points_of_a_figure_are_of_all_networks_and_layers():
    theory, simulated = {"test": np.eye(2)}, {"test": np.array([[1.0, 2], [3, 4]])}
    (x, y) = geometry.Capacities(theory, simulated).points()["test"]
    assert x.tolist() == [1, 2, 3, 4] and y.tolist() == [1, 0, 0, 1]


# Balls


@pytest.mark.parametrize(("radius", "dimension"), [(0.5, 2), (1.47, 36.17), (4, 16)])
def test_the_capacity_of_balls_is_the_integral_of_the_theory(radius, dimension):
    size = radius * np.sqrt(dimension)

    def inside(t):
        density = np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi)
        return density * (size - t) ** 2 / (1 + radius**2)

    expected = 1 / quad(inside, -12, size)[0]
    assert geometry.ball_capacity(radius, dimension) == pytest.approx(expected)


def test_points_have_capacity_two_and_balls_less_the_larger_they_are():
    assert geometry.ball_capacity(0.0, 7) == pytest.approx(2)
    assert geometry.ball_capacity(1.47, 36.17) == pytest.approx(0.0399, abs=1e-4)
    radii, dimensions = np.array([0.1, 0.5, 2, 9])[:, None], np.array([1, 4, 20])
    table = geometry.ball_capacity(radii, dimensions)
    assert table.shape == (4, 3)
    assert (np.diff(table, axis=0) < 0).all() and (np.diff(table, axis=1) < 0).all()


def test_measured_circles_have_nearly_the_capacity_of_balls(monkeypatch):
    monkeypatch.setattr(balls, "MANIFOLDS", 20)
    found = geometry.measured_balls(
        [0.5, 1.0], [2], draws=2, gaussians=200, beside=small()
    )
    assert found.shape == (2, 2, 1)
    expected = geometry.ball_capacity(np.array([0.5, 1.0]), 2)
    np.testing.assert_allclose(found[:, :, 0].mean(0), expected, rtol=0.07)
    assert (found[0] != found[1]).all()


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
    cases = [(k, r, d) for k in range(2) for r in (0.5, 3.0) for d in (2, 4, 3)]
    for (points, options), (draw, radius, dimension) in zip(asked, cases, strict=True):
        assert points.shape == (40, 400, 50) and options["gaussians"] == 5
        assert options["seed"] == draw
        first = points[0]
        rank = np.linalg.matrix_rank(first - first.mean(1, keepdims=True))
        assert rank == dimension
        # The centre is the point at one distance from all, in the plane of the points.
        spread = first - first[:, :1]
        half = np.linalg.lstsq(2 * spread.T, (spread**2).sum(0), rcond=None)[0]
        center = first[:, 0] + half
        distances = np.linalg.norm(first - center[:, None], axis=0)
        np.testing.assert_allclose(distances, radius)
    assert geometry.measured_balls([0.5, 3.0], [2, 4, 3], **shape).max() == len(asked)
    assert len(asked) == 12  # not measured again, unless other ones are asked for
    assert geometry.measured_balls([0.5], [2], **shape).max() == 14
    one, other = asked[0][0], asked[6][0]
    assert not np.allclose(one, other)
    norms = np.linalg.norm(asked[0][0].mean(2), axis=1)
    np.testing.assert_allclose(norms, 1, atol=0.2)


# Parameters

# From the definition of torchvision's networks and of the tables, by hand.
TOTALS = {
    "mlp": 5 * (1024 * 1024 + 1024) + 1024 * 100 + 100,
    "vgg16": 14_714_688 - 4_224 + 2 * 4_224 + 512 * 4096 + 4096**2 + 2 * 4096 + 409_700,
    "resnet": 11_220_132,
    "resnet_imagenet": 11_689_512 - 800 * 513,
}


@pytest.mark.parametrize("family", parameter_counts.TABLES)
def test_networks_have_as_many_weights_as_their_tables_imply(family):
    assert geometry.count_error(family) == (0, 0, 0, 1)


@pytest.mark.parametrize("family", TOTALS)
def test_tables_imply_the_known_numbers_of_weights(family):
    rows, normalised, _, _ = parameter_counts.TABLES[family]
    count = sum(parameter_counts._count(*row, normalised=normalised) for row in rows)
    assert count == TOTALS[family]


def test_a_row_that_differs_is_counted(monkeypatch):
    rows, *others = parameter_counts.TABLES["mlp"]
    wider = [*rows[:-1], (1024, 99, 0)]
    tables = {"mlp": (wider, *others)}
    monkeypatch.setattr(parameter_counts, "TABLES", tables)
    assert geometry.count_error("mlp").value == 1025


# Gradients


def test_kernels_are_named_in_the_order_of_depth_as_layers_are(data):
    names = labelled.kernel_names(model_of(small(), data))
    assert names == {f"linear {k}": f"W{k}" for k in range(1, 5)}
    model = model_of(small(**VGG), data)
    names = [*labelled.kernel_names(model)]
    assert names == [*layer_names(model), "linear 1"]


def test_projections_of_residual_networks_have_names_of_their_own():
    shape = {"width": 2, "depth": 18, "activation": "relu", "classes": 3}
    model = models.build("resnet", image_shape=(1, 16, 16), **shape)
    names = labelled.kernel_names(model)
    inner = [name for name in names if not name.startswith("projection")]
    assert inner == [*layer_names(model), "linear 1"]
    assert [n for n in names if n not in inner] == [
        f"projection {k}" for k in (1, 2, 3)
    ]
    assert all("shortcut" in names[f"projection {k}"] for k in (1, 2, 3))


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


def plain_gradients(logits_of, weights, inputs, labels):
    """Norm of each weight's gradient of the mean cross-entropy, name -> float."""
    leaves = {n: w.double().requires_grad_() for n, w in weights.items()}
    loss = cross_entropy(logits_of(leaves, inputs.double()), labels)
    found = torch.autograd.grad(loss, [*leaves.values()])
    return {n: g.norm().item() for n, g in zip(leaves, found, strict=True)}


def dense_logits(weights, images):
    return plain_layers(weights, images)[1]


def test_the_full_gradient_is_that_of_the_loss_on_each_group(found, data):
    moments = [0, "best", "final"]
    some = geometry.measure_gradients(found.dense, data, moments)
    assert some.layers == (*LINEAR, "linear 4") and some.moments == (*moments,)
    inputs = datasets.network_inputs(data.train_images)
    for k, run in enumerate(found.dense.runs):
        labels, permuted = labels_of(run, data)
        for m, epoch in enumerate((0, BEST[k], LAST)):
            weights = weights_at(run, epoch)
            for name, group in groups_of(permuted).items():
                case = (weights, inputs[group], labels[group])
                norms = plain_gradients(dense_logits, *case)
                expected = [norms[f"W{layer}"] for layer in range(1, 5)]
                measured = some.tables["full"][name][k, m]
                np.testing.assert_allclose(measured, expected, rtol=1e-6)
    assert some.errors.shape == (2, 3) and (some.errors < 1e-10).all()


def test_both_parts_are_those_of_the_metric(found, data):
    some = geometry.measure_gradients(found.dense, data, ["final"])
    inputs = datasets.network_inputs(data.train_images)
    for k, run in enumerate(found.dense.runs):
        labels, permuted = labels_of(run, data)
        weights = {n: w.double() for n, w in weights_at(run, LAST).items()}
        groups = groups_of(permuted)
        parts = label_gradients(dense_logits, weights, inputs, labels, groups=groups)
        for name in groups:
            norms = parts[name].norms()
            for part in ("dependent", "independent", "full"):
                of = dict(zip(weights, getattr(norms, part).tolist(), strict=True))
                expected = [of[f"W{layer}"] for layer in range(1, 5)]
                measured = some.tables[part][name][k, 0]
                np.testing.assert_allclose(measured, expected, rtol=1e-8)


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
        np.testing.assert_allclose(measured, expected, rtol=1e-6)
    assert some.errors.item() < 1e-9


def labelled_some(run, data, examples):
    (_, _, network) = next(at_moments(histories_for(run), [0]))
    return labelled.Labelled(network, model_of(run, data), data, examples)


def histories_for(run):
    arrays = {"test_accuracy": np.zeros(LAST + 1)}
    return Histories((run,), (arrays,), ("epochs",))


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


def test_gradients_are_kept_for_each_number_of_examples(found, data, monkeypatch):
    first = geometry.measure_gradients(found.dense, data, [0, "final"], examples=40)
    forbid(monkeypatch, gradients, "label_gradients")
    again = geometry.measure_gradients(found.dense, data, [0, "final"], examples=40)
    same_tables(first, again)
    np.testing.assert_array_equal(first.errors, again.errors)
    with pytest.raises(AssertionError, match="asked again"):
        geometry.measure_gradients(found.dense, data, ["final"], examples=41)
    with pytest.raises(AssertionError, match="asked again"):
        geometry.measure_gradients(found.dense, data, [1], examples=40)


def test_a_network_of_one_group_has_no_gradient_of_the_other(found, data):
    some = geometry.measure_gradients(found.shares, data, ["final"])
    for part in ("dependent", "independent", "full"):
        there = {n: np.isfinite(v[:, 0]).all(1) for n, v in some.tables[part].items()}
        assert {n: v.tolist() for n, v in there.items()} == {
            "all": [True, True],
            "unpermuted": [True, False],
            "permuted": [False, True],
        }
    assert (some.errors < 1e-10).all()


def test_a_diverged_network_has_no_gradients(found, data):
    some = geometry.measure_gradients(diverged(found.dense, 0), data, [0], examples=40)
    assert np.isnan(some.errors[0]).all() and np.isfinite(some.errors[1]).all()
    for groups in some.tables.values():
        for values in groups.values():
            assert np.isnan(values[0]).all() and np.isfinite(values[1]).all()


def test_ratios_are_of_norms_and_undefined_below_nothing():
    cells = {
        "dependent": {"unpermuted": [[[6.0, 0.0]]], "permuted": [[[2.0, 0.0]]]},
        "independent": {"unpermuted": [[[3.0, 1.0]]], "permuted": [[[4.0, 0.5]]]},
    }
    tables = {
        part: {group: np.array(v) for group, v in groups.items()}
        for part, groups in cells.items()
    }
    some = geometry.Gradients(("a", "b"), (0,), tables, np.zeros((1, 1)))
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
def test_the_larger_error_of_equation_2_counts(found, data, monkeypatch, part):
    form = gradients.feature_form

    def wrong(*case):
        both = list(form(*case))
        both[part] = both[part] * 1.25
        return both

    monkeypatch.setattr(gradients, "feature_form", wrong)
    errors = geometry.feature_form_errors(found.dense, data, examples=80)
    np.testing.assert_allclose(errors, 0.25)


def test_equation_2_is_asked_at_the_best_epoch(found, data, monkeypatch):
    seen = []
    class_centred = gradients.class_centred_gradients

    def noted(logits_of, weights, *case, **options):
        seen.append(weights["W1"].float())
        return class_centred(logits_of, weights, *case, **options)

    monkeypatch.setattr(gradients, "class_centred_gradients", noted)
    geometry.feature_form_errors(found.dense.where(seed=1), data, examples=20)
    expected = weights_at(found.dense.runs[1], BEST[1])["W1"]
    assert len(seen) == 1 and torch.equal(seen[0], expected)


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
        assert slopes[k] == pytest.approx(expected, rel=1e-8)
        assert -0.8 < slopes[k] < -0.2


def test_too_few_permuted_examples_have_no_slope(found, data):
    slopes = geometry.dependent_slopes(found.dense, data, examples=14)
    assert slopes.shape == (2,) and np.isnan(slopes).all()


def test_more_examples_of_a_class_than_there_are_is_told_before_training(data):
    studies = {"dense": Study(data, small(), {"seed": range(2)})}
    least = int(data.test_labels.bincount().min())
    geometry.check_manifolds(studies, {"dense": least}, names=["test"])
    with pytest.raises(Mistake, match=rf"'test', {least + 1} are asked for: lower"):
        geometry.check_manifolds(studies, {"dense": least + 1}, names=["test"])
    with pytest.raises(Mistake, match="in the set 'unpermuted', 200 are"):
        geometry.check_manifolds(studies, {"dense": 200})


def test_numbers_of_claims_are_undefined_for_a_diverged_network(found, data):
    some = diverged(found.dense, 0)
    for measure in (geometry.feature_form_errors, geometry.dependent_slopes):
        first, second = measure(some, data, examples=80)
        assert np.isnan(first) and np.isfinite(second)
        none = measure(diverged(some, 0, 1), data, examples=80)
        assert none.shape == (2,) and np.isnan(none).all()


def test_the_names_of_the_sets_are_written_as_they_are():
    assert geometry.SETS == SETS == networks.SETS
    assert json.dumps(SETS)
