"""The scale `paper`: the papers' settings, also on data that everyone can have."""

import csv
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from helpers.chapters.book import Edition
from helpers.chapters.cells import read_notebook, read_parameters
from helpers.chapters.editions import edition_values, source_path, variants
from helpers.chapters.plans import plan_edition
from helpers.errors import Mistake

ROOT = Path(__file__).resolve().parents[1]
CIFAR, TINY = "folder:cifar10-jpeg", "folder:tiny-imagenet-100-32"
SHAPE = "same_shape"

# Stated in the papers or their public code: widths, optimisers' rates, batches, stops.
PLAIN = {"learning_rate": 0.01, "batch_size": 256}  # paper A: SGD, no momentum
SCALES = [0.001, 0.01, 0.1, 1.0, 10.0]
ADAM = {"learning_rate": 1e-4, "batch_size": 1024, "stop_accuracy": 0.99}  # paper B
NOISY = {"permuted_fraction": 0.5}
STATED = {
    "extreme_memorization": {
        **PLAIN,
        **{"sigmas": SCALES, "width": 1024, "deep_width": 1024, "sigmoid_width": 2048},
    },
    "relu_loss_scaling": {
        **PLAIN,
        **{"sigmas": SCALES, "width": 1024, "squared_width": 2048, "deep_width": 1024},
        **{"squared_learning_rate": 0.01, "deep_learning_rate": 0.01},
    },
    "alignment_comparison": {
        **PLAIN,
        **{"sigmas": SCALES, "width": 1024, "picture_width": 1024},
        **{"picture_learning_rate": 0.01, "deep": ["resnet50", "densenet121"]},
    },
    "mftma_layers": {
        **ADAM,
        **NOISY,
        **{"model": "vgg16", "width": 64, "depth": 16, "class_examples": 50},
        **{"sphere_classes": 100, "sphere_dimension": 30, "sphere_features": 1024},
        **{"sphere_width": 1024, "sphere_learning_rate": 1e-4},
        **{"sphere_batch_size": 1024},
    },
    "rewinding": {
        **NOISY,
        **{"models": ["vgg16", "resnet", "alexnet"], "widths": [64, 64, 64]},
        **{"depths": [16, 18, 6], "learning_rates": [1e-4] * 3},
        **{"batch_size": 1024, "other_batch_size": 1024},
    },
    "double_descent": {**ADAM, "model": "resnet", "depth": 18, "noise": 0.1},
    "identity_single_example": {
        **{
            "dataset": "mnist",
            "canvas": 28,
            "channels": 128,
            "fcn_widths": [784, 2048],
        },
        **{"two_layer_widths": [2048, 16384], "kernels": [5, 9, 15, 29, 57]},
        **{"widths": [3, 8, 32, 128, 1024]},
    },
}
DATA = {
    **dict.fromkeys(("extreme_memorization", "relu_loss_scaling"), CIFAR),
    **dict.fromkeys(("alignment_comparison", "double_descent"), CIFAR),
    **dict.fromkeys(("mftma_layers", "rewinding"), TINY),
}
SMALL = {  # spheres and manifolds that are there in a moment
    **{"sphere_classes": 4, "sphere_dimension": 2, "sphere_features": 8},
    **{"sphere_examples": 40, "sphere_points": 8, "share_examples": 40},
    **{"class_examples": 2, "simulated_examples": 2},
}


def settings(edition):
    """All parameters of an edition."""
    notebook = read_notebook(source_path(ROOT, edition.chapter))
    known = read_parameters(notebook, edition.chapter)
    defaults = {name: parameter.default for name, parameter in known.items()}
    return defaults | edition_values(ROOT, edition)


@pytest.mark.parametrize("variant", ["main", SHAPE])
@pytest.mark.parametrize("chapter", STATED)
def test_it_has_the_settings_that_the_papers_state(chapter, variant):
    found = settings(Edition(chapter, "paper", variant))
    assert found | STATED[chapter] == found


