"""Runs and studies: names that last, values that are checked, grids in their order."""

import hashlib
from dataclasses import dataclass, fields, replace
from itertools import count

import numpy as np
import pytest

from helpers.errors import Mistake
from helpers.runs import Run, Study, fingerprint
from helpers.runs.run import stack_key

OPTIONAL, STACKED = Run.optional(), Run.stacked()
# For every field that runs were first made with, a value that is not its default.
OTHER = {
    **{"dataset": "cifar10", "digest": "0123456789ab", "model": "convnet"},
    **{"width": 512, "depth": 4, "activation": "relu", "init_scale": 0.1},
    **{"loss": "hinge", "learning_rate": 0.1, "first_learning_rate": 0.0},
    **{"batch_size": 128, "epochs": 7, "stop_accuracy": None},
    **{"permuted_fraction": 0.5, "measures": ("alignment",), "snapshots": (0, 5)},
    **{"seed": 3, "recipe": 2},
}
# Fields that were added later; they are off where a run does not name them.
LATER = {"biases": True, "loss_scale": 8.0}
LATER |= {"optimizer": "adam", "precision": "bfloat16", "keep_best": True}
LATER |= {"evaluate_every": 3}
LATER |= {"label_seed": 7, "subset_fraction": 0.7}
EVERY = OTHER | LATER


# Names


def test_a_name_is_the_start_of_a_hash_of_the_fields_in_order():
    text = (
        '{"activation":"sin","batch_size":256,"dataset":"digits","depth":2,"digest":"",'
        '"epochs":100,"init_scale":1.0,"learning_rate":0.01,"loss":"cross_entropy",'
        '"measures":[],"model":"mlp","recipe":1,"seed":0,"snapshots":[],'
        '"stop_accuracy":1.0,"width":256}'
    )
    assert fingerprint(Run()) == hashlib.sha256(text.encode()).hexdigest()[:12]


def test_names_of_finished_runs_stay():
    # Golden: should these change, every result ever saved is lost from sight.
    assert fingerprint(Run()) == "4d3fde05e28d"
    assert fingerprint(Run(**OTHER)) == "e38968ae8a9e"
    assert fingerprint(Run(**OTHER, **dict.fromkeys(LATER))) == "e38968ae8a9e"
    third = {"biases": True, "loss_scale": 8.0}
    assert fingerprint(Run(**OTHER, **third)) == "c2f365c49af9"
    newest = ("label_seed", "subset_fraction")
    fifth = {name: EVERY[name] for name in EVERY if name not in newest}
    fourth = {name: fifth[name] for name in fifth if name != "evaluate_every"}
    assert fingerprint(Run(**fourth)) == "eb7d21bf6e41"
    assert fingerprint(Run(**fifth)) == "e76a26bd5768"
    assert fingerprint(Run(**EVERY)) == "63e77c381aaf"
    assert fingerprint(Run(model="convnet", init_scale=None)) == "d316a242d94f"
    for name in LATER:
        assert name in OPTIONAL and getattr(Run(), name) is None
        assert name not in Run().description()


def test_a_field_that_is_off_leaves_names_alone():
    @dataclass(frozen=True, kw_only=True)
    class LaterRun(Run):
        label_noise: float | None = None

    assert fingerprint(LaterRun(width=64)) == fingerprint(Run(width=64))
    assert fingerprint(LaterRun(label_noise=0.0)) != fingerprint(Run())


def test_every_field_makes_another_name():
    assert EVERY.keys() == {field.name for field in fields(Run)}
    runs = [Run(), *(Run(**{name: value}) for name, value in EVERY.items())]
    off = [name for name in OPTIONAL if getattr(Run(), name) is not None]
    assert off == ["init_scale", "stop_accuracy"]
    runs += [Run(init_scale=None), Run(biases=False), Run(loss_scale=1.0)]
    assert len({fingerprint(run) for run in runs}) == len(runs)


