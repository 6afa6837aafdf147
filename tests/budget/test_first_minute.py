"""The first minute on a machine: what is wrong is told, and gone without."""

from pathlib import Path

import pytest
import torch
from projects import TRAINING, chapter, code, make_project

from helpers.__main__ import main
from helpers.budget import checking, checks, comparing, spending
from helpers.budget.checking import make
from helpers.budget.checks import check_machine
from helpers.budget.ladder import GRAPHS, TF32, first_that_passes, go_without
from helpers.errors import Failure
from helpers.system.devices import exact_products, fast_products
from helpers.training import graphs, rounds

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def child(monkeypatch):
    """Function that has checks made by a process of this script."""
    popen = checks.subprocess.Popen

    def child(script):
        def start(words, **options):
            return popen([words[0], "-c", script, *words[5:]], **options)

        monkeypatch.setattr(checks.subprocess, "Popen", start)

    return child


def test_every_check_passes_on_a_processor():
    told = []
    make([*checking.CHECKS], ROOT, told.append)
    assert tuple(record["check"] for record in told) == checks.CHECKS
    assert not any("failed" in record for record in told)
    assert told[-1]["skipped"] == "no CUDA device, or no tests here"


def test_a_check_that_breaks_is_told_and_the_others_go_on(tmp_path, monkeypatch):
    def broken(device, root):
        raise RuntimeError("no such\nkernel")

    monkeypatch.setitem(checking.CHECKS, "bandwidth", broken)
    told = []
    make(["bandwidth", "products"], tmp_path, told.append)
    assert told[0]["failed"] == "RuntimeError: no such kernel"
    assert "failed" not in told[1]


def test_a_check_that_hangs_is_ended_and_the_others_go_on(tmp_path, child, monkeypatch):
    """A process that tells of every check but one, which it never ends."""
    monkeypatch.setattr(checks, "CHECKS", ("one", "stack", "two"))
    monkeypatch.setattr(checks, "LIMITS", {"stack": 0.2})
    monkeypatch.setattr(checks, "PART", 1.0)
    script = "import json, sys, time\nfor name in sys.argv[1:]:\n"
    script += "    if name == 'stack': time.sleep(600)\n"
    script += "    print(json.dumps({'check': name}), flush=True)"
    child(script)
    assert list(check_machine(tmp_path, 60.0)) == [
        {"check": "one"},
        {"check": "stack", "failed": "not done after 0.2 s"},
        {"check": "two"},
    ]


def test_a_check_that_ends_its_process_is_told(tmp_path, child, monkeypatch):
    monkeypatch.setattr(checks, "CHECKS", ("one",))
    monkeypatch.setattr(checks, "PART", 1.0)
    child("pass")
    (found,) = check_machine(tmp_path, 60.0)
    assert found == {"check": "one", "failed": "its process ended"}


def test_checks_that_find_no_time_are_named(tmp_path):
    assert {r["skipped"] for r in check_machine(tmp_path, 0.0)} == {"for want of time"}


def test_weights_that_differ_are_a_failure():
    one = {"a": torch.ones(4), "b": torch.zeros(2)}
    assert comparing.relative(one, one) == 0
    other = {"a": torch.ones(4), "b": torch.tensor([2.0, 0])}
    assert comparing.relative(other, one) == pytest.approx(1.0)
    with pytest.raises(Failure, match="differ by 4"):
        comparing._found("stack", 4e-3)
    with pytest.raises(Failure):
        comparing._found("stack", float("nan"))


def test_what_is_refused_is_gone_without_until_it_is_taken_back():
    back = go_without(GRAPHS, "it differs"), go_without(TF32, "it differs")
    with pytest.raises(RuntimeError, match="it differs"):
        graphs.capture(print)
    assert rounds.fast_products is exact_products
    for each in back:
        each()
    assert rounds.fast_products is fast_products and graphs.capture is not print


def test_no_more_is_gone_without_than_needed():
    """Checks that fail with graphs, with either, and whatever is gone without."""

    def needs(condition):
        def check():
            if not condition():
                raise Failure("differs")
            return {"differs by": 0.0}

        return check

    capture = graphs.capture
    passing = first_that_passes(needs(lambda: True))
    assert passing == {"differs by": 0.0}
    found = first_that_passes(needs(lambda: graphs.capture is not capture))
    assert found == {"failed": "Failure: differs", "without": [GRAPHS], "differs by": 0}
    found = first_that_passes(needs(lambda: rounds.fast_products is exact_products))
    assert found["without"] == [GRAPHS, TF32]
    found = first_that_passes(needs(lambda: False))
    assert found == {"failed": "Failure: differs", "without": [GRAPHS, TF32]}
    assert graphs.capture is capture and rounds.fast_products is fast_products


def test_a_budget_trains_without_what_failed(tmp_path, monkeypatch, capsys):
    asked = []
    record = {"check": "stack", "failed": "differs", "without": [TF32]}
    monkeypatch.setattr(spending, "check_machine", lambda *_: [record])
    monkeypatch.setattr(spending, "go_without", lambda *given: asked.append(given))
    root = make_project(tmp_path / "p", {"small": chapter(code(TRAINING))})
    monkeypatch.chdir(root)
    words = ["train", "--scale", "smoke", "--seconds", "1", "--check"]
    assert main([*words, "--export", str(tmp_path / "out")]) == 0
    assert asked == [(TF32, "the check 'stack' failed")]
    assert "TF32 refused: differs" in capsys.readouterr().err
    assert '"without": ["TF32"]' in (tmp_path / "out" / "units.jsonl").read_text()


@pytest.mark.cuda
@pytest.mark.parametrize("name", ["stack", "module", "identity", "speed", "manifolds"])
def test_fast_ways_are_right_on_cuda(name):
    assert "failed" not in checking.CHECKS[name](torch.device("cuda"), ROOT)
