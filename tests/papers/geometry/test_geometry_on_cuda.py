"""What is measured on a GPU beside the same on the CPU.

Networks are trained on the CPU, so that both are asked the same. Features in strict
float32 differ by rounding, 1e-6 of their size after nine layers, and what is computed
of them by no more than that times a condition, for which each test leaves room.
"""

from contextlib import contextmanager

import numpy as np
import pytest
import torch

from helpers import datasets
from helpers.metrics import embedding
from helpers.metrics.embedding import embed, separability
from helpers.metrics.gradients.example_gradients import class_gradient_sums
from helpers.metrics.manifolds.anchors import anchor_geometry
from helpers.metrics.manifolds.capacity import simulated_capacity
from helpers.metrics.manifolds.geometry import manifold_geometry
from helpers.metrics.manifolds.reduced import reduced, turned
from helpers.models import build
from helpers.papers import geometry
from helpers.papers.geometry.rewinding import PARTS, rewind
from helpers.papers.geometry.simulations import measure_capacities
from helpers.runs import Run, Study
from helpers.system.devices import exact_products
from helpers.system.workers import end_processes
from helpers.training import train
from helpers.training.losses import LOSSES

pytestmark = pytest.mark.cuda

FEW = {"examples": 4, "gaussians": 20}
LAYERS = ["conv 2", "conv 8"]
SHAPE = {"model": "small_vgg", "width": 4, "depth": 9, "activation": "relu"}
LENGTH = {"epochs": 2, "stop_accuracy": None, "snapshots": [0, 1]}
ADAM = {"optimizer": "adam", "learning_rate": 0.01, "batch_size": 32}


@pytest.fixture(scope="module")
def data():
    """300 training and 100 test images of the embedded digits."""
    return datasets.load("digits").prefix(train_examples=300, test_examples=100)


@pytest.fixture
def network(data):
    """Function that trains a small VGG on the CPU, with further fields."""

    def network(**fields):
        base = Run(init_scale=None, permuted_fraction=0.5, **SHAPE, **LENGTH, **ADAM)
        return train(Study(data, base, {"seed": [0], **fields}), device="cpu")

    return network


@pytest.fixture
def both(results, monkeypatch):
    """Function that asks on the GPU, and then on the CPU with nothing kept."""

    @contextmanager
    def nothing_kept():
        for file in results.glob("*/measured/*"):
            file.unlink()
        yield

    def both(ask):
        with nothing_kept():
            found = ask()
        end_processes()
        with nothing_kept(), monkeypatch.context() as patch:
            patch.setattr(torch.cuda, "is_available", lambda: False)
            return found, ask()

    return both


def clouds(count, features, examples):
    """Correlated manifolds, of which every start finds one direction, in float32."""
    draw = np.random.default_rng(0).standard_normal
    shared = 4 * draw((count, 1, 1)) * draw((features, 1))
    points = draw((count, features, 1)) + draw((count, features, examples)) + shared
    return torch.from_numpy(points).float()


