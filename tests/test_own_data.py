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
IDENTITY = "identity_single_example"
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


ALL = {"train_examples": 0}


@pytest.mark.parametrize(
    ("chapter", "shape", "train", "test", "values", "words"),
    [
        ("alignment_comparison", (3, 5), 400, 220, {}, "images of 3 x 5 are too small"),
        (
            *("mftma_layers", (9, 12), 4, 20, ALL),
            "and a manifold needs 2 of each",
        ),
        (
            *("double_descent", (9, 12), 20, 20, ALL | {"test_examples": 2}),
            "a class has 1 of the examples in the set 'test'",
        ),
        (IDENTITY, (9, 12), 60, 40, {}, "100 training images to read"),
        (IDENTITY, (9, 12), 200, 12, {}, "a figure takes 11"),
        (
            "rewinding",
            (2, 2),
            129,
            220,
            ALL,
            "batch_size = 32: must not divide",
        ),
    ],
)
def test_what_a_chapter_cannot_serve_is_refused_by_a_plan(
    tmp_path, chapter, shape, train, test, values, words
):
    data = write_folder(tmp_path / "mine", 2, shape, train=train, test=test)
    given = parameters(chapter, data) | values
    with pytest.raises(Mistake) as told:
        plan_edition(ROOT, Edition(chapter, "smoke", MAIN), given)
    assert words in str(told.value) and "\n" not in str(told.value)
