"""Histories: values at the ends, curves on common epochs, groups by what varied."""

import numpy as np
import pytest

from helpers.errors import Mistake
from helpers.histories import MEASURED, Histories
from helpers.runs import Run

NAN = np.nan


def history(accuracy, alignment, measured):
    return {
        "train_accuracy": np.array(accuracy, dtype=float),
        "alignment": np.array(alignment, dtype=float),
        MEASURED: np.array(measured, dtype=bool),
    }


@pytest.fixture
def histories():
    """Four runs of two scales: 4, 2, 3 and 0 epochs long, measured now and then."""
    runs = tuple(Run(init_scale=s, seed=k) for s in (0.1, 1.0) for k in (0, 1))
    arrays = (
        history([0.1, 0.5, 0.8, 0.9, 1], [0.9, NAN, 0.5, NAN, 0.2], [1, 0, 1, 0, 1]),
        history([0.2, 0.6, 1], [0.8, NAN, 0.4], [1, 0, 1]),
        history([0.0, 0.9, 0.8, 1], [0.7, NAN, NAN, 0.6], [1, 0, 1, 1]),  # undefined
        history([0.1], [NAN], [1]),
    )
    return Histories(runs, arrays, ("fitted", "fitted", "epochs", "diverged"))


def test_ends_and_bests(histories):
    assert len(histories) == 4
    assert histories.lengths().tolist() == [4, 2, 3, 0]
    assert histories.initial("train_accuracy").tolist() == [0.1, 0.2, 0.0, 0.1]
    assert histories.final("train_accuracy").tolist() == [1, 1, 1, 0.1]
    assert histories.best("train_accuracy").tolist() == [1, 1, 1, 0.1]


def test_the_best_is_of_what_was_measured_and_silent_where_nothing_was(histories):
    np.testing.assert_equal(histories.best("alignment"), [0.9, 0.8, 0.7, NAN])


def test_the_mean_is_of_what_was_measured(histories):
    np.testing.assert_allclose(
        histories.mean("alignment"), [1.6 / 3, 0.6, NAN, NAN], rtol=1e-12
    )
    assert histories.mean("train_accuracy")[0] == pytest.approx(3.3 / 5)


def test_a_run_that_ended_before_an_epoch_gives_its_last_value(histories):
    assert histories.at("train_accuracy", 0).tolist() == [0.1, 0.2, 0.0, 0.1]
    assert histories.at("train_accuracy", 2).tolist() == [0.8, 1, 0.8, 0.1]
    assert histories.at("train_accuracy", 99).tolist() == [1, 1, 1, 0.1]


# Curves


def test_a_curve_of_every_epoch_keeps_the_last_value_of_those_who_ended(histories):
    epochs, values = histories.curve("train_accuracy")
    assert epochs.tolist() == [0, 1, 2, 3, 4]
    assert values.tolist() == [
        [0.1, 0.5, 0.8, 0.9, 1],
        [0.2, 0.6, 1, 1, 1],
        [0.0, 0.9, 0.8, 1, 1],
        [0.1] * 5,
    ]


def test_a_curve_of_some_epochs_keeps_the_value_measured_before(histories):
    epochs, values = histories.curve("alignment")
    assert epochs.tolist() == [0, 2, 3, 4]  # the union of all that were measured
    expected = [[0.9, 0.5, 0.5, 0.2], [0.8, 0.4, 0.4, 0.4]]
    # What was measured and is undefined stays so: it is not the value before.
    expected += [[0.7, NAN, 0.6, 0.6], [NAN] * 4]
    np.testing.assert_equal(values, expected)


def test_curves_of_several_groups(histories):
    curves = histories.curves("train_accuracy", by="init_scale")
    assert list(curves) == [0.1, 1.0]
    assert curves[1.0][0].tolist() == [0, 1, 2, 3]
    assert curves[0.1][1].shape == (2, 5)


# Groups


def test_runs_are_picked_with_all_that_belongs_to_them(histories):
    picked = histories.where(init_scale=1, seed=0)
    assert [run.seed for run in picked.runs] == [0] and picked.stops == ("epochs",)
    assert picked.lengths().tolist() == [3]
    assert len(histories.where(width=256)) == 4


def test_groups_come_in_the_order_of_the_study(histories):
    by_scale = histories.by("init_scale")
    assert list(by_scale) == [0.1, 1.0]
    assert by_scale[1.0].stops == ("epochs", "diverged")
    assert list(histories.by("first_learning_rate")) == [None]


def test_tables_have_a_row_for_every_value(histories):
    assert histories.final("train_accuracy", by="init_scale").shape == (2, 2)
    for read in (histories.initial, histories.final, histories.best, histories.mean):
        table = read("train_accuracy", by="init_scale")
        assert table.flatten().tolist() == read("train_accuracy").tolist()
    assert histories.lengths(by="seed").tolist() == [[4, 3], [2, 0]]
    assert histories.at("train_accuracy", 1, by="seed").tolist() == [
        [0.5, 0.9],
        [0.6, 0.1],
    ]


def test_a_table_with_rows_of_different_lengths_is_a_mistake(histories):
    arrays, stops = histories.arrays[:3], histories.stops[:3]
    uneven = Histories(histories.runs[:3], arrays, stops)
    with pytest.raises(Mistake, match="init_scale have different numbers of runs"):
        uneven.final("train_accuracy", by="init_scale")


@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (lambda h: h.final("aligment"), "'aligment' was not recorded; there is train_"),
        (lambda h: h.curve("loss"), "'loss' was not recorded; there is train_accuracy"),
        (lambda h: h.where(seed=9), "no run of this study has {'seed': 9}"),
        (lambda h: h.where(sigma=1), "a run has no field 'sigma'; it has: dataset, "),
        (lambda h: h.by("sigma"), "a run has no field 'sigma'; it has: dataset, "),
    ],
)
def test_what_is_not_there_is_told_in_one_line(histories, ask, line):
    with pytest.raises(Mistake) as told:
        ask(histories)
    assert str(told.value).startswith(line) and "\n" not in str(told.value)
