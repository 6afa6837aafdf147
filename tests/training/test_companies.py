"""Who trains beside whom: decided by the runs alone, and again so when they go on."""

import shutil
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from helpers.errors import Failure
from helpers.runs import IdentityRun, Run, Study
from helpers.runs.store import RunFolder
from helpers.system.progress import TerminalBar
from helpers.training import train, trainer
from helpers.training.companies import companies, deal
from helpers.training.rounds import Rounds
from helpers.training.trainees import Trainee, company_of


def runs_of(count, **fields):
    return [Run(**fields, seed=seed) for seed in range(count)]


def sizes(stacks):
    return [len(stack) for stack in stacks]


# Dealing


@pytest.mark.parametrize(
    ("count", "most", "at_least", "expected"),
    [
        (25, 16, 4, [7, 6, 6, 6]),
        (25, 16, 1, [13, 12]),
        (5, 16, 4, [2, 1, 1, 1]),
        (3, 16, 4, [1, 1, 1]),
        (1, 16, 4, [1]),
        (70, 8, 4, [6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 5, 5]),
        (4, 1, 1, [1, 1, 1, 1]),
    ],
)
def test_runs_of_one_shape_are_dealt_evenly(count, most, at_least, expected):
    runs = runs_of(count)
    stacks = deal(runs, lambda run: most, at_least=at_least)
    assert sizes(stacks) == expected
    assert Counter(run for stack in stacks for run in stack) == Counter(runs)
    assert stacks[0][:2] == runs[:: len(stacks)][:2]  # in turn


def test_shapes_never_mix_and_the_largest_begin():
    shapes = [(depth, width) for depth in (2, 3) for width in (8, 64)]
    runs = [
        IdentityRun(depth=depth, width=width, seed=seed)
        for seed in range(3)
        for depth, width in shapes
    ]
    stacks = deal(runs, lambda run: 16, at_least=1)
    found = [{(run.depth, run.width) for run in stack} for stack in stacks]
    assert sorted(map(list, found)) == [[shape] for shape in shapes]
    work = [stack[0].work for stack in stacks]
    assert all(one >= other for one, other in pairwise(work))


# Companies


def test_unfinished_runs_sit_as_they_were_dealt(results):
    folders = [RunFolder(run) for run in runs_of(5)]
    found = companies(
        folders, deal([f.run for f in folders], lambda run: 3, at_least=1)
    )
    seeds = [[f.run.seed for f in company.folders] for company in found]
    assert seeds == [[0, 2, 4], [1, 3]]
    assert found[1].names == (folders[1].name, folders[3].name)


# On their way


@pytest.fixture(scope="module")
def study(digits):
    """Classifiers of a kind that end at different epochs."""
    fields = {"width": 13, "batch_size": 32, "learning_rate": 0.5, "epochs": 12}
    fields |= {"stop_accuracy": 0.7, "measures": ("alignment",), "snapshots": (0, 3)}
    return Study(digits, Run(**fields), {"init_scale": [0.01, 1.0], "seed": range(3)})


@pytest.fixture(scope="module")
def wholes():
    """Kind of study -> what training leaves on disk when nothing interrupts it."""
    return {}


@pytest.fixture
def whole(request, asked, wholes, bits, tmp_path, monkeypatch):
    kind = request.node.callspec.params["asked"]
    if kind not in wholes:
        with monkeypatch.context() as patch:
            patch.setenv("MEMORIZATION_RESULTS", str(tmp_path / "whole"))
            train(asked, device="cpu")
            assert len(set(ends(asked))) >= 3
        wholes[kind] = bits(tmp_path / "whole")
    return wholes[kind]


@pytest.fixture(scope="module")
def nets(digits):
    """Identity nets of a kind that end at different steps."""
    fields = {"canvas": 8, "width": 12, "depth": 3, "steps": 40, "stop_error": 0.05}
    base = IdentityRun(**fields, learning_rate=0.05)
    return Study(digits, base, {"seed": range(3), "example": [0, 3]})


@pytest.fixture(params=["study", "nets"])
def asked(request, in_stacks_of, on_cores):
    """A study whose networks are all one company."""
    in_stacks_of(16), on_cores(1)
    return request.getfixturevalue(request.param)


class Stopped(Failure):
    """Training that ends where a test wants it to."""


class StopAt(TerminalBar):
    """A bar that ends training when it is told of the n-th change."""

    def __init__(self, count):
        super().__init__(1000, "")
        self.left = count

    def update(self, steps, note):
        self.left -= 1
        if self.left < 0:
            raise Stopped("here")


def stop_after(count, study, monkeypatch, **options):
    """Train until the n-th change; whether that came before the end."""
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "progress_bar", lambda *_: StopAt(count))
        try:
            train(study, device="cpu", **options)
        except Stopped:
            return True
    return False


