"""Tangent kernels of trained networks: from the drawn weights to the last ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers import datasets
from helpers.claims.registry import load_registry
from helpers.errors import Mistake
from helpers.metrics import tangent
from helpers.papers.scale import tangents
from helpers.runs import Run, Study
from helpers.runs.store import RunFolder
from helpers.training import train

SIGMAS, EXAMPLES = [0.01, 1.0], 20


@pytest.fixture
def trained(digits):
    base = Run(width=8, epochs=3, learning_rate=0.1, batch_size=32, snapshots=(0,))
    return train(Study(digits, base, {"init_scale": SIGMAS, "seed": [5, 6]}))


def test_a_kernel_moves_from_where_training_began_to_where_it_ended(trained, digits):
    found = tangents.kernel_changes(trained, digits, examples=EXAMPLES)
    images = datasets.network_inputs(digits.train_images[:EXAMPLES]).flatten(1)
    assert {kind: table.shape for kind, table in found.items()} == {
        "movement": (2, 2),
        "likeness": (2, 2),
    }
    for k, run in enumerate(trained.runs):  # sigma by sigma, seeds in turn
        kernels = []
        for epoch in (0, 3):
            weights = RunFolder(run).snapshot(epoch)
            kernels.append(
                tangent.sine_tangent_kernel(images, weights["W1"], weights["W2"])
            )
        moved = float(torch.linalg.matrix_norm(kernels[1] - kernels[0]))
        moved /= float(torch.linalg.matrix_norm(kernels[0]))
        assert moved > 1e-3
        assert found["movement"][k % 2, k // 2] == pytest.approx(moved)
        alike = np.corrcoef(*(np.append(x.ravel(), -x.ravel()) for x in kernels))[0, 1]
        assert found["likeness"][k % 2, k // 2] == pytest.approx(alike)


def test_networks_are_asked_once(trained, digits, monkeypatch):
    found = tangents.kernel_changes(trained, digits, examples=EXAMPLES)
    monkeypatch.setattr(tangent, "sine_tangent_kernel", None)
    again = tangents.kernel_changes(trained, digits, examples=EXAMPLES)
    np.testing.assert_equal(again, found)
    with pytest.raises(TypeError):  # of other images it was not asked
        tangents.kernel_changes(trained, digits, examples=EXAMPLES + 1)


def test_a_diverged_network_has_no_movement(trained, digits):
    broken = replace(trained, stops=("diverged", *trained.stops[1:]))
    found = tangents.kernel_changes(broken, digits, examples=EXAMPLES)["movement"]
    np.testing.assert_array_equal(np.isnan(found), [[True, False], [False, False]])


def test_other_networks_are_refused_in_one_line(digits):
    base = Run(width=8, epochs=1, activation="relu")
    histories = train(Study(digits, base, {"seed": [0]}))
    with pytest.raises(Mistake, match="tangent kernel of mlp, 2 layers, relu"):
        tangents.kernel_changes(histories, digits)


def test_lazy_networks_move_their_kernel_less_at_the_largest_scale():
    found = tangents.laziness([0.1, 1, 10], [[4, 9, 1], [2, 9, 1], [3, 9, 1]])
    (name,) = load_registry()["A-lazy"].names
    assert found[name].value == pytest.approx(1 / 3) and found[name].n == 3
    with pytest.raises(Mistake, match="ascend"):
        tangents.laziness([1, 0.1], [[1, 2]])
