"""Pictures of features in two dimensions, and the numbers that belong beside them.

Paper B shows UMAP (McInnes et al. 2018) of a layer's features and calls sets of
examples separable by eye (figures 2B and A.2). How separable they are is said here by
their nearest neighbours, in the features themselves or in the picture. Distances are
Euclidean; for angles give rows of unit length.
"""

import warnings
from typing import NamedTuple

import numba
import numpy as np
import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.metrics.checks import (
    check_count,
    check_seed,
    finite,
    in_one_unit,
    integer_labels,
    real,
    within_range,
)
from helpers.system.memory import chunk_memory

# Bytes of distances that are held at once; on a CPU what stays near.
MEMORY = {"cpu": 2**25, "cuda": 2**31}
LEAST = 4  # examples of which UMAP makes a picture


# OpenMP's threads are torch's: shared with numba's they change torch's bits.
numba.config.THREADING_LAYER = "workqueue"


class Embedding(NamedTuple):
    """A picture of examples.

    points: (example, 2) float32, in no unit, in the order of the examples.
    kept: share of each example's nearest neighbours that are among as many nearest ones
    in the picture, mean over the examples: 1 where the picture keeps all.
    """

    points: Tensor
    kept: float


class Separability(NamedTuple):
    """How often neighbours name the right class, and how often any answer would.

    accuracy: mean over the classes of the share of their examples that are named
    rightly (balanced), 0..1. chance: 1 / classes, what every answer that does not
    depend on the class has on average, one answer for all included.
    """

    accuracy: float
    chance: float


def embed(
    features: Tensor | np.ndarray,
    *,
    seed: int = 0,
    neighbours: int = 15,
    min_dist: float = 0.1,
    start: np.ndarray | None = None,
) -> Embedding:
    """UMAP of features (example, feature) in two dimensions, the same for one seed.

    neighbours: 2 or more, the example itself counted; min_dist: how close points may
    lie, 0..1. start: (example, 2), from which the points move. One thread, since two
    would race. Examples of equal features lie near one another, their places have no
    meaning. 2,000 examples of 1,000 features take 3 s on one core, and the first
    picture of a process 7 s more, in which umap is compiled.
    """
    check_seed(seed)
    check_count("neighbours", neighbours, least=2)
    if not 0 <= min_dist <= 1:
        raise Mistake(f"min_dist = {min_dist!r}: must be within 0..1")
    rows = _checked(features, max(neighbours, LEAST) - 1)
    nearest = _nearest(rows, neighbours - 1)
    known, nearest = _with_distances(rows, nearest), nearest.cpu()
    with warnings.catch_warnings():  # some are told at import, others on odd data
        warnings.simplefilter("ignore")
        from umap import UMAP  # takes seconds to import

        reducer = UMAP(
            n_components=2,
            n_neighbors=neighbours,
            min_dist=min_dist,
            random_state=seed,
            n_jobs=1,
            init="spectral" if start is None else np.float32(start),
            # exact ones: umap's own search is compiled anew in every process
            precomputed_knn=known,
            force_approximation_algorithm=True,
        )
        points = reducer.fit_transform(rows.float().cpu().numpy())
    return _picture(torch.from_numpy(points), nearest)


def _picture(points: Tensor, nearest: Tensor) -> Embedding:
    """Points, and how many of the nearest (example, neighbour) are near there, too."""
    shown = _nearest(points.double(), nearest.shape[1])
    kept = (nearest[:, :, None] == shown[:, None]).any(2).double().mean()
    return Embedding(points, kept.item())