def ends(study):
    return [len(RunFolder(run).history()["measured"]) for run in study.runs()]


def test_killed_anywhere_a_company_ends_with_the_same_bits(
    asked, whole, bits, results, monkeypatch
):
    """Though its members end one by one, and each save may be the last."""
    stops, between = 0, 0
    while stop_after(stops, asked, monkeypatch, save_seconds=0):
        done = [RunFolder(run).done() for run in asked.runs()]
        between += any(done) and not all(done)
        train(asked, device="cpu")
        assert bits(results) == whole, f"stopped after {stops} changes"
        shutil.rmtree(results)
        stops += 1 if stops < 2 else 11
    assert stops >= 12 and between >= 1


def test_stopped_again_and_again_a_company_ends_with_the_same_bits(
    asked, whole, bits, results, monkeypatch
):
    stops = 0
    # Saved every second time: the others' states are then of earlier epochs.
    while stop_after(4, asked, monkeypatch, save_seconds=0 if stops % 3 else 1e9):
        stops += 1
    assert stops >= 3 and bits(results) == whole


@pytest.mark.parametrize("saves", [2, 8, 9])
def test_states_of_different_epochs_go_on_each_from_its_own(
    asked, whole, bits, results, monkeypatch, saves
):
    """A kill between the saves of two members leaves one ahead of the other."""
    save, left = Trainee.save, iter(range(saves))

    def save_some(trainee, *state):
        if next(left, None) is None:
            raise Stopped("between two saves")
        save(trainee, *state)

    with monkeypatch.context() as patch:
        patch.setattr(Trainee, "save", save_some)
        with pytest.raises(Stopped):
            train(asked, device="cpu", save_seconds=0)
    assert len({Trainee(RunFolder(run)).epoch for run in asked.runs()}) == 2
    begun, run = [], Rounds.run

    def noted(rounds, bar):
        begun.append(tuple(trainee.folder.name for trainee in rounds.trainees))
        run(rounds, bar)

    monkeypatch.setattr(Rounds, "run", noted)
    turned = {name: values[::-1] for name, values in asked.grid.items()}
    train(Study(asked.data, asked.base, turned), device="cpu")
    assert bits(results) == whole  # in the seats they had, whoever asks
    assert begun == [tuple(RunFolder(run).name for run in asked.runs())]


def test_a_finished_network_whose_file_is_damaged_finds_its_company_again(
    asked, whole, bits, results, train_epochs, steps
):
    train(asked, device="cpu")
    seats = train_epochs + steps
    train_epochs.clear(), steps.clear()
    early = RunFolder(asked.runs()[int(np.argmax(ends(asked)))])
    (early.path / "history.npz").write_bytes(b"")
    with pytest.warns(UserWarning, match="is damaged: its run is trained again"):
        train(asked, device="cpu")
    assert bits(results) == whole
    assert train_epochs + steps == seats  # the others keep theirs until their ends


def test_what_was_finished_before_is_no_company(asked, results):
    """More seeds train among themselves; their note does not name the others."""
    few = Study(asked.data, asked.base, {"seed": [0, 1]})
    more = Study(asked.data, asked.base, {"seed": [0, 1, 2, 3]})
    train(few, device="cpu")
    before = [RunFolder(run).about() for run in few.runs()]
    train(more, device="cpu")
    folders = [RunFolder(run) for run in more.runs()]
    assert [f.about() for f in folders[:2]] == before
    names = [f.name for f in folders]
    assert [company_of(f) for f in folders] == [(*names[:2],)] * 2 + [(*names[2:],)] * 2
    train(Study(asked.data, asked.base, {"seed": [5]}), device="cpu")  # alone: none
    (run,) = Study(asked.data, asked.base, {"seed": [5]}).runs()
    assert company_of(RunFolder(run)) == ()
    assert "company" not in RunFolder(run).about()
    three = Study(asked.data, asked.base, {"seed": [5, 6, 7]})
    train(three, device="cpu")
    alone, one, other = map(RunFolder, three.runs())
    assert company_of(alone) == () and company_of(one) == (one.name, other.name)


def test_a_note_that_names_runs_that_nobody_asks_for_is_no_hindrance(
    asked, results, monkeypatch
):
    assert stop_after(4, asked, monkeypatch, save_seconds=0)
    (first, *_, last) = asked.runs()
    few = Study(asked.data, first, {"seed": [first.seed]})
    assert train(few, device="cpu").runs == (first,)
    assert RunFolder(first).done() and not RunFolder(last).done()
    assert len(train(asked, device="cpu")) == len(asked.runs())
