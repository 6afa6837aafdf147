"""Beyond paper B: correlated manifolds and probes of true labels, by plain ways."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import take_weights
from drawing import keys, line, note_of
from hand_made import NAN, array, undefined, values
from scipy.spatial.distance import cdist

from helpers import datasets
from helpers.errors import Failure, Mistake
from helpers.estimates import mean_interval, ratio_interval
from helpers.metrics.manifolds.correlated import manifold_capacity
from helpers.papers import geometry
from helpers.papers.geometry import Capacities, Geometry, Probes, estimates, figures
from helpers.papers.geometry.examples import class_inputs, some_inputs
from helpers.papers.geometry.networks import sets_of
from helpers.runs import Run, Study
from helpers.runs.store import RunFolder
from helpers.training import train

LAYERS = ("input", "linear 1", "linear 2")
FEW = {"examples": 3, "draws": 30}


@pytest.fixture(scope="module")
def data():
    """500 training and 100 test images of the embedded digits."""
    return datasets.load("digits").prefix(train_examples=500, test_examples=100)


@pytest.fixture
def network(data, results):
    """Histories of a perceptron that was trained for two epochs."""
    shape = {"model": "mlp", "width": 30, "depth": 3, "activation": "relu"}
    length = {"epochs": 2, "snapshots": [0], "stop_accuracy": None, "keep_best": True}
    run = Run(init_scale=None, permuted_fraction=0.5, batch_size=64, **shape, **length)
    return train(Study(data, run, {"seed": [0]}), device="cpu")


def features_of(run, images, epoch):
    """The input, both hidden layers and the logits of the perceptron, as arrays."""
    weights, x = RunFolder(run).snapshot(epoch), images.flatten(1)
    layers = [x]
    for layer in (1, 2, 3):
        x = x @ weights[f"W{layer}"].T
        layers.append(x := x.relu() if layer < 3 else x)
    return [each.double().numpy() for each in layers]


def diverged(histories):
    return replace(histories, stops=("diverged",))


# Manifolds that correlate


@pytest.mark.parametrize("groups", [2, 9])
def test_groups_of_classes_are_measured_each_for_itself(network, data, groups):
    """Of ten classes there are two groups of four."""
    asked = {"layers": LAYERS[:2], "sets": ("test", "control"), **FEW}
    asked |= {"classes": 4, "groups": groups}
    found = geometry.measure_correlated(network, data, ["final"], **asked)
    assert found.layers == LAYERS[:2] and found.examples == 3
    (run,) = network.runs
    inputs = class_inputs(run, data, examples=3, names=("test", "control"))
    for name, images in inputs.items():
        for layer, rows in enumerate(features_of(run, images, 2)[:2]):
            clouds = rows.reshape(10, 3, -1)[:8].reshape(2, 4, 3, -1)
            each = [manifold_capacity(list(some), draws=30, seed=0) for some in clouds]
            told = {
                "capacity": 2 / sum(1 / one.face_capacity for one in each),
                "effective dimension": np.mean([one.dimension for one in each]),
                "effective radius": np.mean([one.radius for one in each]),
                "utility": np.mean([one.utility for one in each]),
                "separable": 1,
            }
            assert {*told} == {*found.tables}
            for quantity, value in told.items():
                cell = found.tables[quantity][name][0, 0, layer]
                assert cell == pytest.approx(value, rel=1e-3), quantity
    assert "separable" not in found.panels("final")
    hidden = found.hidden("utility", "final")["test"]
    np.testing.assert_array_equal(hidden, found.at("utility", "final")["test"][:, 1:])


def test_all_classes_are_one_group_and_too_few_features_leave_nothing(network, data):
    """Ten classes of 15 examples are more than 30 features separate; of 3, they not."""
    asked = {"layers": ["linear 2"], "draws": 20, "sets": ("control",)}
    every, fewer = (
        geometry.measure_correlated(
            network, data, ["final"], examples=count, classes=None, **asked
        )
        for count in (15, 3)
    )
    assert every.tables["separable"]["control"] < 0.5
    assert np.isnan(every.tables["capacity"]["control"]).all()
    assert np.isfinite(fewer.tables["capacity"]["control"]).all()
    lost = geometry.measure_correlated(
        diverged(network), data, ["final"], examples=3, **asked
    )
    assert all(np.isnan(t["control"]).all() for t in lost.tables.values())
    with pytest.raises(Mistake, match=r"^set 'tests': must be one of unperm"):
        geometry.measure_correlated(
            network, data, ["final"], examples=3, sets=["tests"]
        )


# Probes


def by_neighbours(told, labels, asked):
    """Labels by five neighbours, one by one."""
    answers = []
    for row in cdist(asked, told):
        named = [int(labels[k]) for k in np.argsort(row, kind="stable")[:5]]
        answers.append(max(named, key=named.count))
    return np.array(answers)


def by_means(told, labels, asked):
    means = np.stack([told[labels == k].mean(0) for k in range(10)])
    return cdist(asked, means).argmin(1)


@pytest.mark.parametrize("examples", [None, 80])
def test_probes_are_told_unpermuted_examples_and_asked_about_others(
    network, data, examples
):
    found = geometry.measure_probes(network, data, ["final"], examples=examples)
    assert found.layers == LAYERS and found.moments == ("final",)
    (run,) = network.runs
    parts = {
        name: some_inputs(run, data, name, examples=examples)
        for name in ("unpermuted", "restored", "test")
    }
    told, labels = parts.pop("unpermuted")
    true = data.train_labels[sets_of(run, data).unpermuted.indices]
    assert examples or sorted(labels.labels.tolist()) == sorted(true.tolist())
    known = features_of(run, told, 2)
    for name, (images, asked) in parts.items():
        rows, wanted = features_of(run, images, 2), asked.labels.numpy()
        own = (rows[-1].argmax(1) == wanted).mean()
        assert found.own_at(name, "final") == pytest.approx(own)
        for probe, answer in (
            ("class means", by_means),
            ("five neighbours", by_neighbours),
        ):
            for layer in range(3):
                answers = answer(known[layer], labels.labels.numpy(), rows[layer])
                cell = found.at(probe, name, "final")[0, layer]
                # float32 features of another order of sums: two as near as rounding
                assert cell == pytest.approx((answers == wanted).mean(), abs=0.02)


def test_probes_are_kept_for_each_setting_and_logits_may_be_among_the_layers(
    network, data, results
):
    asked = {"layers": ["logits", "linear 1"], "examples": 60}
    first = geometry.measure_probes(network, data, ["best", 0, "final"], **asked)
    own = [row.mean(0) for row in first.own.values()]
    assert (
        np.isfinite(own).all()
        and np.isfinite(first.tables["class means"]["test"]).all()
    )
    take_weights(results)
    again = geometry.measure_probes(network, data, ["best", 0, "final"], **asked)
    for probe, sets in first.tables.items():
        for name, rows in sets.items():
            np.testing.assert_array_equal(again.tables[probe][name], rows)
    with pytest.raises(Failure, match="came without its weights"):
        geometry.measure_probes(network, data, ["final"], **asked | {"examples": 61})
    lost = geometry.measure_probes(diverged(network), data, ["final"], **asked)
    assert np.isnan([*lost.own.values()]).all()
    assert first.panels().keys() == first.levels().keys()
    assert [*first.panels()["test, class means"]] == [
        "best epoch",
        "epoch 0",
        "final epoch",
    ]


@pytest.mark.parametrize(
    ("fraction", "known"), [(0.0, [False, True]), (1.0, [False] * 2)]
)
def test_without_permuted_or_unpermuted_examples_nothing_is_told(
    network, data, fraction, known
):
    run = replace(network.runs[0], permuted_fraction=fraction, epochs=1)
    histories = train(Study(data, run, {}), device="cpu")
    found = geometry.measure_probes(histories, data, ["final"])
    for sets in found.tables.values():
        assert [np.isfinite(rows).all() for rows in sets.values()] == known


# Estimates


def probes_of(means, neighbours, own, *, best=(0.9, 0.8), layers=LAYERS):
    """Two networks at best and final; both probes: set -> (network, layer)."""

    def table(rows):
        rows = np.array(rows, dtype=float)
        return np.stack([np.ones_like(rows), rows], axis=1)

    owned = {"test": np.stack([best, own], axis=1), "restored": np.zeros((2, 2))}
    both = {"class means": means, "five neighbours": neighbours}
    tables = {probe: {n: table(r) for n, r in t.items()} for probe, t in both.items()}
    return Probes(layers, ("best", "final"), tables, owned)


MEANS = {"restored": [[0.9, 0.3, 0.5], [0.9, 0.5, 0.5]], "test": [[0.4, 0.9, 0.6]] * 2}
NEAR = {"restored": [[0.9, 0.7, 0.1], [0.9, 0.2, 0.3]], "test": [[0.3, 0.8, 0.9]] * 2}


def test_probe_and_layer_are_chosen_on_restored_examples_of_hidden_layers():
    some = probes_of(MEANS, NEAR, [0.5, 0.3])
    assert some.best_on_restored("final") == ("class means", 2)
    found = estimates.latent(some)
    gain, lost = array(0.1, 0.3), array(0.4, 0.5)
    assert found["latent_minus_own_test_accuracy"] == pytest.approx(mean_interval(gain))
    assert found["latent_share_of_lost_accuracy"] == pytest.approx(
        ratio_interval(gain, lost)
    )
    above = found["latent_minus_input_test_accuracy"].value
    assert above == pytest.approx(0.2)
    better = {"restored": [[0, 0.95, 0]] * 2, "test": NEAR["test"]}
    assert probes_of(MEANS, better, [0, 0]).best_on_restored("final") == (
        "five neighbours",
        1,
    )


def test_a_share_of_next_to_nothing_and_a_network_without_numbers_are_undefined():
    found = estimates.latent(probes_of(MEANS, NEAR, [0.85, 0.75]))
    assert undefined(found.pop("latent_share_of_lost_accuracy"))
    assert not any(map(undefined, found.values()))
    lost = {name: [rows[0], [NAN] * 3] for name, rows in MEANS.items()}
    assert all(
        map(undefined, estimates.latent(probes_of(lost, NEAR, [0.5, NAN])).values())
    )
    with pytest.raises(Mistake, match=r"^layers begin at 'linear 1': must begin at"):
        estimates.latent(probes_of(MEANS, NEAR, [0.5, 0.5], layers=LAYERS[1:]))


def test_errors_of_theories_are_over_layers_and_sets():
    simulated = {"test": array([1, 2], [1, 2]), "permuted": array([1, 1], [1, 1])}
    near = {"test": array([1, 2.2], [1, 1.8]), "permuted": array([1.1, 1], [1.1, 1])}
    far = {"test": array([2, 2], [2, 2]), "permuted": array([1, 1], [1, 1])}
    few, many = Capacities(far, simulated, near), Capacities(near, simulated, far)
    expected = {
        "correlated_theory_largest_error_few_classes": 0.1,
        "correlated_theory_mean_error_few_classes": 0.05,
        "correlated_theory_largest_error_many_classes": 1,
        "correlated_theory_mean_error_many_classes": 0.25,
        "mean_field_minus_correlated_few_classes": 0.2,
    }
    assert values(estimates.theories(few, many)) == pytest.approx(expected)
    found = estimates.theory_errors(few, "theory")
    assert values(found) == pytest.approx({"largest_error": 1, "mean_error": 0.25})
    lost = near | {"test": array([NAN, 2], [1, 2])}
    found = estimates.theories(few._replace(correlated=lost), many)
    assert [n for n in found if undefined(found[n])] == [
        n for n in expected if "few" in n
    ]


def test_memory_is_permuted_over_control_without_the_input():
    permuted = np.array(
        [[[9, 2, 2, 2], [9, 2.2, 2, 4]], [[9, 2, 2, 2.4], [9, 2, 2, 8]]]
    )
    capacity = {"permuted": permuted, "control": np.full((2, 2, 4), 2.0)}
    names = ("input", "a", "b", "c")
    some = Geometry(names, ("best", "final"), 5, {"capacity": capacity})
    found = values(estimates.correlated_memory(some))
    assert found == pytest.approx(
        {
            "permuted_over_control_capacity_last_layer": 3,
            "permuted_over_control_capacity_early_layers": 0.05,
            "permuted_over_control_capacity_best_epoch": 0.1,
        }
    )
    each = estimates.memory_by_layer(some)
    assert {name: one.value for name, one in each.items()} == pytest.approx(
        {"a": 1.05, "b": 1, "c": 3}
    )
    assert each["c"] == mean_interval([2, 4], confidence=1 - 0.05 / 3)


# Figures


@pytest.mark.usefixtures("closed_figures")
def test_probes_have_a_panel_each_with_the_networks_own_answers_beside():
    some = probes_of(MEANS, NEAR, [0.5, 0.3])
    options = {"layers": LAYERS, "own": some.levels(), "chance": 0.1}
    drawn = figures.probes_by_layer(some.panels(), **options)
    titles = [ax.get_title(loc="left") for ax in drawn]
    assert titles == [*some.panels()] and titles[1] == "test, class means"
    ax = drawn[1]
    assert np.allclose(line(ax, "final epoch").get_ydata(), [0.4, 0.9, 0.6])
    assert np.allclose(line(ax, "_final epoch").get_ydata(), 0.4)  # of 0.5 and 0.3
    shade = line(ax, "final epoch").get_color()
    assert shade == line(ax, "_final epoch").get_color()
    assert shade != line(ax, "best epoch").get_color()
    (names,) = keys(ax.figure)
    assert names == ["best epoch", "final epoch", "level: the network itself", "chance"]
    assert note_of(ax) == "n = 2: a thin line a network, and their mean"
    assert [text.get_text() for text in drawn[-1].get_xticklabels()] == list(LAYERS)


@pytest.mark.usefixtures("closed_figures")
def test_sets_to_compare_with_are_pale():
    table = {"permuted": np.ones((2, 3)), "control": 2 * np.ones((2, 3))}
    panels = dict.fromkeys(("capacity", "effective radius", "utility"), table)
    drawn = figures.geometry_by_layer(panels, layers=LAYERS, pale=["control"])
    for ax in drawn:
        assert line(ax, "control").get_alpha() < 0.5
        assert line(ax, "permuted").get_alpha() == 1
