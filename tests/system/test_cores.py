"""Cores: as many workers as may run, not as many as there are cores."""

import os
import subprocess
import sys

import pytest

from helpers.system import cores


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Function: this many cores allowed, these groups of the process, these files."""

    def machine(allowed, groups="", files=()):
        monkeypatch.setattr(os, "process_cpu_count", lambda: allowed, raising=False)
        own = tmp_path / "own"
        own.write_text(groups)
        monkeypatch.setattr(cores, "OWN", own)
        monkeypatch.setattr(cores, "GROUPS", tmp_path / "groups")
        for name, text in dict(files).items():
            path = tmp_path / "groups" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return cores.usable_cores()

    return machine


@pytest.mark.parametrize(("quota", "expected"), [(300, 3), (250, 2), (50, 1), (900, 6)])
def test_a_containers_quota_is_kept(machine, quota, expected):
    found = machine(6, "0::/\n", {"cpu.max": f"{quota} 100\n"})
    assert found == expected


@pytest.mark.parametrize("inner", ["max 100", "500 100"])
def test_a_quota_holds_for_the_groups_inside_and_no_others(machine, inner):
    files = {"a.slice/cpu.max": "200 100", "a.slice/b.service/cpu.max": inner}
    files |= {"c/cpu.max": "100 100", "memory/cpu.max": "1 1"}
    assert machine(8, "5:memory:/\n0::/a.slice/b.service\n", files) == 2


@pytest.mark.parametrize("text", ["max 1\n", "", "\n", "100", "x y", "100 0", "1 2 3"])
def test_a_file_of_another_form_limits_nothing(machine, text):
    assert machine(8, "0::/\n", {"cpu.max": text}) == 8 == machine(8)
    assert machine(0) == machine(None) == 1


@pytest.mark.parametrize("name", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize("folder", ["", "docker/4f/"])
@pytest.mark.parametrize(("quota", "expected"), [("400000\n", 4), ("-1\n", 8)])
def test_a_quota_in_the_first_versions_words_is_kept(
    machine, name, folder, quota, expected
):
    """The path may be the host's, where the container has its own group at the top."""
    place = f"{name}/{folder}cpu.cfs"
    files = {f"{place}_quota_us": quota, f"{place}_period_us": "100000\n"}
    assert machine(8, f"4:memory:/\n3:{name}:/docker/4f\n", files) == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux alone has it")
def test_a_process_bound_to_one_core_uses_one():
    script = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
        "from helpers.system.cores import usable_cores; print(usable_cores())"
    )
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "1\n"


def test_where_no_affinity_is_known_the_machines_cores_are_used(machine, monkeypatch):
    machine(1)  # no quota
    for name in ("process_cpu_count", "sched_getaffinity"):
        monkeypatch.delattr(os, name, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert cores.usable_cores() == 5
