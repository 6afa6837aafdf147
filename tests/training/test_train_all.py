"""Several studies trained as one: what each would be alone, and nothing twice."""

import contextlib
import time
from dataclasses import replace
from threading import Event

import numpy as np
import pytest
from conftest import assert_same_histories

from helpers.errors import Failure, Mistake
from helpers.runs import IdentityRun, Study
from helpers.runs.store import RunFolder, results_root
from helpers.training import load, tasks, train, train_all
from helpers.training.identity_stacks import IdentityStack
from helpers.training.trainees import Trainee

NEVER = 1e-30  # an error that ends no training


@pytest.fixture
def nets_of(digits):
    """Function that makes a study of small identity nets."""

    def nets_of(grid=None, **fields):
        small = {"model": "identity_convnet", "canvas": 8, "width": 12, "depth": 2}
        small |= {"steps": 20, "stop_error": NEVER, "learning_rate": 0.05}
        return Study(digits, IdentityRun(**small | fields), grid or {"seed": range(2)})

    return nets_of


@pytest.fixture
def studies(study_of, nets_of):
    """Studies of both kinds; of identity nets two share a run."""
    return {
        "classifiers": study_of(),
        "wide": study_of({"width": [16, 32]}),
        "filters": nets_of(),
        "deep": nets_of({"depth": [2, 3], "seed": [1, 2]}),
        "connected": nets_of(model="identity_fcn", width=16),
    }


def test_studies_trained_as_one_have_the_histories_of_each_alone(
    studies, tmp_path, monkeypatch, steps, train_epochs
):
    """But for rounding; and what is finished is not trained again."""
    alone = {name: train(study, device="cpu") for name, study in studies.items()}
    monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path / "as one"))
    together = train_all(studies, device="cpu")
    assert [*together] == [*studies]
    steps.clear(), train_epochs.clear()
    again = train_all(studies, device="cpu")
    assert steps == train_epochs == [] and train_all({}, device="cpu") == {}
    for name, found in together.items():
        assert found.runs == alone[name].runs and found.stops == alone[name].stops
        for arrays, expected in zip(found.arrays, alone[name].arrays, strict=True):
            for key in arrays:
                np.testing.assert_allclose(arrays[key], expected[key], 1e-3, 1e-4)
        assert_same_histories(load(studies[name]), found)
        assert_same_histories(again[name], found)


def test_the_number_of_cores_changes_no_bit(
    studies, study_of, bits, tmp_path, monkeypatch, on_cores, in_stacks_of
):
    in_stacks_of(2)
    grid = {"permuted_fraction": [None, 0.5], "first_learning_rate": [None, 0.0, 0.3]}
    measured = study_of(grid, measures=("alignment",), snapshots=(0, 3))
    seen = []
    for cores in (1, 5):
        monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path / str(cores)))
        on_cores(cores)
        train_all(studies | {"measured": measured}, device="cpu")
        seen.append(bits(tmp_path / str(cores)))
    assert seen[0] == seen[1] and len(seen[0]) > 6 * 4


def test_a_run_that_several_studies_share_is_trained_once(nets_of, steps, in_stacks_of):
    """And all of one shape as one stack."""
    in_stacks_of(16)
    studies = {"a": nets_of({"seed": [0, 1]}), "b": nets_of({"seed": [1, 2, 0]})}
    with pytest.raises(Mistake, match=r"^device = 'gpu': must be one of"):
        train_all(studies, device="gpu")
    found = train_all(studies, device="cpu")
    assert steps == [3] * 20  # three networks, each once
    assert [run.seed for run in found["b"].runs] == [1, 2, 0]
    errors = [h.final("train_error").tolist() for h in found.values()]
    assert errors[0] == [errors[1][2], errors[1][0]]


def test_studies_on_different_data_are_all_done_each_on_its_own(
    nets_of, study_of, digits
):
    """Of one name, too: what tells data apart is what they contain."""
    turned = replace(digits, train_images=digits.train_images.flip(-1), digest="")
    fewer = digits.prefix(train_examples=100)
    assert len({digits.digest, turned.digest, fewer.digest}) == 3
    kinds = {"nets": nets_of(), "classifiers": study_of({"seed": [0]})}
    studies = {
        (name, kind): Study(data, study.base, study.grid)
        for name, data in (("plain", digits), ("turned", turned), ("fewer", fewer))
        for kind, study in kinds.items()
    }
    found = train_all(studies, device="cpu")
    for key, histories in found.items():
        assert {run.digest for run in histories.runs} == {studies[key].data.digest}
        assert_same_histories(histories, load(studies[key]))
    first, other, same = (
        found[name, "nets"].arrays[0]["train_error"]
        for name in ("plain", "turned", "fewer")
    )
    assert not np.array_equal(first, other)
    assert np.array_equal(first, same)  # its training image is the same one
    pair = [found[n, "classifiers"].arrays[0]["train_loss"] for n in ("plain", "fewer")]
    assert not np.array_equal(*pair)


