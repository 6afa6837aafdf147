"""Histories: values at the ends, curves on common epochs, groups by what varied."""

import numpy as np
import pytest

from helpers.errors import Mistake
from helpers.runs import Run
from helpers.runs.histories import MEASURED, Histories

NAN = np.nan


def history(accuracy, alignment, measured):
    return {
        "train_accuracy": np.array(accuracy, dtype=float),
        "alignment": np.array(alignment, dtype=float),
        MEASURED: np.array(measured, dtype=bool),
    }


@pytest.fixture
def histories():
    """Four runs of two scales: 4, 2, 3 and 1 epochs long, measured now and then.

    The last has diverged: nothing of its last epoch is defined, as the loop has it.
    """
    runs = tuple(Run(init_scale=s, seed=k) for s in (0.1, 1.0) for k in (0, 1))
    arrays = (
        history([0.1, 0.5, 0.8, 0.9, 1], [0.9, NAN, 0.5, NAN, 0.2], [1, 0, 1, 0, 1]),
        history([0.2, 0.6, 1], [0.8, NAN, 0.4], [1, 0, 1]),
        history([0.0, 0.9, 0.8, 1], [0.7, NAN, NAN, 0.6], [1, 0, 1, 1]),  # undefined
        history([0.1, NAN], [0.3, NAN], [1, 1]),
    )
    return Histories(runs, arrays, ("fitted", "fitted", "epochs", "diverged"))


def test_ends_and_bests(histories):
    assert len(histories) == 4
    assert histories.lengths().tolist() == [4, 2, 3, 1]
    assert histories.initial("train_accuracy").tolist() == [0.1, 0.2, 0.0, 0.1]
    np.testing.assert_equal(histories.final("train_accuracy"), [1, 1, 1, NAN])
    np.testing.assert_equal(histories.best("train_accuracy"), [1, 1, 1, NAN])
    np.testing.assert_equal(histories.best("alignment"), [0.9, 0.8, 0.7, NAN])
    nothing = with_row(histories, 1, "alignment", [NAN] * 3)
    np.testing.assert_equal(nothing.best("alignment"), [0.9, NAN, 0.7, NAN])
    # A run that ended before an epoch gives its last value.
    assert histories.at("train_accuracy", 0).tolist() == [0.1, 0.2, 0.0, 0.1]
    np.testing.assert_equal(histories.at("train_accuracy", 2), [0.8, 1, 0.8, NAN])
    np.testing.assert_equal(histories.at("train_accuracy", 99), [1, 1, 1, NAN])


def with_row(histories, k, name, values):
    """The same histories with another row of one run."""
    arrays = list(histories.arrays)
    arrays[k] = arrays[k] | {name: np.array(values, dtype=float)}
    return Histories(histories.runs, tuple(arrays), histories.stops)


def test_the_mean_is_of_what_was_measured_and_is_defined(histories):
    # The third run's alignment is undefined at one of its epochs, which is left out.
    means = [1.6 / 3, 0.6, 0.65, NAN]
    np.testing.assert_allclose(histories.mean("alignment"), means, rtol=1e-12)
    assert histories.mean("train_accuracy")[0] == pytest.approx(3.3 / 5)
    nothing = with_row(histories, 1, "alignment", [NAN] * 3)
    np.testing.assert_equal(np.isnan(nothing.mean("alignment")), [0, 1, 0, 1])


@pytest.mark.parametrize("values", [[0.3, NAN], [0.3, 0.3]])
def test_a_run_that_has_diverged_has_a_start_and_no_results(histories, values):
    # Also where finite values were recorded: results of before accuracies were NaN.
    none = [False] * 3 + [True]
    for name in ("train_accuracy", "alignment"):
        seen = with_row(histories, 3, name, values)
        for read in (seen.final, seen.best, seen.mean):
            assert np.isnan(read(name)).tolist() == none
            assert np.isnan(read(name, by="init_scale")).flatten().tolist() == none
        assert np.isnan(seen.at_best(name, of="train_accuracy")).tolist() == none
        assert seen.initial(name)[3] == 0.3
    arrays = (*histories.arrays[:3], history([NAN], [0.4], [1]))  # before training
    wild = Histories(histories.runs, arrays, histories.stops)
    best = wild.at_best("alignment", of="train_accuracy")
    for found in (best, *(r("alignment") for r in (wild.final, wild.best, wild.mean))):
        assert np.isnan(found).tolist() == none
    assert wild.initial("alignment")[3] == 0.4


# At the best epoch


def test_at_best_is_where_the_other_is_largest_for_the_first_time(histories):
    # Best training accuracy: epochs 4, 2 and 3, at which all were measured.
    best = histories.at_best("alignment", of="train_accuracy")
    np.testing.assert_equal(best, [0.2, 0.4, 0.6, NAN])
    twice = with_row(histories, 0, "train_accuracy", [0.1, 0.5, 0.9, 0.9, 0.9])
    assert twice.at_best("alignment", of="train_accuracy")[0] == 0.5
    table = histories.at_best("alignment", of="train_accuracy", by="init_scale")
    np.testing.assert_equal(table, [[0.2, 0.6], [0.4, NAN]])


def run_of(accuracy, alignment, measured, stop="epochs"):
    arrays = history(accuracy, alignment, measured)
    arrays["test_accuracy"] = arrays.pop("train_accuracy")
    return Histories((Run(),), (arrays,), (stop,))