def _with_distances(rows: Tensor, nearest: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Indices and distances of the nearest, each example first of its own."""
    own = torch.arange(len(rows), device=rows.device)
    every = torch.cat([own[:, None], nearest], 1)
    distances = [(rows - rows[column]).norm(dim=1) for column in every.T]
    return every.cpu().numpy(), torch.stack(distances, 1).float().cpu().numpy()


def separability(
    features: Tensor | np.ndarray, labels: Tensor | np.ndarray, *, neighbours: int = 5
) -> Separability:
    """Accuracy of naming each example's label by its nearest others (leave one out).

    features: (example, feature), or the points of an `Embedding`; labels: (example,)
    integers. The most frequent label of the neighbours counts, of equally frequent ones
    that of the nearest neighbour; of neighbours at equal distance the first examples
    are taken, so that features that are all equal give chance. Random labels give a
    little less than chance, since an example is missing from its own class: with n
    examples a class about 1 / n of it. An example alone in its class is never right.
    """
    from sklearn.metrics import balanced_accuracy_score  # takes a second to import

    check_count("neighbours", neighbours)
    rows = _checked(features, neighbours)
    labels = integer_labels(labels, len(rows)).cpu()
    answers = _voted(labels[_nearest(rows, neighbours).cpu()])
    accuracy = balanced_accuracy_score(labels.numpy(), answers.numpy())
    return Separability(float(accuracy), 1 / len(labels.unique()))


def nearest_labels(
    features: Tensor | np.ndarray,
    labels: Tensor | np.ndarray,
    asked: Tensor | np.ndarray,
    *,
    neighbours: int = 5,
) -> Tensor:
    """The label that the nearest examples give to each of other rows: int64 (row,).

    features: (example, feature); labels: (example,) integers; asked: (row, feature).
    Votes and ties are counted as by `separability`.
    """
    check_count("neighbours", neighbours)
    rows, others = in_one_unit(features, asked)
    if len(rows) < neighbours:
        raise Mistake(_too_few(len(rows), neighbours))
    labels = integer_labels(labels, len(rows)).cpu()
    return _voted(labels[_nearest(rows, neighbours, others).cpu()])


def _voted(named: Tensor) -> Tensor:
    """The most frequent label of neighbours (row, neighbour), the nearest of equals."""
    votes = (named[:, :, None] == named[:, None]).sum(2)  # argmax takes the first
    return named.gather(1, votes.argmax(1, keepdim=True))[:, 0]


def _nearest(rows: Tensor, count: int, asked: Tensor | None = None) -> Tensor:
    """Indices of the rows nearest to each asked one (asked, count), nearest first.

    asked: None: of each row the nearest others.
    """
    far, mean = rows.square().sum(1).max(), rows.mean(0)
    others = None if asked is None else asked - mean
    rows = rows - mean  # far data lose digits
    squares, found = rows.square().sum(1), []
    grain = 1e-12 * squares.max() + 1e-30 * far  # above the error of rounding
    grain = grain.where(grain > 0, 1)
    held = chunk_memory(rows.device, **MEMORY) // 8
    each = rows if others is None else others
    for start in range(0, len(each), size := max(1, held // len(rows))):
        some = each[start : start + size]
        # Squared distances less the row's own square, equal where rounding differs.
        distances = (squares - 2 * some @ rows.T).div_(grain).round_()
        if others is None:
            at = torch.arange(len(some), device=rows.device)
            distances[at, start + at] = torch.inf
        found.append(_first(distances, count))
    return torch.cat(found)


def _first(distances: Tensor, count: int) -> Tensor:
    """Columns of each row's least values in order, of equal ones the first columns."""
    least = distances.topk(count, dim=1, largest=False)
    if ((distances <= least.values[:, -1:]).sum(1) > count).any():  # ties at the edge
        return distances.sort(dim=1, stable=True).indices[:, :count]
    columns = least.indices.sort(dim=1).values
    return columns.gather(1, distances.gather(1, columns).argsort(dim=1, stable=True))


def _checked(features: Tensor | np.ndarray, neighbours: int) -> Tensor:
    """Features as (example, feature) in float64, with more examples than neighbours."""
    rows = real(features, "features").double()
    if rows.ndim != 2 or not rows.shape[1]:
        raise Mistake(
            f"features have shape {tuple(rows.shape)}: must be (example, feature)"
        )
    if len(rows) <= neighbours:
        raise Mistake(_too_few(len(rows), neighbours + 1))
    return within_range(finite(rows, "features"))


def _too_few(count: int, least: int) -> str:
    return (
        f"{count} examples are too few: give at least {least}, or ask for fewer "
        "neighbours"
    )