# Errors


@pytest.fixture
def failing(monkeypatch):
    """Function that lets stacks of a depth fail at their sixth step.

    beside: not before one of the others has taken ten. These wait for that and go on so
    slowly that they can be told to end. Returns a function that undoes all this.
    """
    ten, failed, step = Event(), Event(), IdentityStack.step

    def broken(depth, *, beside=False):
        def guarded(stack):
            if stack.model.depth == depth and stack.steps == 5:
                assert not beside or ten.wait(20)
                failed.set()
                raise ZeroDivisionError("the sixth step")
            if stack.model.depth != depth and stack.steps >= 10:
                ten.set()
                assert failed.wait(20)
                time.sleep(0.01)
            step(stack)

        monkeypatch.setattr(IdentityStack, "step", guarded)
        return lambda: monkeypatch.setattr(IdentityStack, "step", step)

    return broken


def epochs_of(study):
    """Where the saved states of a study's runs stand."""
    return [Trainee(RunFolder(run)).epoch for run in study.runs()]


def test_an_error_in_one_stack_ends_the_others_which_can_be_resumed(
    nets_of, bits, results, tmp_path, monkeypatch, failing, on_cores, in_stacks_of
):
    on_cores(2), in_stacks_of(16)
    studies = {depth: nets_of(depth=depth, steps=300) for depth in (2, 3)}
    train_all(studies, device="cpu")
    expected = bits(results)
    monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path / "failed"))
    mend = failing(3, beside=True)
    with pytest.raises(ZeroDivisionError, match=r"^the sixth step$"):
        train_all(studies, device="cpu", save_seconds=0)
    assert bits(results_root()) == {}
    assert epochs_of(studies[3]) == [5, 5]
    [stood] = {*epochs_of(studies[2])}
    assert 10 <= stood < 300
    mend()
    train_all(studies, device="cpu")
    assert bits(results_root()) == expected


@pytest.mark.parametrize("full", [False, True])
def test_others_save_where_they_were_told_to_end(
    nets_of, failing, on_cores, in_stacks_of, monkeypatch, full
):
    """Though no state was due; one that cannot be saved is told as well."""
    on_cores(2), in_stacks_of(16)
    studies = {depth: nets_of(depth=depth, steps=300) for depth in (2, 3)}
    failing(3, beside=True)
    told = contextlib.nullcontext([])

    def fail(trainee, *_):
        raise Failure("cannot save it: make room")

    if full:
        told = pytest.warns(UserWarning, match=r"^cannot save it: make room$")
        monkeypatch.setattr(Trainee, "save", fail)
    with told as lines, pytest.raises(ZeroDivisionError):
        train_all(studies, device="cpu", save_seconds=1e9)
    [stood] = {*epochs_of(studies[2])}
    assert len(lines) == full and (stood == 0 if full else 10 <= stood < 300)
    assert epochs_of(studies[3]) == [0, 0]


def test_what_has_not_begun_is_not_begun_after_an_error(
    nets_of, monkeypatch, failing, on_cores, in_stacks_of
):
    on_cores(1), in_stacks_of(16)
    begun, task = [], tasks.TASKS[IdentityRun]

    def noted(trainees, placed, epoch):
        begun.append(trainees[0].run.depth)
        return task.begin(trainees, placed, epoch)

    monkeypatch.setitem(tasks.TASKS, IdentityRun, task._replace(begin=noted))
    # The deepest has most to do and begins.
    studies = {depth: nets_of(depth=depth, steps=300) for depth in (2, 3, 4, 5)}
    failing(5)
    with pytest.raises(ZeroDivisionError):
        train_all(studies, device="cpu")
    assert begun[0] == 5 and len(begun) <= 2  # one may have been handed out already
    assert not any(f.done() for s in studies.values() for f in map(RunFolder, s.runs()))


def test_studies_of_other_data_are_left_as_they_were_by_an_error(
    nets_of, digits, failing
):
    turned = replace(digits, train_images=digits.train_images.flip(-1), digest="")
    first, second = nets_of(depth=3), nets_of(depth=2)
    studies = {"a": first, "b": Study(turned, second.base, second.grid)}
    failing(3)
    with pytest.raises(ZeroDivisionError):
        train_all(studies, device="cpu")
    assert not any(RunFolder(run).started() for run in studies["b"].runs())
