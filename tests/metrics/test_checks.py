"""What metrics are given: an answer, or one line of ours, never a library's words."""

import numpy as np
import pytest
import torch

from helpers.errors import Mistake
from helpers.metrics import checks
from helpers.metrics.curvature import relu_curvature
from helpers.metrics.embedding import embed, separability
from helpers.metrics.gradients.alignment import (
    alignment,
    class_alignment,
    outer_alignment,
)
from helpers.metrics.gradients.related import measures, vectors_as_factors
from helpers.metrics.kernels import (
    class_kernel_alignment,
    kernel_machine_accuracy,
    relu_kernel,
    sin_kernel,
)
from helpers.metrics.layer_views import best_channel, singular_view
from helpers.metrics.manifolds.capacity import simulated_capacity
from helpers.metrics.manifolds.geometry import manifold_geometry
from helpers.metrics.manifolds.separability import separable
from helpers.metrics.mean_classifier import class_sums
from helpers.metrics.reconstruction import cosine, sharpness, update_rank

RANDOM = np.random.default_rng(0)
CLOUDS = RANDOM.standard_normal((6, 12, 5))  # (manifold, feature, example)
ROWS = RANDOM.standard_normal((12, 6))
LABELS = torch.arange(12) % 3


def geometry(x, **options):
    return manifold_geometry(x, **{"gaussians": 4, "restarts": 1} | options)


def capacity(x, **options):
    return simulated_capacity(x, **{"dichotomies": 3} | options)


ASK = {
    "manifold_geometry": (CLOUDS, geometry),
    "simulated_capacity": (CLOUDS, capacity),
    "sharpness": (CLOUDS, sharpness),
    "singular_view": (CLOUDS, singular_view),
    "best_channel": (CLOUDS, lambda x: best_channel(x, torch.ones(12, 5))),
    "separability": (ROWS, lambda x: separability(x, LABELS)),
    "separable": (ROWS, separable),
    "alignment": (ROWS, alignment),
    "outer_alignment": (ROWS, lambda x: outer_alignment(x, x)),
    "class_alignment": (ROWS, lambda x: class_alignment(LABELS, 3, x)),
    "sin_kernel": (ROWS, lambda x: sin_kernel(x, x, 0.1)),
    "relu_kernel": (ROWS, lambda x: relu_kernel(x, x, 0.1)),
    "class_kernel": (ROWS, lambda x: class_kernel_alignment(x, LABELS, 3, scale=0.1)),
    "kernel_machine": (
        ROWS,
        lambda x: kernel_machine_accuracy(
            (x, LABELS), (x, LABELS), classes=3, scale=0.1
        ),
    ),
    "relu_curvature": (ROWS, lambda x: relu_curvature(x, width=3, scale=0.1)),
    "measures": (ROWS, lambda x: measures(vectors_as_factors(x))),
    "cosine": (ROWS, lambda x: cosine(x, x, axes=1)),
    "update_rank": (ROWS, lambda x: update_rank(x, ROWS, torch.ones(6))),
    "class_sums": (ROWS, lambda x: class_sums(x, LABELS, classes=3)),
}


def with_one(value):
    def change(x):
        changed = x.copy()
        changed.flat[3] = value
        return changed

    return change


def read_only(x):
    copy = x.copy()
    copy.flags.writeable = False
    return copy


