"""Curvature of a random relu layer: known inputs, sampled layers, gradient descent."""

import math

import pytest
import torch

from helpers.metrics import curvature
from helpers.metrics.curvature import (
    divergence_scale,
    relu_curvature,
    uncorrelated_curvature,
)
from helpers.streams import stream


def inputs_of(count=30, size=12, shift=0.3):
    return torch.from_numpy(stream(0, "inputs").standard_normal((count, size))) + shift


def layer(inputs, *, width, scale):
    """Activations of a random relu layer, (example, hidden unit)."""
    weights = stream(0, "weights").standard_normal((inputs.shape[1], width))
    return (scale * inputs @ torch.from_numpy(weights)).relu()


@pytest.mark.parametrize("scale", [0.01, 1.0])
def test_identical_inputs_have_the_curvature_of_one(scale):
    # One eigenvalue, width s^2 |x|^2 / 2.
    same = inputs_of(1).expand(7, -1)
    known = 50 * scale**2 * same[0].square().sum().item() / 2
    assert relu_curvature(same, width=50, scale=scale) == pytest.approx(known)


def test_orthogonal_inputs_have_the_estimate_and_their_own_share():
    # The Gram matrix is |x|^2 (1 / (2 pi) + (1/2 - 1 / (2 pi)) I) / n times the width.
    inputs = math.sqrt(3072) * torch.eye(100, dtype=torch.float64)
    found = relu_curvature(inputs, width=2048, scale=1.0)
    limit = uncorrelated_curvature(3072, width=2048)
    own = 2048 * 3072 * (1 / 2 - 1 / (2 * math.pi)) / 100
    assert found == pytest.approx(limit + own, rel=1e-9)


def test_the_papers_network_diverges_where_the_spec_says():
    # Spec A.2: about 1.0e6 s^2 for 2,048 units; at a rate of .01 beyond about .014.
    estimate = uncorrelated_curvature(3072, width=2048)
    assert estimate == pytest.approx(1.0e6, rel=0.01)
    assert divergence_scale(estimate, 0.01) == pytest.approx(0.014, abs=5e-4)


@pytest.mark.parametrize("scale", [0.05, 2.0])
def test_a_wide_layer_has_the_foretold_curvature(scale):
    """Width 20,000: a relative error of about 1 / sqrt(20,000), and 4 % is six."""
    inputs = inputs_of()
    hidden = layer(inputs, width=20_000, scale=scale)
    drawn = torch.linalg.matrix_norm(hidden, ord=2).square().item() / len(inputs)
    found = relu_curvature(inputs, width=20_000, scale=scale)
    assert found == pytest.approx(drawn, rel=0.04)


@pytest.mark.parametrize(("factor", "diverges"), [(0.95, False), (1.05, True)])
def test_gradient_descent_diverges_beyond_the_scale(factor, diverges):
    """On W2 of a sampled layer, whose curvature at scale 1 is taken as drawn.

    100 steps at 1.05 of the scale grow the error by (2 * 1.05^2 - 1)^100 = 7e8.
    """
    inputs, rate = inputs_of(), 0.01
    unit = layer(inputs, width=64, scale=1.0)
    drawn = torch.linalg.matrix_norm(unit, ord=2).square().item() / len(inputs)
    hidden = factor * divergence_scale(drawn, rate) * unit
    targets = torch.from_numpy(stream(0, "targets").standard_normal((30, 3)))
    top = torch.zeros(64, 3, dtype=torch.float64)
    for _ in range(100):
        top -= rate * hidden.T @ (hidden @ top - targets) / len(inputs)
    lost = (hidden @ top - targets).square().sum() / targets.square().sum()
    assert (lost > 1e6) == diverges
    assert (lost < 1) != diverges


def test_inputs_past_the_first_two_thousand_are_not_looked_at(monkeypatch):
    assert curvature.MOST_INPUTS == 2000
    monkeypatch.setattr(curvature, "MOST_INPUTS", 20)
    inputs = inputs_of(30)
    more = relu_curvature(inputs, width=5, scale=1.0)
    assert more == relu_curvature(inputs[:20], width=5, scale=1.0)
    inputs[3, 4] = torch.nan
    assert math.isnan(relu_curvature(inputs, width=5, scale=1.0))
