"""Parameters: read with type and unit, checked before anything is trained."""

import pytest
from projects import IMPORTS, chapter, code

from helpers.chapters.cells import read_parameters
from helpers.chapters.parameters import check_parameters, convert
from helpers.chapters.studies import all_runs, evaluate_chapter, find_studies
from helpers.errors import Failure, Mistake


@pytest.fixture(scope="module")
def known():
    return read_parameters(chapter(), "sample")


def check(known, **values):
    return check_parameters(known, values, chapter="sample")


def test_parameters_are_read_with_type_default_and_unit(known):
    assert list(known) == ["dataset", "seeds", "scales", "rate", "limit", "shuffled"]
    assert known["scales"].type == list[float]
    assert known["scales"].default == [0.1, 1.0]
    assert known["seeds"].comment == "networks per scale"
    assert known["shuffled"].comment == ""


def test_a_comment_belongs_to_the_line_it_ends():
    source = """\
# above
a: str = "# no"  # text; its own
b: list[int] = [
  1,  # in
]  # 1+ of 0..9; at
c: int = 1
# 0..9; below,
# and on

# apart
d: bool = True
"""
    read = read_parameters(chapter(parameters=source), "sample")
    assert [p.comment for p in read.values()] == ["its own", "at", "below, and on", ""]


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("x = 1", "`x = 1` is not of the form"),
        ("x: int", "`x: int` is not of the form"),
        ("import os", "`import os` is not of the form"),
        ("x: tuple[int] = (1,)", "type tuple"),
        ("x: list[bytes] = []", "type list"),
        ("x: Path = 1", "Path"),
        ("x: int = 1 +", "SyntaxError"),
    ],
)
def test_a_line_that_is_no_parameter_is_named(source, complaint):
    with pytest.raises(Failure, match="sample, cell tagged 'parameters'") as caught:
        read_parameters(chapter(parameters=source), "sample")
    assert complaint in str(caught.value)


def test_a_chapter_has_one_cell_of_parameters():
    with pytest.raises(Failure, match="2 cells tagged 'parameters'"):
        read_parameters(chapter(code("y: int = 1", "parameters")), "sample")


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {"seed": 3},
            "unknown parameter of sample: 'seed'; did you mean seeds? "
            "allowed: dataset, seeds, scales, rate, limit, shuffled",
        ),
        (
            {"seeds": "many"},
            "parameter seeds = many of sample: must be a whole number from 1 to 1,000 "
            "(networks per scale)",
        ),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(known, values, line):
    with pytest.raises(Mistake) as caught:
        check(known, **values)
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("value", "kind", "meant"),
    [
        ("3", int, 3),
        ("1e-3", float, 0.001),
        (2, float, 2.0),
        ("true", bool, True),
        ("False", bool, False),
        ("12", str, "12"),
        ("[0.1, 1, 1e-3]", list[float], [0.1, 1.0, 0.001]),
        ([1, "2"], list[int], [1, 2]),
        ("[a, 1]", list, ["a", 1]),
        ("none", float | None, None),
        ("0.5", float | None, 0.5),
        ("none", str | None, None),
        ("{a: 1}", dict[str, float], {"a": 1.0}),
        ("[]", list[int], []),
    ],
)
def test_what_text_and_yaml_spell_is_understood(value, kind, meant):
    read = convert(value, kind)
    assert read == meant
    assert type(read) is type(meant)


def test_what_is_of_another_type_is_refused(known):
    for value, kind in [
        *(("3.0", int), (3.0, int), (True, int), (True, float), ("yes", bool)),
        *((1, bool), (12, str), ("0.1", list[float]), ("[0.1", list[float])),
        *(("[x]", list[float]), (None, float), ("many", float | None), ("[1]", dict)),
    ]:
        number = known["rate"]._replace(type=kind, range=None)
        with pytest.raises(Mistake, match="must be"):
            check({"rate": number}, rate=value)


def evaluate(tmp_path, notebook=None, **values):
    return evaluate_chapter(notebook or chapter(), values, root=tmp_path)


def test_the_runs_of_a_chapter_are_listed_without_training_any(tmp_path, results):
    notebook = chapter(code("raise SystemExit"))  # beyond the three cells
    names = evaluate(tmp_path, notebook, scales=[0.5], seeds=3)
    runs = all_runs(find_studies(names))
    assert [(run.init_scale, run.seed) for run in runs] == [(0.5, s) for s in range(3)]
    assert not results.exists()


def test_studies_are_found_wherever_they_are_kept_and_each_once(study_of):
    one, two, three = (study_of(width=width) for width in (8, 16, 24))
    kept = {"a": one, "b": {"x": [two, (three,)]}, "c": one, "d": "text"}
    assert find_studies(kept | {"_e": study_of()}) == [one, two, three]
    assert len(all_runs([one, one, two])) == 8


def test_a_cell_that_cannot_be_evaluated_is_named(tmp_path):
    with pytest.raises(Mistake, match=r"learning_rate = -1.0"):
        evaluate(tmp_path, rate=-1.0)
    broken = chapter(study="# the runs\nstudy = absent")
    with pytest.raises(Failure, match=r"cell 4 \(`study = absent`\): NameError"):
        evaluate(tmp_path, broken)
    untagged = chapter()
    untagged.cells[-1].metadata.tags = []
    with pytest.raises(Failure, match="no cell is tagged 'study'"):
        evaluate(tmp_path, untagged)


def test_cells_are_evaluated_in_the_projects_root(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    notebook = chapter(imports=IMPORTS + "import os\nhere = os.getcwd()")
    assert evaluate(tmp_path, notebook)["here"] == str(tmp_path)