def test_equal_values_make_one_run_and_one_name_whatever_their_type():
    plain = Run(init_scale=10.0, seed=3, stop_accuracy=1.0, snapshots=(1, 2))
    others = [
        Run(init_scale=10, seed=np.int64(3), stop_accuracy=1, snapshots=[1, 2]),
        Run(init_scale=np.float32(10), seed=np.uint8(3), snapshots=range(1, 3)),
        Run(init_scale=np.int64(10), seed=3, snapshots=(np.int32(1), np.int64(2))),
    ]
    assert fingerprint(Run(loss_scale=2)) == fingerprint(Run(loss_scale=np.float32(2)))
    assert {plain, *others} == {plain}
    assert {fingerprint(run) for run in others} == {fingerprint(plain)}


# Values


@pytest.mark.parametrize(
    ("field", "values", "allowed"),
    [
        ("width", [0, -1, 1.5, "64", True, None], "a whole number, 1 or more"),
        ("width", [10**6 + 1, 10**20], "1 or more, at most 1,000,000"),
        ("depth", [0, 2.0, None], "a whole number, 1 or more"),
        ("depth", [10**4 + 1], "1 or more, at most 10,000"),
        ("init_scale", [0, -0.1, float("inf"), "1e-3"], "a finite number above 0"),
        ("init_scale", [float("nan"), True, 1j, [0.1]], "a finite number above 0"),
        ("biases", [0, 1, "true", 1.0], "true or false"),
        ("loss_scale", [0, -1, float("inf"), "2", True], "a finite number above 0"),
        ("loss_scale", [float("nan"), [2.0]], "a finite number above 0"),
        ("learning_rate", [0, -1, float("nan"), "0.1", True], "a finite number above"),
        ("learning_rate", [3.1e38, 1e300, 10**400], "above 0, at most 3e+38"),
        ("first_learning_rate", [3.1e38], "0 or above, at most 3e+38"),
        ("first_learning_rate", [-1, float("inf"), "0"], "a finite number, 0 or above"),
        ("batch_size", [0, 0.5, "32"], "a whole number, 1 or more"),
        ("epochs", [0, -5, 1.0, "3", None], "a whole number, 1 or more"),
        ("epochs", [10**9 + 1], "1 or more, at most 1,000,000,000"),
        ("stop_accuracy", [0, 1.01, -1, "1", True], "above 0 and at most 1"),
        ("permuted_fraction", [-0.1, 1.1, float("nan"), "0"], "a number from 0 to 1"),
        ("measures", ["alignment", [3], None], "names in a list"),
        ("snapshots", [3, [-1], ["1"], [1.0], "12", None], "epochs in a list"),
        ("seed", [-1, 0.0, "0", None, True], "a whole number, 0 or more"),
        ("seed", [2**63], "0 or more, at most 9,223,372,036,854,775,807"),
        ("snapshots", [[0, 10**9 + 1]], "epochs in a list"),
        ("recipe", [0, "1", None], "a whole number, 1 or more"),
        ("loss", [None, 3], "text"),
        ("activation", [None, 3], "text"),
        ("model", [None], "text"),
    ],
)
def test_a_value_out_of_range_is_told_in_one_line(field, values, allowed):
    for value in values:
        with pytest.raises(Mistake) as told:
            Run(**{field: value})
        line = str(told.value)
        assert line.startswith(f"{field} = {value!r}: must be ") and allowed in line
        assert "\n" not in line


def test_what_may_be_off_is_none():
    off = Run(**dict.fromkeys(OPTIONAL))
    assert [getattr(off, name) for name in OPTIONAL] == [None] * len(OPTIONAL)
    with pytest.raises(AttributeError):
        off.width = 3


# Studies


class Data:
    name, digest = "spheres", "abcdefabcdef"


def test_the_last_field_of_a_grid_varies_fastest_and_data_are_stamped():
    runs = Study(Data, Run(), {"init_scale": [0.1, 1], "seed": range(3)}).runs()
    expected = [(scale, seed) for scale in (0.1, 1.0) for seed in range(3)]
    assert [(r.init_scale, r.seed) for r in runs] == expected
    assert {(r.dataset, r.digest) for r in runs} == {("spheres", "abcdefabcdef")}
    stamped = replace(Run(seed=4), dataset="spheres", digest="abcdefabcdef")
    assert Study(Data, Run(seed=4)).runs() == [stamped]


