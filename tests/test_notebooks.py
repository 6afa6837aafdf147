"""Every chapter's source: stored clean, tagged, captioned, short, and honest."""

import ast
import re
import shlex
from pathlib import Path

import matplotlib
import nbformat
import pytest

from helpers.chapters.book import Edition
from helpers.chapters.cells import read_notebook, read_parameters
from helpers.chapters.editions import MAIN, chapters, variants
from helpers.chapters.plans import check_values, plan_edition
from helpers.claims.registry import SCALES, load_registry

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [ROOT / "notebooks" / f"{chapter}.ipynb" for chapter in chapters(ROOT)]
DATA_BOUND = re.compile(r"(?<![\w$\\{^_.-])\d+(\.\d+)?\s?%")  # a measured share, typed

pytestmark = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)


def code_cells(path):
    return [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]


def prose(path):
    cells = nbformat.read(path, 4).cells
    return "\n".join(c.source for c in cells if c.cell_type == "markdown")


def test_sources_are_stored_without_outputs(path):
    assert all(not c.outputs and c.execution_count is None for c in code_cells(path))


def test_the_three_declaring_cells_are_there(path):
    tags = {tag for c in code_cells(path) for tag in c.metadata.get("tags", [])}
    assert {"parameters", "imports", "study"} <= tags


def test_every_parameter_has_a_range_in_which_each_scale_stays(path):
    known = read_parameters(read_notebook(path), path.stem)
    assert all(parameter.range for parameter in known.values())
    for scale in SCALES:
        for variant in variants(ROOT, scale, path.stem):
            check_values(ROOT, Edition(path.stem, scale, variant), {})


def test_cells_are_short_and_define_at_most_one_function(path):
    functions = 0
    for cell in code_cells(path):
        # papermill takes one cell of parameters, each of which is a line or two.
        most = 45 if "parameters" in cell.metadata.get("tags", []) else 20
        assert len(cell.source.splitlines()) <= most, cell.source[:60]
        nodes = list(ast.walk(ast.parse(cell.source)))
        loops = (ast.ClassDef, ast.For, ast.While)
        assert not any(isinstance(node, loops) for node in nodes), cell.source[:60]
        functions += sum(isinstance(node, ast.FunctionDef) for node in nodes)
        assert "plt." not in cell.source
    assert functions <= 1


def test_every_figure_has_a_caption_and_an_alt_text(path):
    for cell in code_cells(path):
        if re.search(r"\bfigures\.(?!use_style|axes|THEORY)", cell.source):
            shown = cell.metadata["mystnb"]
            assert shown["figure"]["caption"] and shown["figure"]["name"]
            assert len(shown["image"]["alt"]) > 40


OUTCOMES = re.compile(
    r"\b(rises?|falls?|falling|drops?|dips?|grows|recovers?|saturates?|crosses earlier"
    r"|higher|near (one|zero)|noise|repeats?|looks? like|alike|the same as|badly"
    r"|far below|at or (above|below)|more slowly|everywhere)\b"
)


def test_no_alt_text_or_caption_claims_an_outcome(path):
    """What is seen is told by the figure itself, from the numbers drawn."""
    shown = [c.metadata.get("mystnb", {}) for c in code_cells(path)]
    texts = [some["image"]["alt"] for some in shown if some]
    texts += [some["figure"]["caption"] for some in shown if some]
    assert [text for text in texts if OUTCOMES.search(text)] == []


def figure_names(path):
    shown = [c.metadata.get("mystnb", {}).get("figure") for c in code_cells(path)]
    return [figure["name"] for figure in shown if figure]


def test_no_other_figure_of_the_book_has_the_name_of_one_of_its_own(path):
    names = [name for source in SOURCES for name in figure_names(source)]
    assert figure_names(path)
    assert [name for name in figure_names(path) if names.count(name) > 1] == []


@pytest.mark.parametrize("scale", ["smoke", "laptop"])
def test_its_studies_can_be_declared_before_anything_is_trained(path, scale):
    with matplotlib.rc_context():  # the chapter draws in the book's style
        plan = plan_edition(ROOT, Edition(path.stem, scale, MAIN))
    assert plan.unfinished == plan.runs != []


def test_no_measured_share_is_typed_into_prose(path):
    assert not DATA_BOUND.findall(prose(path))


def test_it_opens_with_a_question_and_ends_with_verdicts_differences_exercises(path):
    cells = nbformat.read(path, 4).cells
    assert re.match(r"# .+\?\n", cells[0].source)
    assert cells[-3].source.strip() == "verdicts.table()"
    assert cells[-2].source.startswith("## What differs from the paper")
    assert cells[-1].source.startswith("## Exercises")


def test_its_exercises_can_be_run_as_they_are_written(path):
    exercises = nbformat.read(path, 4).cells[-1].source
    line = r"^ +\.venv/bin/python -m helpers (.+)$"
    commands = re.findall(line, exercises, re.MULTILINE)
    assert len(commands) == 2 == exercises.count("<details>")
    for command in commands:
        run, chapter, *given = shlex.split(command)
        assert (run, chapter, given[::3]) == (
            "run",
            path.stem,
            ["-p"] * (len(given) // 3),
        )
        values = dict(zip(given[1::3], given[2::3], strict=True))
        checked = check_values(ROOT, Edition(chapter, "laptop", MAIN), values)
        known = read_parameters(read_notebook(path), path.stem)
        assert all(checked[name] != known[name].default for name in values)


def test_it_asks_networks_through_what_is_kept_of_them_alone(path):
    """Else it could not be executed again without weights."""
    called = {
        node.attr
        for cell in code_cells(path)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Attribute)
    }
    assert not called & {"snapshot", "weights", "outputs", "forward"}


def test_every_claim_of_the_chapter_is_judged_in_it(path):
    source = "\n".join(c.source for c in code_cells(path))
    judged = re.findall(r'verdicts\.judge\(\s*"([^"]+)"', source)
    registered = load_registry().values()
    expected = {c.id for c in registered if c.chapter == path.stem}
    assert set(judged) == expected and len(judged) == len(expected)
