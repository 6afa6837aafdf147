"""Processes killed while they train, and processes that meet: the same bits."""

import builtins
import json
import os
import random
import shutil
import signal
import time
import warnings
from collections import Counter

from helpers import datasets
from helpers.runs import Run, Study
from helpers.runs.store import RunFolder
from helpers.system.locks import lock_all
from helpers.training import train
from helpers.training.rounds import Rounds

KILLS = 12
ENDED = 1000  # above any epoch


def small_study(*, epochs=40, seeds=3, snapshots=(0, 3, 17)):
    """Runs of two scales that end at different epochs, with measures and snapshots."""
    data = datasets.load("digits", train_examples=160, test_examples=60)
    base = Run(
        width=16,
        batch_size=32,
        learning_rate=0.5,
        epochs=epochs,
        stop_accuracy=0.9,
        measures=("alignment",),
        snapshots=snapshots,
    )
    return Study(data, base, {"init_scale": [0.01, 1.0], "seed": range(seeds)})


def study_of_few_renames():
    return small_study(epochs=3, seeds=1, snapshots=(0,))


def folders(study):
    return [RunFolder(run) for run in study.runs()]


def newest_epochs(study):
    """Epoch of every run's newest state, 0 before the first."""
    states = [(f, next(f.states(), {"epoch": 0})) for f in folders(study)]
    return [ENDED if f.done() else int(state["epoch"]) for f, state in states]


# In the processes


def train_here(root, saves):
    """Train the study, save states as often as can be, and tell of every one.

    A warning is an error.
    """
    os.environ["MEMORIZATION_RESULTS"] = root
    save = RunFolder.save_state

    def told(folder, tensors):
        save(folder, tensors)
        saves.release()

    RunFolder.save_state = told
    study = small_study()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(study, device="cpu", save_seconds=0)


def train_until_rename(root, count):
    """Train a short study and die by SIGKILL just before the given rename."""
    os.environ["MEMORIZATION_RESULTS"] = root
    replace, left = os.replace, iter(range(count))

    def counted(source, target):
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    os.replace = counted
    train(study_of_few_renames(), device="cpu", save_seconds=0)


def train_beside(root, name, ready, go):
    """Train the study when told to; note which runs were trained in this process."""
    os.environ["MEMORIZATION_RESULTS"] = root
    trained, run = [], Rounds.run

    def noted(stack, bar):
        trained.extend(trainee.folder.name for trainee in stack.trainees)
        run(stack, bar)

    Rounds.run = noted
    study = small_study()
    ready.release()
    go.wait()
    histories = train(study, device="cpu", save_seconds=0)
    losses = [arrays["train_loss"].tolist() for arrays in histories.arrays]
    with open(name, "w") as file:
        json.dump([trained, losses], file)


def hold_locks(root, ready):
    os.environ["MEMORIZATION_RESULTS"] = root
    every = folders(small_study())
    with lock_all(every[0].locks, [folder.name for folder in every]) as ours:
        assert ours
        ready.release()
        signal.pause()


# Killed


def test_training_killed_at_any_moment_ends_with_the_same_bits(
    processes, results, tmp_path, bits
):
    # A kill comes after a drawn number of saved states and a drawn time, of up to what
    # an epoch takes; the seed is fixed, what is hit differs from machine to machine.
    draws = random.Random(0)

    def start(root):
        saves = processes.Semaphore(0)
        process = processes.Process(target=train_here, args=(str(root), saves))
        process.start()
        return process, saves

    whole, saves = start(tmp_path / "whole")
    assert saves.acquire(timeout=60)
    began = time.monotonic()
    whole.join(60)
    an_epoch = (time.monotonic() - began) / 40
    expected = bits(tmp_path / "whole")
    assert whole.exitcode == 0 and len(expected) >= 6 * 3

    study, kills, advanced = small_study(), 0, 0
    while kills < KILLS:
        before = newest_epochs(study)
        process, saves = start(results)
        # 0: within the start of the process; six networks save six states an epoch.
        for _ in range(draws.choice((0, 1, 5, 9, 14))):
            while process.is_alive() and not saves.acquire(timeout=0.01):
                pass
        process.join(draws.uniform(0, an_epoch))
        if process.is_alive():
            process.kill()
            process.join()
            kills += 1
        after = newest_epochs(study)
        advanced += after != before
        if min(after) == ENDED:
            assert bits(results) == expected
            shutil.rmtree(results)
    train(study, device="cpu")
    assert bits(results) == expected
    assert not [*results.rglob(".partial-*")]
    assert advanced >= KILLS / 2, f"only {advanced} of {kills} were killed in training"


def test_killed_before_any_rename_nothing_is_lost_or_damaged(
    processes, tmp_path, monkeypatch, bits
):
    study, seen, count = study_of_few_renames(), [], 0
    while True:
        root = tmp_path / f"killed-{count}"
        process = processes.Process(target=train_until_rename, args=(str(root), count))
        process.start()
        process.join(60)
        monkeypatch.setenv("MEMORIZATION_RESULTS", str(root))
        train(study, device="cpu")  # a damaged file would be warned of: an error
        seen.append(bits(root))
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        count += 1
    # Two runs, each with two snapshots, two states (and a rename of the one before,
    # if there is one), history, description and mark.
    assert count == 2 * 9
    assert all(files == seen[-1] for files in seen)


def test_a_run_whose_trainer_is_killed_is_taken_over_by_who_waits(
    processes, results, monkeypatch
):
    ready = processes.Semaphore(0)
    holder = processes.Process(target=hold_locks, args=(str(results), ready))
    holder.start()
    assert ready.acquire(timeout=60)
    said = []

    def told(*words, **_):
        said.append(" ".join(words))
        holder.kill()

    monkeypatch.setattr(builtins, "print", told)
    assert len(train(small_study(), device="cpu")) == 6
    holder.join()
    assert holder.exitcode == -signal.SIGKILL
    first = folders(small_study())[0].name
    assert said == [f"waiting: another process trains run {first}"]


# Side by side


def test_two_processes_share_a_study_and_train_each_run_once(
    processes, results, tmp_path
):
    ready, go = processes.Semaphore(0), processes.Event()
    notes = [tmp_path / "one.json", tmp_path / "other.json"]
    both = [
        processes.Process(
            target=train_beside, args=(str(results), str(note), ready, go)
        )
        for note in notes
    ]
    for process in both:
        process.start()
    for _ in both:
        assert ready.acquire(timeout=60)
    go.set()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    (trained, losses), (others, other_losses) = (
        json.loads(note.read_text()) for note in notes
    )
    assert losses == other_losses
    assert Counter(trained + others) == Counter(f.name for f in folders(small_study()))
