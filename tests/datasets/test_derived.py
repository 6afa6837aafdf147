"""CIFAR-10 after a lossy JPEG, made here."""

import numpy as np
import pytest
import torch

import helpers.datasets
from helpers.__main__ import main
from helpers.datasets import derived, load
from helpers.datasets.contents import Dataset


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMORIZATION_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def cifar(monkeypatch):
    """A small data set in CIFAR-10's place, sorted by class; calls for it are noted."""
    ramp = torch.arange(32, dtype=torch.uint8).mul(7).expand(12, 3, 32, 32)
    labels = torch.arange(12) // 4
    images = ramp + 20 * labels.to(torch.uint8)[:, None, None, None]
    images = images + torch.arange(12, dtype=torch.uint8)[:, None, None, None]
    data = Dataset("cifar10", images, labels, images, labels, classes=3)
    asked = []

    def small(name, **limits):
        asked.append(name)
        return data if name == "cifar10" else load(name, **limits)

    monkeypatch.setattr(helpers.datasets, "load", small)
    return data, asked


def test_it_is_made_once_and_says_its_digest(cifar, root, capsys):
    data, asked = cifar
    for _ in range(2):
        assert main(["fetch", "cifar10-jpeg"]) == 0
    made = load("folder:cifar10-jpeg")
    said = f"cifar10-jpeg: ready, digest {made.digest}\n"
    assert capsys.readouterr().out == 2 * said
    assert asked.count("cifar10") == 1
    assert made.train_labels.tolist() == 4 * [0, 1, 2]
    order = [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]
    gaps = made.train_images.double() - data.train_images[order].double()
    assert 0 < gaps.abs().mean() < 4  # lossy, and the same images


def test_the_order_alternates_over_classes_of_any_sizes():
    labels = np.array([2, 2, 0, 2, 1, 0])
    assert derived.alternating(labels).tolist() == [2, 4, 0, 5, 1, 3]