def test_reduced_points_have_the_geometry_of_the_points():
    points, drawn = clouds(20, 400, 6), {"gaussians": 50, "restarts": 3}
    found = manifold_geometry(reduced(points.cuda()), **drawn)
    for one, other in zip(found, manifold_geometry(points, **drawn), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_points_on_the_gpu_have_it_without_being_reduced():
    points, drawn = clouds(20, 400, 6), {"gaussians": 50, "restarts": 3}
    found = manifold_geometry(points.cuda(), **drawn)
    for one, other in zip(found, manifold_geometry(points, **drawn), strict=True):
        values = one.cpu() if isinstance(one, torch.Tensor) else one
        np.testing.assert_allclose(values, other, rtol=1e-5)


def test_anchor_points_are_those_of_the_compiled_solver():
    draw = np.random.default_rng(1).standard_normal
    points = torch.from_numpy(draw((8, 7, 20)))
    points[:, -1] = 1
    gaussians = torch.from_numpy(draw((8, 7, 100)))
    found = anchor_geometry(points.cuda(), gaussians)
    for one, other in zip(found[:3], anchor_geometry(points, gaussians), strict=False):
        torch.testing.assert_close(one.cpu(), other, rtol=1e-8, atol=1e-10)


def test_turned_points_have_the_simulated_capacity():
    points, asked = clouds(46, 900, 3), {"dichotomies": 100}
    found = simulated_capacity(turned(points.cuda()), **asked)
    other = simulated_capacity(points, **asked)
    assert found.low < other.high and other.low < found.high  # 95 % each


def test_manifolds_of_a_network_are_analysed_in_processes(network, data, both):
    histories, moments = network(), [0, "final"]

    def ask():
        asked = {"layers": ["input", *LAYERS], "restarts": 2, **FEW}
        tables = geometry.measure_geometry(histories, data, moments, **asked).tables
        some = measure_capacities(histories, data, "final", layers=LAYERS, **FEW)
        return {**tables, **some._asdict()}

    found, expected = both(ask)
    # another rounding can lead a search to another minimum, a simulation is drawn anew
    close = {"center correlation": 1e-4, "spread": 1e9}
    for name, sets in expected.items():
        for one, values in sets.items():
            told = {"rtol": close.get(name, 0.3), "err_msg": f"{name} {one}"}
            np.testing.assert_allclose(found[name][one], values, **told)


@pytest.mark.parametrize("precision", [None, "bfloat16"])
@pytest.mark.parametrize("parts", [PARTS[:3], PARTS])
def test_layers_set_back_have_the_same_accuracies(
    network, data, both, precision, parts
):
    histories = network(**({"precision": [precision]} if precision else {}))
    asked = {"layers": LAYERS, "parts": parts}
    found, expected = both(lambda: rewind(histories, data, [0, 2], **asked).tables)
    # images whose two best logits are as near as rounding: of bfloat16, three digits
    apart = 0.15 if precision else 0.02
    for name, table in expected.items():
        np.testing.assert_allclose(found[name], table, atol=apart, err_msg=name)


def test_curves_of_gradients_are_near_and_their_errors_exact(network, data, both):
    histories = network()
    found, expected = both(lambda: geometry.measure_gradients(histories, data, [0, 2]))
    assert (found.errors < 1e-9).all()
    for part, groups in expected.tables.items():
        for name, norms in groups.items():
            np.testing.assert_allclose(found.tables[part][name], norms, rtol=1e-3)


def test_other_claims_of_gradients_hold(network, data, both):
    histories = network()

    def ask():
        form = geometry.feature_form_errors(histories, data)
        return form, geometry.dependent_slopes(histories, data)

    (form, slopes), (_, expected) = both(ask)
    assert (form < 1e-9).all()
    np.testing.assert_allclose(slopes, expected, rtol=1e-2)


@pytest.mark.parametrize("family", ["resnet", "densenet121"])
def test_sums_of_gradients_of_each_example(family):
    shape = {"image_shape": (3, 32, 32), "width": 4, "depth": 10}
    shape |= {"activation": "relu"}
    model = build(family, classes=3, **shape)
    module = model.module()
    model.load(module, model.initial(seed=0))
    draw = torch.Generator().manual_seed(0)
    images = torch.randn(24, 3, 32, 32, generator=draw)
    labels, sums = torch.arange(24) % 3, []
    for device in ("cuda", "cpu"):
        with exact_products():
            asked = {"classes": 3, "gradient": LOSSES["cross_entropy"].gradient}
            given = images.to(device), labels.to(device)
            sums.append(class_gradient_sums(module.to(device), *given, **asked))
    for name, classes in sums[1].items():
        for found, expected in zip(sums[0][name], classes, strict=True):
            told = {"rel": 1e-3, "abs": 1e-12}
            assert float(found.squares) == pytest.approx(
                float(expected.squares), **told
            )
            # of a sum of vectors, rounding is in parts of what they would add up to
            most = expected.count * float(expected.squares)
            total = pytest.approx(float(expected.total), abs=1e-3 * most + 1e-12)
            assert float(found.total) == total, name


def test_neighbours_and_what_follows_are_those_of_the_cpu(network, data, both):
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(300, 40, generator=draw)
    nearest = embedding._nearest(rows.cuda().double(), 7)
    assert torch.equal(nearest.cpu(), embedding._nearest(rows.double(), 7))
    labels = torch.arange(300) % 4
    assert separability(rows.cuda(), labels) == separability(rows, labels)
    assert embed(rows.cuda(), seed=0).kept == pytest.approx(embed(rows).kept, abs=0.05)
    histories = network()
    layer = {"layer": "conv 8", "examples": 60}
    found, expected = both(
        lambda: geometry.measure_separability(histories, data, ["final"], **layer)
    )
    for name, accuracy in expected.items():  # two neighbours as near as rounding
        np.testing.assert_allclose(found[name], accuracy, atol=0.05)
