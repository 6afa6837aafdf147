"""Tables and histories made by hand, and what is read of their estimates."""

import math

import numpy as np

from helpers.runs import Run
from helpers.runs.histories import Histories

NAN, INF = math.nan, math.inf


def array(*values):
    return np.array(values, dtype=float)


def values(found):
    return {name: estimate.value for name, estimate in found.items()}


def counts(found):
    """Networks of each estimate, without repetitions."""
    return {estimate.n for estimate in found.values()}


def undefined(estimate):
    """Whether an estimate says that some network is not known."""
    return math.isnan(estimate.value) and estimate[1:3] == (-INF, INF)


def histories_of(*stops, **rows):
    """Networks with these curves: name -> a row for each network."""
    curves = [
        dict(zip(rows, each, strict=True)) for each in zip(*rows.values(), strict=True)
    ]
    arrays = [{n: np.array(row, float) for n, row in each.items()} for each in curves]
    runs = tuple(Run(seed=k, permuted_fraction=0.5) for k in range(len(arrays)))
    return Histories(runs, tuple(arrays), stops or ("epochs",) * len(arrays))
