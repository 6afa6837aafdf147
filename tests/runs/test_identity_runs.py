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
    **{"dataset": "mnist", "digest": "0123456789ab", "example": 15, "canvas": 28},
    **{"size": 7, "model": "identity_fcn", "width": 128, "depth": 20, "kernel": 3},
    **{"activation": "linear", "biases": False, "scheme": "he", "trained": "bottom"},
    **{"optimizer": "adam", "learning_rate": 0.001, "steps": 7, "stop_error": 0.001},
    **{"batch": 32, "seed": 3, "recipe": 2},
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
    for run, (name, value) in zip(runs, OTHER.items(), strict=True):
        assert getattr(run, name) == value
    assert len({fingerprint(run) for run in [IdentityRun(), *runs]}) == 1 + len(OTHER)
    plain = IdentityRun(learning_rate=1.0, example=3, size=7)
    other = {"learning_rate": 1, "example": np.int64(3), "size": np.uint8(7)}
    assert IdentityRun(**other, kernel=None) == plain  # whatever their types
    assert fingerprint(IdentityRun(**other)) == fingerprint(plain)


def test_what_is_off_is_no_part_of_a_name_and_the_task_is():
    described = IdentityRun().description()
    assert described.keys() == OTHER.keys() - {"size", "kernel", "batch"} | {"task"}
    assert None not in described.values() and described["task"] == "identity"
    assert "kernel" in IdentityRun(kernel=5).description()
    assert "task" not in Run().description()  # whose name would else be the same
    assert IdentityRun(steps=123).epochs == 123


# Values


@pytest.mark.parametrize(
    ("field", "values", "allowed"),
    [
        ("depth", [0, -1, 2.0, "5", True], "a whole number, 1 or more"),
        ("kernel", [4, 0, -1, 3.0, "5", True], "an odd whole number below 10,000, for"),
        ("width", [10**20], "1 or more, at most 1,000,000"),
        ("canvas", [0, 14.0], "a whole number, 1 or more"),
        ("canvas", [4097, 10**20], "1 or more, at most 4,096"),
        ("size", [0, -7, 7.0, "7", True], "a whole number, 1 or more"),
        ("example", [-1, 0.0, "7"], "a whole number, 0 or more"),
        ("biases", [0, 1, "yes"], "true or false"),
        ("trained", ["top", 1], "all or bottom"),
        ("optimizer", ["sgd", 1], "descent, momentum or adam"),
        ("learning_rate", [0, float("nan"), "0.1", True], "a finite number above"),
        ("steps", [0, -1, 10.0], "a whole number, 1 or more"),
        ("stop_error", [0, -1e-5, float("inf")], "a finite number above 0"),
        ("scheme", [3], "text"),
    ],
)
def test_a_value_out_of_range_is_told_in_one_line(field, values, allowed):
    for value in values if field in ("size", "kernel") else [*values, None]:
        with pytest.raises(Mistake) as told:
            IdentityRun(**{field: value})
        line = str(told.value)
        assert line.startswith(f"{field} = {value!r}: must be ") and allowed in line
        assert "\n" not in line
    run = IdentityRun(size=None, kernel=None, batch=None)  # these may be off
    assert run.size is run.kernel is None


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
        ({"epochs": [3]}, "grid over 'epochs': must be over one of activation, bat"),
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
    run = IdentityRun()
    alike = {name: OTHER[name] for name in TOGETHER}
    assert stack_key(IdentityRun(**alike)) == stack_key(run) != stack_key(Run())
    for name in OTHER.keys() - TOGETHER:
        assert stack_key(IdentityRun(**{name: OTHER[name]})) != stack_key(run), name
    assert not run.kept_apart() and not replace(run, trained="bottom").kept_apart()