@pytest.mark.parametrize(
    ("best", "nearest"),
    [(0, 0), (1, 2), (2, 2), (3, 2), (4, 2), (5, 8), (6, 8), (8, 8)],
)
def test_at_best_takes_the_measured_epoch_that_is_nearest_in_ratio(best, nearest):
    # Measured at 0, 2 and 8, which are 1, 3 and 9 counted from 1. Epoch 5, the sixth,
    # is as far from 2 as from 8 by their difference, but 6/3 > 9/6; epoch 1 is as far
    # from 0 as from 2, but 2/1 > 3/2.
    accuracy = np.zeros(9)
    accuracy[best] = 1
    alignment = np.full(9, NAN)
    alignment[[0, 2, 8]] = [10, 12, 18]
    measured = ~np.isnan(alignment)
    value = run_of(accuracy, alignment, measured).at_best("alignment")
    assert value.tolist() == [10 + nearest]


def test_at_best_is_undefined_where_what_was_measured_there_is(histories):
    # Not the value of another epoch at which it happened to be defined.
    one = run_of([0.1, 0.9, 0.3], [0.5, NAN, 0.4], [1, 1, 1])
    assert np.isnan(one.at_best("alignment"))
    assert one.at_best("test_accuracy").tolist() == [0.9]
    # The best of a measure passes over epochs without it.
    one = run_of([0.1, 0.2, 0.3, 0.4], [0.5, NAN, 0.9, NAN], [1, 0, 1, 0])
    assert one.at_best("test_accuracy", of="alignment").tolist() == [0.3]
    nothing = run_of([0.1, 0.2], [NAN, NAN], [1, 1])
    assert np.isnan(nothing.at_best("test_accuracy", of="alignment"))


# Curves


def test_a_curve_of_every_epoch_keeps_the_last_value_of_those_who_ended(histories):
    epochs, values = histories.curve("train_accuracy")
    assert epochs.tolist() == [0, 1, 2, 3, 4]
    expected = [[0.1, 0.5, 0.8, 0.9, 1], [0.2, 0.6, 1, 1, 1], [0.0, 0.9, 0.8, 1, 1]]
    np.testing.assert_equal(values, [*expected, [0.1, NAN, NAN, NAN, NAN]])
    curves = histories.curves("train_accuracy", by="init_scale")
    assert list(curves) == [0.1, 1.0]
    assert curves[1.0][0].tolist() == [0, 1, 2, 3]
    assert curves[0.1][1].shape == (2, 5)


def test_a_curve_of_some_epochs_keeps_the_value_measured_before(histories):
    epochs, values = histories.curve("alignment")
    assert epochs.tolist() == [0, 1, 2, 3, 4]  # the union of all that were measured
    expected = [[0.9, 0.9, 0.5, 0.5, 0.2], [0.8, 0.8, 0.4, 0.4, 0.4]]
    # What was measured and is undefined stays so: it is not the value before.
    expected += [[0.7, 0.7, NAN, 0.6, 0.6], [0.3, NAN, NAN, NAN, NAN]]
    np.testing.assert_equal(values, expected)


# Groups


def test_runs_are_picked_with_all_that_belongs_to_them(histories):
    picked = histories.where(init_scale=1, seed=0)
    assert [run.seed for run in picked.runs] == [0] and picked.stops == ("epochs",)
    assert picked.lengths().tolist() == [3]
    assert len(histories.where(width=256)) == 4
    by_scale = histories.by("init_scale")  # in the order of the study
    assert list(by_scale) == [0.1, 1.0]
    assert by_scale[1.0].stops == ("epochs", "diverged")
    assert list(histories.by("first_learning_rate")) == [None]


def test_tables_have_a_row_for_every_network_and_a_column_for_every_value(histories):
    runs = tuple(Run(init_scale=s, seed=k) for s in (0.1, 1.0) for k in range(3))
    arrays = tuple(history([k, k + 10], [k, k], [1, 1]) for k in range(6))
    some = Histories(runs, arrays, ("epochs",) * 6)
    for read, more in ((some.initial, 0), (some.final, 10), (some.mean, 5)):
        table = read("train_accuracy", by="init_scale")
        assert (table - more).tolist() == [[0, 3], [1, 4], [2, 5]]
    for read in (some.best, some.at_best):
        of = {"of": "alignment"} if read == some.at_best else {}
        table = read("alignment", by="seed", **of)
        assert table.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert histories.lengths(by="seed").tolist() == [[4, 2], [3, 1]]
    table = histories.at("train_accuracy", 1, by="seed")
    np.testing.assert_equal(table, [[0.5, 0.6], [0.9, NAN]])
    three = (histories.runs[:3], histories.arrays[:3], histories.stops[:3])
    with pytest.raises(Mistake, match="init_scale have different numbers of runs"):
        Histories(*three).final("train_accuracy", by="init_scale")


@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (lambda h: h.final("aligment"), "'aligment' was not recorded; there is train_"),
        (lambda h: h.curve("loss"), "'loss' was not recorded; there is train_accuracy"),
        (
            lambda h: h.at_best("alignment"),
            "'test_accuracy' was not recorded; there",
        ),
        (lambda h: h.at_best("loss", of="alignment"), "'loss' was not recorded; there"),
        (lambda h: h.where(seed=9), "no run of this study has {'seed': 9}"),
        (lambda h: h.where(sigma=1), "a run has no field 'sigma'; it has: dataset, "),
        (lambda h: h.by("sigma"), "a run has no field 'sigma'; it has: dataset, "),
    ],
)
def test_what_is_not_there_is_told_in_one_line(histories, ask, line):
    with pytest.raises(Mistake) as told:
        ask(histories)
    assert str(told.value).startswith(line) and "\n" not in str(told.value)
