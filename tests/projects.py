"""Small projects to run chapters in: a root, notebooks and scales.yaml."""

import nbformat
import nbformat.v4 as v4
import yaml

from helpers.chapters.book import Edition
from helpers.chapters.editions import copy_path
from helpers.claims.registry import load_registry

PARAMETERS = """\
dataset: str = "digits"  # text; name of the data set
seeds: int = 2  # 1..1000; networks per scale
scales: list[float] = [0.1, 1.0]  # 1+ of >0..1000; sigma
rate: float = 0.1  # >0..1000; of SGD
limit: float | None = None  # 0..1000; seconds
shuffled: bool = False
"""
IMPORTS = """\
from helpers import datasets
from helpers.runs import Run, Study
from helpers.training import train
"""
STUDY = """\
data = datasets.load(dataset, train_examples=160, test_examples=60)
base = Run(width=16, batch_size=32, learning_rate=rate, epochs=2)
studies = {"sin": Study(data, base, {"init_scale": scales, "seed": range(seeds)})}
"""
TRAINING = """\
histories = train(studies["sin"])
print(len(histories), "networks")
"""
FIGURE = """\
from matplotlib import pyplot
pyplot.plot(histories.curve("train_accuracy")[1].T);
"""
ALT = {"mystnb": {"image": {"alt": "Training accuracy over the epochs."}}}


def code(source, *tags, **metadata):
    """A code cell without outputs."""
    return v4.new_code_cell(source, metadata={"tags": list(tags), **metadata})


def chapter(*cells, parameters=PARAMETERS, imports=IMPORTS, study=STUDY):
    """A chapter's notebook: a title, the three cells that declare, and others."""
    declaring = [
        code(parameters, "parameters"),
        code(imports, "imports"),
        code(study, "study"),
    ]
    title = v4.new_markdown_cell("# A question?")
    return v4.new_notebook(cells=[title, *declaring, *cells])


def quick_chapter(*sources):
    """A chapter that declares no runs and whose kernel imports nothing slow."""
    cells = [code(source) for source in sources]
    declared = {"parameters": "x: int = 1  # 0..1000; any", "study": "s = []"}
    return chapter(*cells, imports="import os", **declared)


def make_project(root, notebooks, scales=None):
    """A project of notebooks, all of them at scale smoke unless scales are given."""
    (root / "notebooks").mkdir(parents=True)
    (root / "_config.yml").write_text("title: a test\n")
    for name, notebook in notebooks.items():
        nbformat.write(notebook, root / "notebooks" / f"{name}.ipynb")
    scales = scales or {"smoke": {name: {"main": {}} for name in notebooks}}
    (root / "notebooks" / "scales.yaml").write_text(yaml.safe_dump(scales))
    return root


def executed(notebook, *outputs):
    """A hand-made copy that the gate lets in; the last cell has the outputs."""
    copy = nbformat.from_dict(notebook)
    copy.metadata["memorization"] = {"exit_status": 0}
    copy.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    cells = [cell for cell in copy.cells if cell.cell_type == "code"]
    for count, cell in enumerate(cells, start=1):
        cell.execution_count = count
    cells[-1].outputs = list(outputs)
    return copy


def write_copy(root, name, notebook, *, scale="smoke", variant="main"):
    """Put a copy into the book; returns its path."""
    path = copy_path(root, Edition(name, scale, variant))
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def verdict(**changed):
    """A verdict's record as executed copies hold it."""
    numbers = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 5}
    first = next(iter(load_registry()))
    return {"id": first, "verdict": "undecided", **numbers, "parts": [], **changed}
