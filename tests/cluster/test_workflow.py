"""What lies beside the jobs: the comparison, the makespan, the page's tables."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from benchmarks.makespan import efficiencies, makespan

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / "workflow"


@pytest.fixture(scope="module")
def compare():
    """workflow/compare.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("compare", WORKFLOW / "compare.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(**changed):
    numbers = {"verdict": "reproduced", "value": 0.5, "low": None, "high": 0.6, "n": 5}
    about = {"id": "A1a", "variant": "main", "chapter": "one"}
    parts = [{"name": name, **numbers} for name in ("first", "second")]
    return {**about, **numbers, "parts": parts, **changed}


@pytest.mark.parametrize(
    ("changed", "count"),
    [
        ({"value": 0.5 + 4e-6}, 0),  # rounding
        ({"value": 0.5 + 6e-6}, 1),
        ({"value": 0.5, "high": 0.61}, 1),
        ({"low": 0.1}, 1),  # against none at all
        ({"n": 4}, 1),
        ({"verdict": "undecided"}, 1),
        ({"id": "A1b"}, 2),  # each has what the other lacks
        ({"parts": row()["parts"][:1]}, 1),
        ({"parts": [row()["parts"][0], row()["parts"][1] | {"high": 0.7}]}, 1),
    ],
)
def test_verdicts_are_compared_value_by_value_up_to_rounding(compare, changed, count):
    lines, compared = compare.differences([row()], [row(**changed)])
    assert len(lines) == count and compared >= 1


def test_other_chapters_are_not_compared(compare):
    other = [row(value=0.9), row(id="B", chapter="two")]
    assert compare.differences([row(), row(id="B", chapter="two")], other, ["two"]) == (
        [],
        1,
    )


def test_the_longest_job_goes_first_to_the_machine_that_is_free_first():
    assert makespan([3, 3, 3, 5], 2) == 8  # in their order: 9
    assert makespan([4, 4], 64) == 4
    rows = list(efficiencies([3600.0] * 8))
    assert [(count, share) for count, _, share, _ in rows] == [
        (1, "100 %"),
        (8, "100 %"),
        (64, "12 %"),
    ]


def test_the_page_tells_what_config_may_set():
    page = (ROOT / "book" / "cluster.md").read_text()
    source = (WORKFLOW / "Snakefile").read_text()
    block = source[source.index("KNOWN = {") : source.index("}\n")]
    names = {*re.findall(r'^    "(\w+)":', block, re.MULTILINE)} - {"python"}
    told = {
        *re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (`.*?) \|", page, re.M)))
    }
    assert names and told == names


def test_profiles_try_three_times_go_on_without_what_fails_and_need_no_accounting():
    for name in ("local", "slurm"):
        profile = yaml.safe_load(
            (WORKFLOW / "profiles" / name / "config.yaml").read_text()
        )
        assert profile["retries"] == 2 and profile["keep-going"]
        assert profile["rerun-incomplete"] and profile["nolock"]
    assert profile["slurm-status-command"] == "squeue"
    assert profile["slurm-array-jobs"] == "train"
