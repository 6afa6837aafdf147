"""Processes killed while they train, and processes that meet: the same bits."""

import builtins
import json
import os
import signal
from collections import Counter

from helpers import datasets
from helpers.runs import Run, Study
from helpers.runs.store import RunFolder
from helpers.system.locks import lock_all
from helpers.training import train
from helpers.training.rounds import Rounds


def small_study(*, epochs=40, seeds=3, snapshots=(0, 3, 17)):
    """Runs of two scales that end at different epochs, with measures and snapshots."""
    data = datasets.load("digits", train_examples=160, test_examples=60)
    fields = {"width": 16, "batch_size": 32, "learning_rate": 0.5, "epochs": epochs}
    fields |= {"stop_accuracy": 0.9, "measures": ("alignment",), "snapshots": snapshots}
    return Study(data, Run(**fields), {"init_scale": [0.01, 1.0], "seed": range(seeds)})


def study_of_few_renames():
    return small_study(epochs=3, seeds=1, snapshots=(0,))


def folders(study):
    return [RunFolder(run) for run in study.runs()]


# In the processes


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


def test_killed_before_any_rename_nothing_is_lost_or_damaged(
    processes, tmp_path, monkeypatch, bits
):
    study, seen, exits = study_of_few_renames(), [], [-signal.SIGKILL]
    while exits[-1] == -signal.SIGKILL:
        root = tmp_path / f"killed-{len(seen)}"
        arguments = (str(root), len(seen))
        process = processes.Process(target=train_until_rename, args=arguments)
        process.start()
        process.join(60)
        exits.append(process.exitcode)
        monkeypatch.setenv("MEMORIZATION_RESULTS", str(root))
        train(study, device="cpu")  # a damaged file would be warned of: an error
        seen.append(bits(root))
    # Two runs, each with two snapshots, two states (and a rename of the one before,
    # if there is one), history, description and mark.
    assert exits[-1] == 0 and len(seen) == 2 * 9 + 1
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
    every = [(str(results), str(note), ready, go) for note in notes]
    both = [processes.Process(target=train_beside, args=given) for given in every]
    for process in both:
        process.start()
    for _ in both:
        assert ready.acquire(timeout=60)
    go.set()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    (trained, losses), (others, other_losses) = (
        json.loads(n.read_text()) for n in notes
    )
    assert losses == other_losses
    assert Counter(trained + others) == Counter(f.name for f in folders(small_study()))
