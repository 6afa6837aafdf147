"""Logit gradients at random logits: the values of spec A.4 and the exact limits."""

import itertools
import math
from functools import partial

import pytest
import torch

from helpers.errors import Mistake
from helpers.metrics.gradients.alignment import alignment
from helpers.metrics.gradients.logits import (
    cross_entropy_limit,
    hinge_limit,
    logit_alignment,
)
from helpers.streams import stream
from helpers.training.losses import LOSSES

LIMITS = {
    "cross_entropy": cross_entropy_limit,
    "hinge": hinge_limit,
    "squared": lambda classes: 0.0,
}


def estimate(name, *, scale, classes=10, draws=20_000, repeats=10):
    """Mean over independent repeats, and six of its standard errors.

    Student's t with nine degrees: one of 5,000 estimates is further off by chance.
    """
    gradient = LOSSES[name].gradient
    settings = {"classes": classes, "scale": scale, "draws": draws}
    values = [
        logit_alignment(gradient, **settings, generator=stream(0, "logits", repeat))
        for repeat in range(repeats)
    ]
    values = torch.stack(values)
    return values.mean().item(), 6 * values.std().item() / math.sqrt(repeats)


@pytest.mark.parametrize(
    ("name", "scale", "expected"),
    [
        ("cross_entropy", 1e-4, 1.0),
        ("cross_entropy", 1, 0.917),
        ("cross_entropy", 3, 0.713),
        ("cross_entropy", 10, 0.598),
        ("hinge", 1e-4, 1.0),
        ("hinge", 1, 0.972),
        ("squared", 1e-4, 1.0),
        ("squared", 0.1, 0.917),
        ("squared", 1, 0.097),
    ],
)
def test_random_logits_align_as_known(name, scale, expected):
    mean, error = estimate(name, scale=scale)
    assert error < 0.004
    assert mean == pytest.approx(expected, abs=error + 0.0006)  # spec's rounding


@pytest.mark.parametrize("classes", [2, 3, 10, 100])
@pytest.mark.parametrize("name", LOSSES)
def test_large_logits_align_as_the_limit_says(name, classes):
    mean, error = estimate(name, scale=1e6, classes=classes, draws=4000)
    assert error < 0.006
    # Where gradients are zero or not, the estimate is short by 1 / draws (two classes).
    assert mean == pytest.approx(LIMITS[name](classes), abs=error + 1 / 4000)


@pytest.mark.parametrize("classes", [2, 3, 4, 5])
@pytest.mark.parametrize("name", ["cross_entropy", "hinge"])
def test_the_limits_are_means_over_all_orders_of_the_logits(name, classes):
    # Large logits matter by their order alone, and all orders are alike. For n draws of
    # each order, as n grows: |mean gradient|^2 over the squared mean norm.
    orders = list(itertools.permutations(range(classes)))
    logits = 1e6 * torch.tensor(orders, dtype=torch.float64)
    labels = torch.zeros(len(orders), dtype=torch.long)
    gradients = LOSSES[name].gradient(logits, labels)
    exact = gradients.mean(0).square().sum() / gradients.norm(dim=1).mean() ** 2
    assert LIMITS[name](classes) == pytest.approx(exact.item(), rel=1e-12)
    assert LIMITS[name](10) == pytest.approx(
        {"hinge": 0.929}.get(name, 5 / 9), abs=5e-4
    )
    with pytest.raises(Mistake, match="classes = 1: must be at least 2"):
        LIMITS[name](1)


def test_the_squared_loss_has_a_closed_form_at_every_scale():
    # z - y is Gaussian around -y: its norm is s times a noncentral chi of k degrees
    # and noncentrality 1 / s, and alignment is 1 over that mean squared. For k = 2 and
    # s = 1 the mean is sqrt(pi / 2) L_1/2(-1/2) = 1.5485724605511453 (Rice).
    mean, error = estimate("squared", scale=1.0, classes=2)
    assert mean == pytest.approx(1 / 1.5485724605511453**2, abs=error)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_scaled_along_brings_back_the_small_scale(name):
    """Spec A.4 item 5: a temperature, margin or target that grows with the logits."""

    def value(scale, loss_scale):
        gradient = partial(LOSSES[name].gradient, scale=loss_scale)
        settings = {"classes": 10, "scale": scale, "draws": 500}
        return logit_alignment(gradient, **settings, generator=stream(1, "logits"))

    torch.testing.assert_close(value(1e3, 1e3), value(1.0, 1.0))
    assert value(1e3, 1.0) < value(1.0, 1.0) - 0.01


def test_all_draws_bear_one_label_and_the_scale_multiplies_them():
    seen = []

    def gradient(logits, labels):
        seen.append((logits, labels))
        return logits

    settings = {"classes": 5, "draws": 30, "scale": 3.0}
    found = logit_alignment(gradient, **settings, generator=stream(0, "logits"))
    (logits, labels), normal = seen[0], stream(0, "logits").standard_normal((30, 5))
    torch.testing.assert_close(logits, 3 * torch.from_numpy(normal))
    assert labels.unique().numel() == 1
    torch.testing.assert_close(found, alignment(logits))
    other = logit_alignment(gradient, **settings, generator=stream(1, "logits"))
    assert found != other and found.dtype == torch.float64
    dead = {**settings, "generator": stream(0, "logits")}
    assert logit_alignment(lambda z, _: 0 * z, **dead).isnan()
