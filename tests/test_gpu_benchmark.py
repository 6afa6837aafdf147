"""The table of benchmarks.gpu: its rows run, and one that fails is told there."""

import json
import time

import pytest

from benchmarks import gpu, peaks
from benchmarks.gpu_training import Case

QUICK = ("perceptrons, Adam", "AlexNet", "identity, connected", "manifolds, all cores")


@pytest.mark.parametrize("name", QUICK)
def test_a_row_compares_both_sides_at_tiny_sizes(name, tmp_path, capsys):
    gpu.main(["--tiny", "--only", name, "--out", str(tmp_path / "rows")])
    lines = [json.loads(line) for line in (tmp_path / "rows").read_text().splitlines()]
    assert lines[0]["name"] == "machine"
    found = lines[-1]
    assert "failed" not in found and found["name"] == name
    assert found["ratio"] == found["plain"] / found["ours"] > 0
    assert "predicted" not in found  # it is for the full sizes
    assert f"| {name} | " in capsys.readouterr().out


def case(*, plain=lambda: None):
    return Case(lambda: None, plain, 1e-9, 2)


def broken():
    raise RuntimeError("no\nmemory")


def test_a_row_that_fails_says_why_and_has_no_numbers():
    row = gpu.Row("x", lambda *_: case(plain=broken), 1.0)
    found = gpu.measure(row, gpu.TINY, "cpu", left=9)
    assert found == {"name": "x", "failed": "RuntimeError: no memory"}
    assert gpu.show(found).count("|") == gpu.COLUMNS.count("|")
    spent = gpu.measure(row, gpu.TINY, "cpu", left=0.5)
    assert spent["failed"] == "TimeoutError: no time was left"


def test_a_row_ends_at_its_limit_and_keeps_the_rounds_that_it_had():
    calls = []

    def plain():
        calls.append(0)
        if len(calls) > 2:  # the second round
            time.sleep(60)

    row = gpu.Row("x", lambda *_: case(plain=plain), 1.0, limit=0.5)
    found = gpu.measure(row, gpu.FULL, "cpu", left=9)
    assert found["failed"].startswith("TimeoutError: longer than") and found["n"] == 1
    assert found["predicted"] == 2.0  # seconds: one for each unit of its work
    assert found["off_by"] == found["ours"] / 2
    assert "n = 1" in gpu.show(found)


def test_what_the_machine_reaches_is_measured(monkeypatch):
    monkeypatch.setattr(peaks, "PRODUCTS", {"cpu": ((16, 2),)})
    found = gpu.ceilings("cpu")
    assert min(found["copy"], found["bfloat16"], found["float32"]) > 0


@pytest.mark.cuda
def test_the_first_rows_run_on_a_gpu(tmp_path):
    gpu.main(["--tiny", "--only", "perceptrons", "--out", str(tmp_path / "rows")])
    assert "failed" not in (tmp_path / "rows").read_text()