ODD = {
    "truth values": lambda x: x > 0,
    "small integers": lambda x: (20 * x).astype(np.int8),
    "large integers": lambda x: (20 * abs(x)).astype(np.uint64),
    "half": lambda x: x.astype(np.float16),
    "brain half": lambda x: torch.from_numpy(x).bfloat16(),
    "long": lambda x: x.astype(np.longdouble),
    "other byte order": lambda x: x.astype(">f8"),
    "backwards": lambda x: x[::-1],
    "mirrored": lambda x: x[..., ::-1],
    "read only": read_only,
    "not contiguous": lambda x: torch.from_numpy(np.asfortranarray(x)),
    "in a graph": lambda x: torch.from_numpy(x.copy()).requires_grad_(),
    "huge": lambda x: 1e160 * x,
    "tiny": lambda x: 1e-160 * x,
    "largest": lambda x: 1.7e308 * np.sign(x),
    "zeros": lambda x: 0 * x,
    "NaN": with_one(np.nan),
    "infinite": with_one(np.inf),
    "complex": lambda x: x + 1j,
    "objects": lambda x: x.astype(object),
    "text": lambda x: x.astype(str),
    "one axis": np.ravel,
    "no axis": lambda x: np.array(1.0),
    "one axis more": lambda x: x[..., None],
    "nothing": lambda x: x[:0],
    "no features": lambda x: x[:, :0],
    "rows of different lengths": lambda x: [[1.0], [1.0, 2.0]],
    "none": lambda x: None,
}


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # 0 · infinity
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", ASK)
def test_whatever_it_is_given_a_metric_answers_or_says_one_line(name, odd):
    sound, ask = ASK[name]
    try:
        ask(ODD[odd](sound))
    except Mistake as told:
        assert "\n" not in str(told)


@pytest.mark.parametrize("name", ASK)
@pytest.mark.parametrize("odd", ["complex", "objects", "text", "none"])
def test_what_are_no_real_numbers_is_refused(name, odd):
    sound, ask = ASK[name]
    with pytest.raises(Mistake):
        ask(ODD[odd](sound))


def numbers(found):
    found = found if isinstance(found, tuple) else (found,)
    return [np.asarray(each, dtype=float) for each in found]


@pytest.mark.parametrize("name", ASK)
@pytest.mark.parametrize(
    "odd", ["truth values", "small integers", "other byte order", "backwards"]
)
def test_kinds_of_arrays_answer_as_the_same_numbers_in_float64(name, odd):
    sound, ask = ASK[name]
    given = ODD[odd](sound)
    plain = np.ascontiguousarray(given).astype(np.float64)
    for found, expected in zip(numbers(ask(given)), numbers(ask(plain)), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "name", ["manifold_geometry", "simulated_capacity", "separability", "separable"]
)
@pytest.mark.parametrize("power", [-700, 700])
def test_what_has_no_unit_is_the_same_in_any(name, power):
    sound, ask = ASK[name]
    scaled = ask(2.0**power * sound)  # no digit differs
    for found, expected in zip(numbers(scaled), numbers(ask(sound)), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, "0", True, None])
@pytest.mark.parametrize(
    "ask",
    [
        lambda seed: geometry(CLOUDS, seed=seed),
        lambda seed: capacity(CLOUDS, seed=seed),
        lambda seed: embed(ROWS, seed=seed),
    ],
)
def test_a_seed_is_a_whole_number_of_32_bits(ask, seed):
    with pytest.raises(Mistake, match=r"seed is .* choose a whole number from 0"):
        ask(seed)


@pytest.mark.parametrize("count", [0, -1, 2.5, True, "3", None])
@pytest.mark.parametrize("name", ["gaussians", "restarts"])
def test_counts_of_draws_are_whole_numbers_from_one(name, count):
    with pytest.raises(Mistake, match=rf"{name} = .*: must be a whole number, 1 or m"):
        geometry(CLOUDS, **{name: count})


def test_labels_out_of_range_are_named():
    with pytest.raises(Mistake, match=r"run from -1 to 1: with 3 .* lie in 0\.\.2"):
        class_alignment(LABELS - 1, 3, ROWS)
    with pytest.raises(Mistake, match="give one integer for each of the 12 examples"):
        class_alignment(LABELS[:5], 3, ROWS)


def test_a_unit_changes_nothing_in_the_common_range():
    assert [checks.unit_of(size) for size in (1e-29, 1.0, 1e29, 0.0, np.inf)] == [1] * 5
    assert checks.unit_of(1e160) * 1e160 == pytest.approx(0.75, abs=0.25)
    assert checks.unit_of(5e-324) == 2.0**1000