def test_fields_in_a_tuple_vary_together():
    together = ("init_scale", "loss_scale", "learning_rate")
    values = [(0.1, None, 0.01), (0.2, 2, 0.02)]
    # Values that come from iterators are there ever after.
    grid = {"depth": iter([2, 3]), together: iter(values), ("seed",): [(0,), (1,)]}
    study = Study(Data, Run(), grid)
    expected = [
        (d, *value, seed) for d in (2, 3) for value in values for seed in (0, 1)
    ]
    names = ("depth", *together, "seed")
    for _ in range(2):
        runs = study.runs()
        assert [tuple(getattr(r, n) for n in names) for r in runs] == expected
    assert {r.dataset for r in runs} == {"spheres"}
    assert len(runs) == 8 == len(set(map(fingerprint, runs)))


PAIR = ("seed", "width")


@pytest.mark.parametrize(
    ("grid", "line"),
    [
        ({"sigma": [1]}, "grid over 'sigma': must be over one of activation, batch"),
        ({"digest": ["x"]}, "grid over 'digest': must be over one of activation"),
        ({"dataset": ["mnist"]}, "grid over 'dataset': must be over one of"),
        ({"seed": []}, "seed: a grid needs at least one value"),
        ({"seed": 3}, "seed = 3: a grid needs a list of values"),
        ({"activation": "sin"}, "activation = 'sin': a grid needs a list of values"),
        ({"seed": [0, -1]}, "seed = -1: must be a whole number, 0 or more"),
        ({"seed": range(10**12)}, "grid over seed: makes more than 100,000 runs, the"),
        ({"seed": count()}, "grid over seed: makes more than 100,000 runs, the most"),
        (
            {"seed": range(1000), "width": range(1, 102)},
            "grid over seed, width: makes more than 100,000 runs, the most of one st",
        ),
        ({("seed", "sigma"): [(1, 2)]}, "grid over 'sigma': must be over one of act"),
        ({PAIR: [(1, 2)], "seed": [3]}, "grid over 'seed': name each field once"),
        ({PAIR: []}, "('seed', 'width'): a grid needs at least one value"),
        ({PAIR: 3}, "('seed', 'width') = 3: a grid needs a list of val"),
        ({PAIR: [(0, 16), (1,)]}, "('seed', 'width') = (1,): give a value for each of"),
        ({PAIR: [(0, 16, 2)]}, "('seed', 'width') = (0, 16, 2): give a value for each"),
        ({PAIR: [(0, 1), (1, -2)]}, "width = -2: must be a whole number, 1 or more"),
    ],
)
def test_a_grid_that_makes_no_sense_is_told_in_one_line(grid, line):
    with pytest.raises(Mistake) as told:
        Study(Data, Run(), grid)
    assert str(told.value).startswith(line) and "\n" not in str(told.value)


# Stacks


def test_runs_share_a_stack_where_they_differ_in_what_stacks_allow():
    first = stack_key(Run(first_learning_rate=0.3))
    alike = {name: EVERY[name] for name in STACKED if name != "first_learning_rate"}
    assert stack_key(Run(**alike)) == first
    for name in EVERY.keys() - set(STACKED):
        assert stack_key(Run(**{name: EVERY[name]})) != first, name
    for name in ("init_scale", "loss_scale", "permuted_fraction"):  # or none at all
        assert {stack_key(Run(**{name: value})) for value in (None, 0.5)} == {first}


def test_a_frozen_layer_is_never_beside_trained_ones():
    frozen = stack_key(Run(first_learning_rate=0))
    assert frozen == stack_key(Run(first_learning_rate=0.0, seed=5))
    assert frozen != stack_key(Run(first_learning_rate=1e-9))
