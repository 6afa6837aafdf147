"""A small project to break: three tiny chapters, and the real book around them."""

import shutil
from pathlib import Path

import nbformat
import nbformat.v4 as v4
import yaml

SOURCE = Path(__file__).resolve().parents[2]
SCALE = "smoke"
MADE = ("chapters", "_toc.yml", "scorecard.md", "*.partial*", "__pycache__")

IMPORTS = """\
import numpy as np

from helpers import datasets, figures
from helpers.runs.kept import kept
from helpers.runs import IdentityRun
from helpers.runs import Run, Study
from helpers.runs.store import RunFolder
from helpers.training import train_all

figures.use_style()
"""
TRAIN = """\
found = train_all(studies)
every = [histories for histories in found.values()]
for name, histories in found.items():
    print(name, "-", len(histories), "networks, epochs:", histories.lengths().tolist())
"""
# Kept beside every run, as the chapters on geometry and rewinding do.
MEASURE = """\
def norm(folder):
    weights = folder.snapshot(folder.snapshot_epochs()[-1])
    return {"norm": np.array([float(w.norm()) for _, w in sorted(weights.items())])}


folders = [RunFolder(run) for histories in every for run in histories.runs]
norms = [kept(each, "norm", {}, lambda: norm(each))["norm"] for each in folders]
print([f"{value[0]:.3f}" for value in norms])
"""
FIGURE = """\
axis = figures.axes(1)
for values in norms:
    axis.plot(values)
axis.set_xlabel("weight");
"""
# Sine networks in one stack: two ways to start, which end at different epochs.
CLASSIFIERS = """\
data = datasets.load("digits", train_examples=160, test_examples=60)
base = Run(
    width=32,
    batch_size=16,
    learning_rate=0.5,
    epochs=epochs,
    stop_accuracy=0.9,
    measures=("alignment",),
    snapshots=(0, 3, 17),
)
grid = {"init_scale": [0.01, 1.0], "seed": range(seeds)}
studies = {"sine": Study(data, base, grid)}
"""
# Networks that cannot be stacked, with Adam's moments and the best epoch to keep.
PICTURES = """\
data = datasets.load("digits", train_examples=120, test_examples=60)
base = Run(
    model="resnet",
    depth=10,
    width=2,
    activation="relu",
    init_scale=None,
    optimizer="adam",
    learning_rate=0.003,
    batch_size=32,
    epochs=epochs,
    permuted_fraction=0.2,
    keep_best=True,
    snapshots=(0, 4),
)
shape = {("model", "depth", "width"): [("resnet", 10, 2), ("convnet", 4, 8)]}
studies = {"both": Study(data, base, {**shape, "seed": range(seeds)})}
"""
IDENTITY = """\
data = datasets.load("digits", train_examples=160, test_examples=60)
base = IdentityRun(canvas=8, width=8, depth=3, steps=epochs, stop_error=0.002)
dense = {"model": "identity_fcn", "width": 64, "optimizer": "adam"}
studies = {
    "convolutional": Study(data, base, {"seed": range(seeds)}),
    "dense": Study(
        data, IdentityRun(**{**vars(base), **dense, "learning_rate": 0.001}),
        {"example": range(seeds)},
    ),
}
"""
CHAPTERS = {"classifiers": CLASSIFIERS, "pictures": PICTURES, "identity": IDENTITY}
SEEDS = {"classifiers": 5, "pictures": 2, "identity": 5}
EPOCHS = {"classifiers": 150, "pictures": 8, "identity": 400}
PARAMETERS = """\
seeds: int = {seeds}  # 1..100; networks of each setting
epochs: int = {epochs}  # 1..100000; at most
"""
# One that trains nothing and whose kernel is there at once, for failing writes.
QUICK = "quick"
ALT = {"mystnb": {"image": {"alt": "Norms of the weights of every network."}}}


def code(source: str, *tags: str, **metadata) -> nbformat.NotebookNode:
    """A code cell without outputs."""
    source = source.strip("\n")
    return v4.new_code_cell(source, metadata={"tags": list(tags), **metadata})


def chapter(name: str) -> nbformat.NotebookNode:
    """A chapter that trains, measures what it trained and draws it."""
    settings = PARAMETERS.format(seeds=SEEDS[name], epochs=EPOCHS[name])
    return v4.new_notebook(
        cells=[
            v4.new_markdown_cell(f"# What becomes of {name}?"),
            code(settings, "parameters"),
            code(IMPORTS, "imports"),
            code(CHAPTERS[name], "study"),
            code(TRAIN),
            code(MEASURE),
            code(FIGURE, **ALT),
        ]
    )


def quick_chapter() -> nbformat.NotebookNode:
    """A chapter without runs whose kernel imports nothing slow."""
    cells = [
        v4.new_markdown_cell("# What becomes of nothing?"),
        code("number: int = 1  # 1..9; anything", "parameters"),
        code("import os", "imports"),
        code("studies = []", "study"),
        code("print(number)"),
    ]
    return v4.new_notebook(cells=cells)


def make_project(root: Path) -> Path:
    """A project with the chapters above, and the book's own pages around them."""
    book = shutil.ignore_patterns(*MADE)
    shutil.copytree(SOURCE / "book", root / "book", ignore=book)
    shutil.copy(SOURCE / "_config.yml", root)
    notebooks = {name: chapter(name) for name in CHAPTERS}
    (root / "notebooks").mkdir()
    for name, notebook in (notebooks | {QUICK: quick_chapter()}).items():
        for number, cell in enumerate(notebook.cells):
            cell.id = f"{name}-{number}"  # by default drawn at random
        nbformat.write(notebook, root / "notebooks" / f"{name}.ipynb")
    scales = {SCALE: {name: {"main": {}} for name in (*notebooks, QUICK)}}
    (root / "notebooks" / "scales.yaml").write_text(yaml.safe_dump(scales))
    return root