@pytest.mark.parametrize("chapter", DATA)
def test_its_data_have_the_shape_of_the_papers(chapter):
    found = settings(Edition(chapter, "paper", SHAPE))
    assert found["dataset"] == DATA[chapter]
    for limit in ("train_examples", "test_examples"):
        assert found.get(limit, 0) == 0  # all of them
    main = settings(Edition(chapter, "paper", "main"))
    assert main["dataset"] in ("cifar10", "cifar100")  # for whoever has them


@pytest.mark.parametrize("scale", ["smoke", "laptop", "workstation"])
def test_no_other_scale_has_such_a_variant(scale):
    assert all(SHAPE not in variants(ROOT, scale, chapter) for chapter in STATED)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A hundred classes of 32 × 32 × 3, by the name of the data set that travels."""
    monkeypatch.setenv("MEMORIZATION_DATA", str(tmp_path))
    folder = tmp_path / TINY.removeprefix("folder:")
    folder.mkdir()
    random = np.random.default_rng(0)
    for split, count in (("train", 3000), ("test", 500)):
        images = random.integers(256, size=(count, 32, 32, 3), dtype=np.uint8)
        np.savez(folder / f"{split}.npz", images=images, labels=np.arange(count) % 100)


def plan(chapter, variant, **custom):
    with matplotlib.rc_context():  # the chapter draws in the book's style
        return plan_edition(ROOT, Edition(chapter, "paper", variant), custom)


def test_rewinding_trains_nothing_that_the_manifolds_have_trained(tiny):
    beside = {
        name: set(plan("mftma_layers", name, **SMALL).runs)
        for name in (SHAPE, f"{SHAPE}_alexnet", f"{SHAPE}_resnet")
    }
    rewound = plan("rewinding", SHAPE).runs
    shared = {
        name: [run for run in rewound if run in runs] for name, runs in beside.items()
    }
    assert [len(runs) for runs in shared.values()] == [3, 2, 2]
    assert sum(map(len, shared.values())) == len(rewound)
    for run in shared[SHAPE]:
        assert (run.model, run.width, run.optimizer) == ("vgg16", 64, "adam")
        assert (run.precision, run.permuted_fraction) == ("bfloat16", 0.5)


def test_data_that_are_missing_are_named_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMORIZATION_DATA", str(tmp_path / "none"))
    with pytest.raises(Mistake) as told:
        plan("rewinding", SHAPE)
    assert f"data set {TINY} is not there" in str(told.value)
    assert "\n" not in str(told.value)


# The table of the page "On a GPU"


def pieces():
    with (ROOT / "book" / "_data" / "gpu_pieces.csv").open() as file:
        rows = list(csv.DictReader(file))
    both = (row["chapter and variant"].split() for row in rows)
    return [
        row | {"chapter": chapter, "variant": variant}
        for row, (chapter, variant) in zip(rows, both, strict=True)
    ]


IDENTITY = {"dataset": "digits", "other_dataset": "", "classifier_images": 300}
OWN = {"identity_single_example": IDENTITY, "mftma_layers": SMALL}


@pytest.fixture
def photographs(tiny, tmp_path):
    """Ten classes of 32 × 32 × 3, beside a hundred."""
    folder = tmp_path / CIFAR.removeprefix("folder:")
    folder.mkdir()
    random = np.random.default_rng(0)
    for split, count in (("train", 700), ("test", 520)):
        images = random.integers(256, size=(count, 32, 32, 3), dtype=np.uint8)
        np.savez(folder / f"{split}.npz", images=images, labels=np.arange(count) % 10)


def test_the_page_counts_the_networks_that_are_planned(photographs):
    rows = [row for row in pieces() if row["variant"] == SHAPE]
    told = {row["chapter"]: int(row["networks"]) for row in rows}
    found = {
        chapter: len(plan(chapter, SHAPE, **OWN.get(chapter, {})).runs)
        for chapter in told
    }
    assert told == found


def test_the_page_names_every_variant_of_the_same_shape():
    named = sorted((row["chapter"], row["variant"]) for row in pieces())
    there = [(c, v) for c in STATED for v in variants(ROOT, "paper", c)]
    assert named == sorted(pair for pair in there if pair[1].startswith(SHAPE))
