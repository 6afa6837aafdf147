"""Kernel machines beside a run: those of the metrics, computed once."""

import numpy as np
import pytest
import torch

from helpers.metrics import kernels
from helpers.papers.scale import machines
from helpers.runs import Run
from helpers.streams import stream

SCALES, WIDTHS = [0.01, 1.0], [8, 32]


@pytest.fixture
def images():
    """Known ones and others of two classes that a line tells apart, with labels."""
    points = torch.randn(40, 6)
    labels = (points[:, 0] > 0).long()
    return (points[:30], labels[:30]), (points[30:], labels[30:])


@pytest.fixture
def run():
    return Run(dataset="digits", digest="0" * 64)


def asked_once(monkeypatch, ask):
    """What is answered, asked twice, and the second time without computing."""
    found = ask()
    for name in ("kernel_machine_accuracy", "random_feature_accuracy"):
        monkeypatch.setattr(kernels, name, None)
    np.testing.assert_array_equal(ask(), found)
    return found


def test_kernel_machines_are_kept_beside_a_run(images, run, monkeypatch):
    known, test = images
    how = {"classes": 2, "test": test}
    each = [kernels.kernel_machine_accuracy(known, scale=s, **how) for s in SCALES]

    def ask():
        return machines.machine_accuracies(known, test, SCALES, classes=2, beside=run)

    assert asked_once(monkeypatch, ask).tolist() == each
    with pytest.raises(TypeError):  # other images, and so another question
        machines.machine_accuracies(test, test, SCALES, classes=2, beside=run)


def test_another_ridge_and_single_precision_are_other_machines(
    images, run, monkeypatch
):
    known, test = images
    how = {"classes": 2, "beside": run}
    machines.machine_accuracies(known, test, SCALES, **how)
    monkeypatch.setattr(kernels, "kernel_machine_accuracy", lambda *_, **how: how)
    for kind in ({"ridge": 1e-6}, {"single": True}):
        with pytest.raises(TypeError):  # asked anew
            machines.machine_accuracies(known, test, SCALES, **how, **kind)


def test_random_features_are_kept_for_every_seed_and_width(images, run, monkeypatch):
    known, test = images
    how = {"classes": 2, "scale": 1.0}
    each = [
        [
            kernels.random_feature_accuracy(
                known,
                test=test,
                width=width,
                generator=stream(seed, "random features", width),
                **how,
            )
            for width in WIDTHS
        ]
        for seed in range(3)
    ]

    def ask():
        return machines.feature_accuracies(
            known, test, WIDTHS, seeds=range(3), beside=run, **how
        )

    assert asked_once(monkeypatch, ask).tolist() == each
