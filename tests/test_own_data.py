"""Every chapter on data of one's own that has the least that README asks for.

They take minutes, so `pytest` alone leaves them out: `pytest -m chapters` runs them.
"""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest

from helpers.chapters.book import Edition
from helpers.chapters.editions import MAIN
from helpers.chapters.plans import plan_edition
from helpers.claims.verdicts import MIME_TYPE, WEAKEST_FIRST
from helpers.errors import Mistake

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
DATA_SETS = ("dataset", "other_dataset", "picture_dataset", "other_datasets")
# No names of the classes, sorted by class, as many images as the smoke scale takes.
FOLDERS = {"grey": (2, (9, 12)), "colour": (3, (10, 10, 3))}


def write_folder(folder, classes, shape, *, train=400, test=220):
    """Noisy images of each class's own picture, without names, sorted by class."""
    random = np.random.default_rng(0)
    pictures = random.integers(256, size=(classes, *shape))
    folder.mkdir()
    for split, count in (("train", train), ("test", test)):
        labels = np.sort(np.arange(count) % classes)
        noise = random.integers(256, size=(count, *shape))
        images = (0.4 * pictures[labels] + 0.6 * noise).astype(np.uint8)
        np.savez(folder / f"{split}.npz", images=images, labels=labels)
    return f"folder:{folder}"


@pytest.fixture(scope="module", params=FOLDERS)
def own(request, tmp_path_factory):
    """A data set of one's own, by its name."""
    classes, shape = FOLDERS[request.param]
    return write_folder(tmp_path_factory.mktemp("own") / request.param, classes, shape)


def parameters(chapter, data):
    """The parameters of a chapter that name a data set, all of them this one."""
    cells = nbformat.read(ROOT / "notebooks" / f"{chapter}.ipynb", 4).cells
    [cell] = [c for c in cells if "parameters" in c.metadata.get("tags", [])]
    known = {line.partition(":")[0] for line in cell.source.splitlines()}
    values = {name: data for name in DATA_SETS if name in known}
    return values | ({"other_datasets": [data]} if "other_datasets" in values else {})


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_can_be_planned_on_the_least_that_is_asked_for(chapter, own):
    edition = Edition(chapter, "smoke", MAIN)
    assert plan_edition(ROOT, edition, parameters(chapter, own)).runs


@pytest.mark.chapters
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_runs_to_its_end_on_the_least_that_is_asked_for(chapter, own):
    edition, chosen = Edition(chapter, "smoke", MAIN), parameters(chapter, own)
    command = [sys.executable, "-m", "helpers", "run", chapter, "--scale", "smoke"]
    for name, value in chosen.items():
        text = value if isinstance(value, str) else json.dumps(value)
        command += ["-p", name, text]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    copy = nbformat.read(plan_edition(ROOT, edition, chosen).target, 4)
    outputs = [out for c in copy.cells for out in c.get("outputs", [])]
    [table] = [
        out.data[MIME_TYPE] for out in outputs if MIME_TYPE in out.get("data", {})
    ]
    assert {record["verdict"] for record in table} <= set(WEAKEST_FIRST)
    json.dumps(table, allow_nan=False)


# What a chapter cannot serve is told before anything is trained


def refusal(chapter, data, **values):
    with pytest.raises(Mistake) as told:
        plan_edition(
            ROOT, Edition(chapter, "smoke", MAIN), parameters(chapter, data) | values
        )
    assert "\n" not in str(told.value)
    return str(told.value)


def test_too_small_images_are_refused_by_a_plan(tmp_path):
    data = write_folder(tmp_path / "tiny", 2, (3, 5))
    assert "images of 3 x 5 are too small" in refusal("alignment_comparison", data)


def test_too_few_examples_of_a_class_are_refused_by_a_plan(tmp_path):
    data = write_folder(tmp_path / "few", 2, (9, 12), train=20, test=20)
    told = refusal("mftma_layers", data, train_examples=0, class_examples=9)
    assert "examples in the set" in told and "lower the examples per class" in told
    told = refusal("double_descent", data, train_examples=0, test_examples=8)
    assert "in the set 'test', 6 are asked for" in told


def test_too_few_images_to_read_from_are_refused_by_a_plan(tmp_path):
    data = write_folder(tmp_path / "few", 2, (9, 12), train=60, test=40)
    assert "100 training images to read" in refusal("identity_single_example", data)
    told = refusal("identity_single_example", data, classifier_images=[50, 60])
    assert told.startswith("test_examples is 60: folder:few has 40")


def test_too_few_test_images_for_a_panel_are_refused_by_a_plan(tmp_path):
    data = write_folder(tmp_path / "few", 2, (9, 12), train=200, test=12)
    assert "a figure takes 11" in refusal("identity_single_example", data)


def test_a_last_batch_of_one_is_refused_by_a_plan(tmp_path):
    data = write_folder(tmp_path / "odd", 2, (2, 2), train=129)
    told = refusal("double_descent", data, train_examples=0)
    assert told.startswith("batch_size = 64: must not divide 128")
