"""Estimates of what alignment tells of generalization, named as the registry asks.

Tables are (network, setting), settings in one order for all, or (network,) for one
architecture. A network is a seed, which all share, so correlations and differences are
taken seed by seed.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from helpers.claims.html import describe_number, table_html
from helpers.datasets.names import called
from helpers.errors import Mistake
from helpers.estimates import Estimate, exact, mean_interval, paired_difference
from helpers.estimates.intervals import rank_step, spearman
from helpers.estimates.settings import (
    Estimates,
    ascending,
    farthest_of,
    joint,
    lowest_of,
)
from helpers.metrics.gradients import related

Tables = Mapping[str, ArrayLike]  # data set -> (network, setting)


class Pairs(NamedTuple):
    """Four measures of two gradients a and b over their angle (paper A, figure 3).

    forms: measure -> closed form, (ratio, cosine); measured: what the code finds for
    two such vectors; doubled: the same with both of them twice as long.
    """

    cosines: np.ndarray
    ratios: tuple[float, ...]
    forms: dict[str, np.ndarray]
    measured: dict[str, np.ndarray]
    doubled: dict[str, np.ndarray]


def compare_pairs(cosines: ArrayLike, ratios: Sequence[float]) -> Pairs:
    """The four measures of two vectors, every ratio |b| / |a| and cosine; |a| = 1."""
    cosines, ratios = ascending("cosines", cosines, least=2), tuple(ratios)
    forms = related.pair_measures(cosines, np.array(ratios)[:, None])
    names = related.Measures._fields
    closed = dict(zip(names, (form.numpy() for form in forms), strict=True))
    found = [_measure_pairs(cosines, ratios, norm) for norm in (1.0, 2.0)]
    return Pairs(cosines, ratios, closed, *found)


def _measure_pairs(cosines: np.ndarray, ratios: tuple, norm: float) -> dict:
    each = [
        related.measures(related.vectors_as_factors(related.two_vectors(c, r, norm)))
        for r in ratios
        for c in cosines
    ]
    table = np.array(each).reshape(len(ratios), len(cosines), -1)
    return dict(zip(related.Measures._fields, np.moveaxis(table, -1, 0), strict=True))


def pair_estimates(pairs: Pairs) -> Estimates:
    """What figure 3 shows, as numbers: errors, invariances, and where diversity reacts.

    Slopes of diversity are those at the two outermost cosines where it is defined, for
    gradients of equal norm.
    """
    gaps = [_largest_gap(pairs.forms[n], pairs.measured[n]) for n in pairs.forms]
    stiffness, confusion = pairs.measured["stiffness"], pairs.measured["confusion"]
    growth = pairs.doubled["confusion"][confusion != 0] / confusion[confusion != 0]
    diversity = pairs.measured["diversity"][pairs.ratios.index(1)]
    defined = np.isfinite(diversity)
    slopes = np.abs(np.gradient(diversity[defined], pairs.cosines[defined]))
    values = {
        "largest_closed_form_error": np.max(gaps),
        "stiffness_change_with_norm": np.ptp(stiffness, axis=0).max(),
        "confusion_exponent_of_norm": np.log2(growth).mean(),
        "diversity_sensitivity_ratio": slopes[0] / slopes[-1],
    }
    return {name: exact(v, n=stiffness.size) for name, v in values.items()}


def _largest_gap(form: np.ndarray, measured: np.ndarray) -> float:
    """NaN where only one of the two is undefined."""
    return np.max(np.abs(form - measured)[~(np.isnan(form) & np.isnan(measured))])


class Ranks(NamedTuple):
    """Rank correlations with test accuracy: measure -> data set -> (network,).

    Each is signed so that 1 means that the measure orders networks as it should.
    """

    values: dict[str, dict[str, np.ndarray]]
    steps: dict[str, float]  # data set -> step between possible correlations

    def estimate(
        self, measure: str, data: str, *, confidence: float = 0.95
    ) -> Estimate:
        """Mean over seeds with its interval."""
        ranks, step = self.values[measure][data], self.steps[data]
        found = mean_interval(ranks, confidence=confidence, grid=step)
        return found.within(-1, 1)

    def _repr_html_(self) -> str:
        """A row for each measure, a column for each data set."""
        columns = list(next(iter(self.values.values())))
        rows = []
        for measure in self.values:
            cells = [self._describe(measure, data) for data in columns]
            rows.append(
                f'<tr><th scope="row">{escape(measure)}</th>{"".join(cells)}</tr>'
            )
        names = [called(data, brief=True) for data in columns]
        return table_html(("Measure", *names), rows)

    def _describe(self, measure: str, data: str) -> str:
        numbers = self.estimate(measure, data)._asdict()
        finite = {k: v if np.isfinite(v) else None for k, v in numbers.items()}
        return f"<td>{escape(describe_number(finite))}</td>"


def rank_measures(measures: Mapping[str, tuple[Tables, int]], tests: Tables) -> Ranks:
    """Rank correlations of measures with test accuracy, over settings, seed by seed.

    measures: name -> its tables and the sign (1 or -1) with which it should rise.
    """
    return Ranks(
        {
            name: {
                data: sign * rank_correlations(tables[data], tests[data])
                for data in tests
            }
            for name, (tables, sign) in measures.items()
        },
        {data: rank_step(np.shape(table)[1]) for data, table in tests.items()},
    )


def rank_estimates(
    ranks: Ranks,
    alignment: str,
    others: Sequence[str],
    *,
    diversity: str,
    data_sets: Sequence[str] | None = None,
) -> Estimates:
    """What the claims ask of rank correlations; the arguments name the measures.

    data_sets: those that count, all of them where None.
    """
    data_sets = data_sets or list(ranks.values[alignment])
    each = {"confidence": joint(len(data_sets))}
    own = [ranks.estimate(alignment, data, **each) for data in data_sets]
    spread = [ranks.estimate(diversity, data, **each) for data in data_sets]
    each = {"confidence": joint(len(data_sets) * len(others))}
    ahead = [
        paired_difference(
            *(ranks.values[name][data] for name in (alignment, other)),
            grid=ranks.steps[data],
            **each,
        )
        for data in data_sets
        for other in others
    ]
    return {
        "rank_correlation_alignment_test": lowest_of(own),
        "rank_correlation_minus_best_other": lowest_of(ahead),
        "diversity_rank_correlation": farthest_of(spread),
    }


def ordering(values: Mapping[str, ArrayLike], name: str) -> Estimates:
    """Steps between architectures, seed by seed: "MLP", "ConvNet", and deep ones.

    values: architecture -> (network,). name: of the quantity, as in the registry.
    """
    deep = [n for n in values if n not in ("MLP", "ConvNet")]
    if not deep:
        raise Mistake("no deep architecture to compare with: name at least one")
    each = {"confidence": joint(len(deep))}
    steps = [paired_difference(values[n], values["ConvNet"], **each) for n in deep]
    first = paired_difference(values["ConvNet"], values["MLP"])
    return {
        f"{name}_convnet_minus_mlp": first,
        f"{name}_deep_minus_convnet": lowest_of(steps),
    }


def above_noise(best: ArrayLike, *, chance: float, images: int) -> np.ndarray:
    """Best accuracies, those that chance alone may reach made one: as many, tied.

    Up to three standard errors of `images` test images above chance, for the best of
    many epochs is a little above it where nothing was learnt. What is not finite stays.
    """
    error = np.sqrt(chance * (1 - chance) / images)
    return np.maximum(np.asarray(best, dtype=float), chance + 3 * error)


def rank_correlations(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """Spearman's rank correlation of two tables (network, setting): (network,).

    Ties share their mean rank. NaN where a network has a value that is not finite (a
    diverged run), or where either side is the same at every setting.
    """
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.shape != b.shape or a.ndim != 2 or a.shape[1] < 2:
        raise Mistake(
            f"rank correlation of tables {a.shape} and {b.shape}: give both as "
            "(network, setting), with at least two settings"
        )
    return np.array([spearman(*rows) for rows in zip(a, b, strict=True)])
