"""Jobs: every network in one, of a stated length, the same at every call."""

import json
from collections import Counter

import pytest
from projects import TRAINING, chapter, code, make_project

from helpers.__main__ import main
from helpers.budget.costs import Costs
from helpers.budget.units import Batch, Unit
from helpers.chapters.book import Edition
from helpers.chapters.plans import plan_edition
from helpers.cluster import jobs as planning
from helpers.cluster.jobs import PAGES, SPAN, TRAIN, device_of, jobs_of, packed
from helpers.cluster.kept import find_job, keep_plan, kept_jobs
from helpers.errors import Mistake
from helpers.runs import Run, fingerprint
from helpers.training import train_all

SMOKE = Edition("small", "smoke", "main")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of two small chapters with networks in common, in which we are."""
    notebook = chapter(code(TRAINING))
    scales = {
        "smoke": {"small": {"main": {}}, "more": {"main": {"seeds": 3}}},
        "paper": {"needs": "cuda", "small": {"main": {}}},
    }
    root = make_project(
        tmp_path / "project", {"small": notebook, "more": notebook}, scales
    )
    monkeypatch.chdir(root)
    monkeypatch.setattr(
        planning, "open_items", lambda _, editions: dict.fromkeys(editions, 1)
    )
    return root


def plans_of(root):
    return [
        plan_edition(root, Edition(name, "smoke", "main")) for name in ("small", "more")
    ]


class Widths(Costs):
    """A network takes as many seconds as it is wide."""

    def training(self, runs, data):
        return float(sum(run.width for run in runs))


def units(*widths):
    return [
        Unit((SMOKE,), 0, [Batch(None, (Run(width=width, seed=k),))], 1)
        for k, width in enumerate(widths)
    ]


def lengths(*widths, shortest):
    stacks = packed(units(*widths), Widths("cpu"), shortest)
    return [sum(unit.runs[0].width for unit in stack) for stack in stacks]


def test_every_network_is_in_one_job_and_every_edition_after_all_of_its_own(project):
    plans = plans_of(project)
    jobs = jobs_of(plans, "cpu", shortest=1e-3)
    trains = [job for job in jobs if job.kind == TRAIN]
    held = Counter(name for job in trains for name in job.runs)
    wanted = {fingerprint(run) for plan in plans for run in plan.runs}
    assert len(trains) > 1 and held == Counter(wanted)
    seen = {}
    for job in jobs:  # those before come first: the graph has no cycle
        assert {*job.inputs} <= {*seen}
        seen[job.name] = job
    pages = [job for job in jobs if job.kind == PAGES]
    shown = Counter(edition for job in pages for edition in job.editions)
    assert shown == Counter(plan.edition for plan in plans)
    for job in pages:
        before = {name for given in job.inputs for name in seen[given].runs}
        for plan in plans:
            if plan.edition in job.editions:
                assert {fingerprint(run) for run in plan.runs} <= before


def test_a_job_is_as_long_as_stated_unless_one_unit_alone_is_longer():
    widths = [30, 40, 60, 700, 10, 20, 100, 110, 119, 500, 119, 1, 60]
    found = lengths(*widths, shortest=120.0)
    assert sum(found) == sum(widths)
    for length in found:
        assert 120 <= length <= SPAN * 120 or length == 700
    assert found == [130, 700, 130, 229, 500, 180]


def test_a_rest_goes_with_the_job_before_it_and_little_work_is_one_job():
    assert lengths(100, 100, 30, shortest=120.0) == [230]
    assert lengths(600, 30, shortest=120.0) == [600, 30]  # it would be too long
    assert lengths(1, 2, 3, shortest=120.0) == [6]


def test_what_would_make_a_job_too_long_begins_another():
    assert lengths(110, 550, 20, 130, shortest=120.0) == [110, 550, 150]


def test_jobs_keep_their_names_whatever_is_finished(project):
    before = jobs_of(plans_of(project), "cpu", shortest=1e-3)
    plans = plans_of(project)
    train_all(dict(enumerate(plans[0].studies)), device="cpu")
    took = {before[0].name: 40.0}
    after = jobs_of(plans, "cpu", shortest=1e-3, took=took)
    assert {job.name for job in before} == {job.name for job in after}


def test_what_jobs_took_puts_right_what_others_are_predicted_to_take(project):
    plans = plans_of(project)
    first = jobs_of(plans, "cpu", shortest=1e-3, asks=False)[0]
    then = jobs_of(plans, "cpu", shortest=1e-3, asks=False, took={first.name: 50.0})
    for job in (job for job in then if job.kind == TRAIN):
        assert 20 < job.seconds < 120


def test_networks_on_a_gpu_and_editions_of_several_jobs_are_measured_by_them(project):
    def asks(device, **how):
        return {
            job.asks for job in jobs_of(plans_of(project), device, **how) if job.runs
        }

    assert asks("cpu") == {False}  # one job has all
    assert asks("cpu", shortest=1e-3) == {True}
    assert asks("cuda") == {True}
    assert asks("cpu", asks=True) == {True}


def test_a_scale_that_needs_a_gpu_has_jobs_with_one_unless_told_otherwise(project):
    assert device_of(project, "paper", "auto") == "cuda"
    assert device_of(project, "paper", "cpu") == "cpu"
    assert device_of(project, "smoke", "auto") == "cpu"
    plans = [plan_edition(project, Edition("small", "paper", "main"))]
    kinds = {job.kind: job.needs["gpu"] for job in jobs_of(plans, "cuda")}
    assert kinds == {TRAIN: 1, PAGES: 0}


def test_a_plan_is_shown_as_json_and_kept_where_jobs_find_it(project, capsys):
    words = ["plan", "--scale", "smoke", "--json", "--job-seconds", "1"]
    assert main(words) == 0
    shown = json.loads(capsys.readouterr().out)
    kept = kept_jobs("smoke")
    assert [job["name"] for job in shown["jobs"]] == [job.name for job in kept]
    assert all(find_job("smoke", job.name) == job for job in kept)
    train = shown["jobs"][0]
    assert train["output"].endswith(f"/cluster/smoke/train/{train['name']}.zip")
    assert {"seconds", "value", "needs", "inputs", "runs"} <= train.keys()


def test_a_job_that_was_planned_before_is_found_after_another_plan(project):
    first = jobs_of(plans_of(project), "cpu")
    keep_plan("smoke", first)
    keep_plan("smoke", jobs_of(plans_of(project), "cpu", shortest=1e-3))
    assert find_job("smoke", first[0].name) == first[0]


def test_parameters_of_the_users_own_are_no_part_of_jobs(project, capsys):
    assert (
        main(["plan", "small", "--scale", "smoke", "--json", "-p", "seeds", "3"]) == 2
    )
    assert "-p goes not with --json" in capsys.readouterr().err


def test_a_results_folder_that_this_machine_does_not_share_is_one_line(project, capsys):
    with pytest.raises(Mistake, match="set MEMORIZATION_RESULTS to a folder that both"):
        find_job("smoke", "train-0123456789ab")
    assert main(["job", "train-0123456789ab", "--scale", "smoke"]) == 2
    assert main(["status", "--scale", "smoke"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and "no plan of scale smoke is kept" in lines[1]
