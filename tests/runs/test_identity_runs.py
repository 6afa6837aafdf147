"""Runs of identity nets: names that last, values that are checked, what stacks."""

import hashlib
from dataclasses import fields, replace

import numpy as np
import pytest

from helpers.errors import Mistake
from helpers.runs import IdentityRun, Run, Study, fingerprint
from helpers.runs.run import stack_key

# For every field a value that is not its default.
OTHER = {
    "dataset": "mnist",
    "digest": "0123456789ab",
    "example": 15,
    "canvas": 28,
    "size": 7,
    "model": "identity_fcn",
    "width": 128,
    "depth": 20,
    "kernel": 3,
    "activation": "linear",
    "biases": False,
    "scheme": "he",
    "trained": "bottom",
    "optimizer": "adam",
    "learning_rate": 0.001,
    "steps": 7,
    "stop_error": 0.001,
    "seed": 3,
    "recipe": 2,
}
TOGETHER = {"seed", "example", "scheme"}  # may differ within a stack


class Data:
    name, digest = "digits", "abcdefabcdef"


# Names


def test_a_name_is_the_start_of_a_hash_of_the_fields_in_order():
    text = (
        '{"activation":"relu","biases":true,"canvas":14,"dataset":"digits","depth":5,'
        '"digest":"","example":0,"learning_rate":0.03,"model":"identity_convnet",'
        '"optimizer":"momentum","recipe":1,"scheme":"glorot","seed":0,"steps":1000,'
        '"stop_error":1e-05,"task":"identity","trained":"all","width":32}'
    )
    name = hashlib.sha256(text.encode()).hexdigest()[:12]
    assert fingerprint(IdentityRun()) == name


def test_every_field_makes_another_name():
    assert OTHER.keys() == {field.name for field in fields(IdentityRun)}
    runs = [IdentityRun(**{name: value}) for name, value in OTHER.items()]
    assert all(
        getattr(r, n) == v for r, (n, v) in zip(runs, OTHER.items(), strict=True)
    )
    assert len({fingerprint(run) for run in [IdentityRun(), *runs]}) == 1 + len(OTHER)


def test_equal_values_make_one_run_and_one_name_whatever_their_type():
    plain = IdentityRun(learning_rate=1.0, example=3, size=7)
    other = IdentityRun(
        learning_rate=1, example=np.int64(3), size=np.uint8(7), kernel=None
    )
    assert plain == other and fingerprint(plain) == fingerprint(other)


def test_what_is_off_is_no_part_of_a_name():
    described = IdentityRun().description()
    assert described.keys() == OTHER.keys() - {"size", "kernel"} | {"task"}
    assert None not in described.values()
    assert "kernel" in IdentityRun(kernel=5).description()


def test_no_identity_run_has_the_name_of_a_classifying_one():
    # Were all fields alike, the task would still tell them apart.
    assert IdentityRun().description()["task"] == "identity"
    assert "task" not in {field.name for field in fields(IdentityRun)}
    assert "task" not in Run().description()


def test_a_run_cannot_be_changed():
    with pytest.raises(AttributeError):
        IdentityRun().width = 3


def test_an_epoch_is_a_step():
    assert IdentityRun(steps=123).epochs == 123


# Values


@pytest.mark.parametrize(
    ("field", "values", "allowed"),
    [
        ("depth", [0, -1, 2.0, "5", True, None], "a whole number, 1 or more"),
        ("width", [0, -32, 1.5, None], "a whole number, 1 or more"),
        ("kernel", [4, 0, -1, 3.0, "5", True], "an odd whole number below 10,000, for"),
        ("width", [10**20], "1 or more, at most 1,000,000"),
        ("canvas", [0, 14.0, None], "a whole number, 1 or more"),
        ("canvas", [4097, 10**20], "1 or more, at most 4,096"),
        ("size", [0, -7, 7.0, "7", True], "a whole number, 1 or more"),
        ("example", [-1, 0.0, None, "7"], "a whole number, 0 or more"),
        ("biases", [0, 1, None, "yes"], "true or false"),
        ("trained", ["top", None, 1], "all or bottom"),
        ("optimizer", ["sgd", None, 1], "descent, momentum or adam"),
        ("learning_rate", [0, -1, float("nan"), "0.1", True], "a finite number above"),
        ("steps", [0, -1, 10.0, None], "a whole number, 1 or more"),
        ("stop_error", [0, -1e-5, float("inf"), None], "a finite number above 0"),
        ("seed", [-1, 0.0, None, True], "a whole number, 0 or more"),
        ("recipe", [0, None], "a whole number, 1 or more"),
        ("dataset", [None, 3], "text"),
        ("model", [None, 3], "text"),
        ("activation", [None, 3], "text"),
        ("scheme", [None, 3], "text"),
    ],
)
def test_a_value_out_of_range_is_told_in_one_line(field, values, allowed):
    for value in values:
        with pytest.raises(Mistake) as told:
            IdentityRun(**{field: value})
        line = str(told.value)
        assert line.startswith(f"{field} = {value!r}: must be ") and allowed in line
        assert "\n" not in line


def test_size_and_kernel_may_be_off_and_nothing_else():
    run = IdentityRun(size=None, kernel=None)
    assert run.size is run.kernel is None
    for name in OTHER.keys() - {"size", "kernel"}:
        with pytest.raises(Mistake):
            IdentityRun(**{name: None})


# Studies


def test_a_study_of_identity_runs_stamps_the_data_on_each():
    study = Study(Data, IdentityRun(steps=5), {"depth": [1, 2], "seed": range(2)})
    runs = study.runs()
    assert [(r.depth, r.seed) for r in runs] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert all(isinstance(run, IdentityRun) and run.steps == 5 for run in runs)
    assert {(r.dataset, r.digest) for r in runs} == {("digits", "abcdefabcdef")}


@pytest.mark.parametrize(
    ("grid", "line"),
    [
        ({"depth": [1, 0]}, "depth = 0: must be a whole number, 1 or more"),
        ({"kernel": [3, 4]}, "kernel = 4: must be an odd whole number"),
        ({"width": [3, 0]}, "width = 0: must be a whole number, 1 or more"),
        ({"epochs": [3]}, "grid over 'epochs': must be over one of activation, bia"),
        ({"batch_size": [1]}, "grid over 'batch_size': must be over one of activat"),
        ({"dataset": ["mnist"]}, "grid over 'dataset': must be over one of activat"),
    ],
)
def test_a_grid_that_makes_no_sense_is_told_before_training(grid, line):
    with pytest.raises(Mistake) as told:
        Study(Data, IdentityRun(), grid)
    assert str(told.value).startswith(line) and "\n" not in str(told.value)


# Stacks


def test_runs_share_a_stack_where_seed_image_and_scheme_are_all_that_differs():
    key = stack_key(IdentityRun())
    alike = {name: OTHER[name] for name in TOGETHER}
    assert stack_key(IdentityRun(**alike)) == key
    for name in OTHER.keys() - TOGETHER:
        assert stack_key(IdentityRun(**{name: OTHER[name]})) != key, name


def test_no_stack_holds_runs_of_two_tasks():
    run = IdentityRun()
    assert stack_key(run) != stack_key(Run())
    assert not run.kept_apart() and not replace(run, trained="bottom").kept_apart()
