"""A job done: once, whole, and resumed; a GPU for one; how all of them stand."""

import json
import os
from contextlib import ExitStack
from dataclasses import replace
from threading import Event, Thread

import pytest
import torch
from projects import ALT, FIGURE, TRAINING, chapter, code, make_project

from helpers.archive import Archive, Found, asked_all
from helpers.chapters.book import Edition
from helpers.chapters.plans import plan_edition
from helpers.cluster import jobs as planning
from helpers.cluster import slots, standing, working
from helpers.cluster.jobs import PAGES, TRAIN, jobs_of
from helpers.cluster.kept import Diary, keep_plan, read_diary, seconds_taken
from helpers.cluster.scratch import carry
from helpers.cluster.slots import one_gpu, visible_gpus
from helpers.cluster.working import work
from helpers.errors import Failure, Mistake
from helpers.runs.store import RunFolder
from helpers.system.locks import lock_all
from helpers.system.roots import results_root
from helpers.training import rounds, train, train_until


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of one small chapter, in which we are."""
    notebook = chapter(code(TRAINING), code(FIGURE, **ALT))
    root = make_project(tmp_path / "project", {"small": notebook})
    monkeypatch.chdir(root)
    monkeypatch.setattr(
        planning, "open_items", lambda _, editions: dict.fromkeys(editions, 1)
    )
    return root


@pytest.fixture
def plan(project):
    return plan_edition(project, Edition("small", "smoke", "main"))


@pytest.fixture
def jobs(plan):
    """Its jobs, kept: two that train a seed each and measure it, one of pages."""
    found = jobs_of([plan], "cpu", shortest=1e-3)
    keep_plan("smoke", found)
    assert [job.kind for job in found] == [TRAIN, TRAIN, PAGES]
    return found


@pytest.fixture
def chapters(monkeypatch):
    """Editions that are executed, which here takes no time."""
    found = []

    def run(root, edition, *, say):
        found.append(edition)
        return root / "copy.ipynb"

    monkeypatch.setattr(working, "run_edition", run)
    return found


def piece(job):
    return results_root() / "cluster" / "smoke" / job.output


def states(job):
    return [line["state"] for line in read_diary("smoke", job.name)]


def test_jobs_train_and_pack_their_own_networks_and_pages_come_last(
    project, plan, jobs, chapters
):
    for job in jobs:
        assert work(project, job) == 0
    held = [{*Archive(piece(job)).runs} for job in jobs[:2]]
    assert held == [{*job.runs} for job in jobs[:2]]
    assert chapters == [plan.edition]
    assert json.loads(piece(jobs[2]).read_text()) == {
        "small (smoke)": str(project / "copy.ipynb")
    }
    assert states(jobs[0])[-1] == "done" and not plan.unfinished


def test_a_job_done_twice_trains_nothing_and_gives_the_same_archive(
    project, jobs, monkeypatch
):
    work(project, jobs[0])
    before = piece(jobs[0]).read_bytes()
    piece(jobs[0]).unlink()  # as a scheduler does that starts it again
    monkeypatch.setattr(rounds.Rounds, "run", None)
    said = []
    assert work(project, jobs[0], say=said.append) == 0
    assert said == [f"{jobs[0].name}: 0 of {len(jobs[0].runs)} to train"]
    assert piece(jobs[0]).read_bytes() == before


def test_a_job_that_another_process_does_is_waited_for(project, jobs):
    said, done = [], Event()
    with ExitStack() as held:
        assert held.enter_context(lock_all(results_root() / "locks", [jobs[0].name]))

        def say(line):
            said.append(line)
            done.set()

        thread = Thread(target=work, args=(project, jobs[0]), kwargs={"say": say})
        thread.start()
        assert done.wait(60) and said == [
            f"waiting: another process does {jobs[0].name}"
        ]
        assert not piece(jobs[0]).exists()
    thread.join()
    assert piece(jobs[0]).exists()


def test_pages_of_another_machine_have_what_the_archives_bring(
    project, plan, jobs, chapters, monkeypatch, tmp_path
):
    for job in jobs[:2]:
        work(project, job)
    there = results_root() / "cluster"
    monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path / "others"))
    results_root().mkdir()
    (results_root() / "cluster").symlink_to(there)
    assert work(project, jobs[2]) == 0
    assert not plan.unfinished and all(RunFolder(r).weightless() for r in plan.runs)


def test_networks_trained_on_a_disk_apart_come_home_without_weights(
    project, plan, jobs, tmp_path
):
    for job in jobs[:2]:
        assert work(project, job, scratch=tmp_path / "scratch") == 0
    folders = [RunFolder(run) for run in plan.runs]
    assert all(asked_all(folder) and folder.weightless() for folder in folders)
    assert not any(folder.snapshot_epochs() for folder in folders)


def test_a_network_that_could_not_be_asked_all_comes_home_with_its_weights(
    project, plan, jobs, tmp_path, monkeypatch
):
    monkeypatch.setattr(working, "ask_edition", lambda *_: 1)
    work(project, jobs[0], scratch=tmp_path / "scratch")
    ours = [r for r in plan.runs if RunFolder(r).name in jobs[0].runs]
    assert ours and all(RunFolder(r).snapshot_epochs() for r in ours)
    about = json.loads(Archive(piece(jobs[0])).files(jobs[0].runs[0])["run.json"])
    assert about["asked"] is False


def test_a_network_under_way_is_carried_home_and_goes_on_elsewhere(
    project, plan, tmp_path, monkeypatch
):
    study = plan.studies[0]
    train_until(0.0, [study], device="cpu")  # begun, saved and left at once
    names = [RunFolder(run).name for run in study.runs()]
    for name in names:
        folder = Found(results_root() / name)
        folder.save_state({"epoch": torch.tensor(1)})
    carry(names, results_root(), tmp_path / "there", asked=())
    found = [next(Found(tmp_path / "there" / name).states()) for name in names]
    assert all(int(state["epoch"]) == 1 for state in found)


def test_a_job_of_another_version_of_the_book_says_so(project, jobs):
    with pytest.raises(Failure, match="of another version of the book"):
        work(project, replace(jobs[0], runs=("0" * 12,)))
    assert "another version" in read_diary("smoke", jobs[0].name)[-1]["why"]


def test_jobs_that_stand_differently_are_told_apart(project, plan, jobs, monkeypatch):
    work(project, jobs[0])
    Diary(jobs[2]).write("failed", why="cell 5: no such thing")
    with lock_all(results_root() / "locks", [jobs[1].name]):
        # As of another process: of its own locks this one is told no less.
        lines = standing.describe_standing("smoke")
    assert lines[0].startswith("smoke: 3 jobs: 1 done, 1 running, 0 left, 1 failed;")
    assert f"failed: {jobs[2].name}, try 1: cell 5: no such thing" in lines
    assert standing.describe_standing("smoke")[0].count("1 left") == 1
    took = seconds_taken("smoke")
    assert took.keys() == {jobs[0].name}
    work(project, jobs[0])  # which has nothing left to train, and says so in no time
    assert seconds_taken("smoke") == took


def test_the_time_left_is_put_right_by_what_was_done(jobs):
    given = [(jobs[0], standing.DONE), (jobs[1], standing.RUNNING), (jobs[2], "left")]
    left = jobs[1].seconds + jobs[2].seconds
    assert standing.seconds_left(given, {}) == pytest.approx(left)
    taken = {jobs[0].name: 3 * jobs[0].seconds}
    assert standing.seconds_left(given, taken) == pytest.approx(3 * left)


def test_networks_that_are_finished_by_anybody_take_no_more_time(plan, jobs):
    train_of = [job for job in jobs if job.runs]
    given = [(job, "left") for job in jobs]
    whole = standing.seconds_left(given, {})
    study = plan.studies[0]
    train(study, device="cpu")
    done = {RunFolder(run).name for run in study.runs()}
    spared = sum(j.seconds * len(done & {*j.runs}) / len(j.runs) for j in train_of)
    assert 0 < spared < whole
    assert standing.seconds_left(given, {}) == pytest.approx(whole - spared)


def test_a_network_that_cannot_be_read_is_one_that_is_left(jobs):
    (results_root() / jobs[0].runs[0]).write_text("a file where a folder belongs")
    assert standing.unfinished(jobs[0]) == 1.0
    assert standing.describe_standing("smoke")[0].count("3 left") == 1


def test_no_gpu_has_two_jobs(monkeypatch, tmp_path):
    monkeypatch.setattr(slots.tempfile, "gettempdir", lambda: str(tmp_path))
    for name in slots.SCHEDULERS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 5")
    assert visible_gpus() == ["3", "5"]
    said, third = [], []

    def wait():
        with one_gpu(["3", "5"], say=said.append) as gpu:
            third.append(gpu)

    with one_gpu(visible_gpus()) as one:
        assert os.environ["CUDA_VISIBLE_DEVICES"] == one
        with ExitStack() as stack:
            other = stack.enter_context(one_gpu(["3", "5"]))
            assert {one, other} == {"3", "5"}
            thread = Thread(target=wait)
            thread.start()
            thread.join(0.5)
            assert not third and said == ["waiting: all of 2 GPUs have a job"]
        thread.join()
        assert third == [other]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "3, 5"


def test_a_scheduler_that_has_chosen_a_gpu_is_believed(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with one_gpu(["0"]), one_gpu(["0"]) as again:  # another node's has the same name
        assert again == "0"


def test_of_several_gpus_of_an_allocation_no_two_jobs_have_one(monkeypatch, tmp_path):
    monkeypatch.setattr(slots.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with one_gpu(["0", "1"]) as one, one_gpu(["0", "1"]) as other:
        assert {one, other} == {"0", "1"}


def test_a_job_without_the_gpu_that_it_needs_is_one_line(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with (
        pytest.raises(Mistake, match="needs a GPU and none is visible"),
        one_gpu(visible_gpus()),
    ):
        pass
