"""Whether a hyperplane separates points: a test that ends with a proof.

Signed points, the rows a of unit length, are separable if a.w > 0 for all of them and
some w. Just then the minimum of the sum of max(0, 1 - a.w)^2 is zero. The sum consists
of finitely many parabolas, so that Newton's method with an exact line search ends in
the lowest after a few steps (Mangasarian 2002). If that is above zero, what the points
in use miss of one are weights with which they add up to zero: no w can be positive on
all of them.
"""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import linprog

from helpers.metrics.checks import finite, matrix

STEPS = 100  # at most
ROUGH = 20  # of them in half the digits, at most; most labellings take ten
POSITIVE = 1e-10  # cosine of a point and w that rounding cannot have made of zero
ZERO = 1e-9  # length of a weighted mean of points that may be zero but for rounding


def separable(rows: np.ndarray) -> bool:
    """Whether some w has a positive product with each of the (row, feature) rows.

    Points to be told apart come multiplied by their sign, +1 or -1; for a threshold
    they have one more feature, a one that is multiplied as well. Finite; float64.
    """
    rows = finite(matrix(rows, "rows"), "rows").numpy()
    lengths = np.abs(rows).max(axis=1, keepdims=True, initial=0)
    # so that no square overflows or vanishes; a power of two changes no digit
    rows = np.ldexp(rows, -np.frexp(lengths)[1])
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not lengths.all():
        return False
    rows, w, products = rows / lengths, np.zeros(rows.shape[1]), np.zeros(len(rows))
    # Half the digits give the same steps in half the time; the proof takes all of them.
    precision = np.float32
    for taken in range(STEPS):
        if taken == ROUGH:
            precision = np.float64
        missed = 1 - products
        used = missed > 0
        step = _newton_step(rows[used], missed[used], precision)
        along = rows @ step
        share = _best_share(missed, along)
        w, products = w + share * step, products + share * along
        if (products > POSITIVE * np.linalg.norm(w)).all():
            return True
        if ((products < 1) == used).all():  # this parabola's lowest point
            weights = np.maximum(1 - products, 0)
            if np.linalg.norm(weights @ rows) <= ZERO * weights.sum():
                return False
            precision = np.float64
    zero, one = np.zeros(len(w)), np.ones(len(rows))
    return linprog(zero, A_ub=-rows, b_ub=-one, bounds=(None, None)).status == 0


def _newton_step(rows, missed, precision):
    """The shortest least-squares solution of rows . step = missed: (feature,)."""
    rows, missed = rows.astype(precision), missed.astype(precision)
    wide = len(rows) <= rows.shape[1]
    matrix = rows @ rows.T if wide else rows.T @ rows
    # Points may depend on each other: a ridge as large as what rounding leaves.
    matrix.flat[:: len(matrix) + 1] += 8 * np.finfo(precision).eps * matrix.trace()
    try:
        factor = cho_factor(matrix, overwrite_a=True, check_finite=False)
    except LinAlgError:
        return np.linalg.lstsq(rows.astype(float), missed.astype(float), rcond=None)[0]
    if wide:
        step = rows.T @ cho_solve(factor, missed, check_finite=False)
    else:
        step = cho_solve(factor, rows.T @ missed, check_finite=False)
    return step.astype(float)


def _best_share(missed, along):
    """The t > 0 with the least sum of max(0, missed - t along)^2."""
    used = missed > 0
    turns = np.flatnonzero(np.where(used, along > 0, along < 0))
    turns = turns[np.argsort(missed[turns] / along[turns])]
    times = missed[turns] / along[turns]
    # Half the slope between one turn and the next is bend * t - pull.
    signs, first = np.where(used[turns], -1, 1), along[used]
    bends = np.append(first @ first, signs * along[turns] ** 2).cumsum()
    pulls = np.append(first @ missed[used], signs * (along * missed)[turns]).cumsum()
    rising = np.flatnonzero(pulls[:-1] <= bends[:-1] * times)
    piece = rising[0] if len(rising) else len(times)
    start, end = np.append(0, times)[piece], np.append(times, np.inf)[piece]
    if not bends[piece] > np.finfo(float).eps * bends.max():
        return start or 1.0  # nothing is used any more, or the step leads nowhere
    return min(max(pulls[piece] / bends[piece], start), end)
