"""Comparisons: rank correlations, what figure 3 shows, and who is the worst of many."""

import math
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats

from helpers.claims.registry import load_registry
from helpers.claims.verdicts import judge
from helpers.errors import Mistake
from helpers.estimates import mean_interval, paired_difference
from helpers.metrics.gradients import related
from helpers.papers.scale.alignment import (
    Ranks,
    above_noise,
    compare_pairs,
    ordering,
    pair_estimates,
    rank_correlations,
    rank_estimates,
    rank_measures,
)

# Rank correlations


def tables(settings=6, seeds=5, *, ties=False):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, seeds, settings))
    b = b + a / 2
    return (np.round(a), np.round(b)) if ties else (a, b)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("settings", [2, 3, 6])
def test_rank_correlations_are_scipys_network_by_network(settings, ties):
    a, b = tables(settings, seeds=30, ties=ties)
    rows = list(zip(a, b, strict=True))
    varied = [np.ptp(x) > 0 and np.ptp(y) > 0 for x, y in rows]
    expected = [
        stats.spearmanr(x, y).statistic if ok else np.nan
        for (x, y), ok in zip(rows, varied, strict=True)
    ]
    assert any(varied)
    assert rank_correlations(a, b) == pytest.approx(expected, nan_ok=True)
    found = rank_correlations(np.exp(a), b)  # only the order counts
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    "columns", [4, slice(None)]
)  # the same at every setting is none
@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf, 0.1])
def test_a_seed_with_a_diverged_network_has_no_rank_correlation(broken, columns):
    a, b = tables()
    expected, worse = rank_correlations(a, b), a.copy()
    if columns != 4 or broken != 0.1:
        expected[2] = math.nan
        worse[2, columns] = broken
    assert rank_correlations(worse, b) == pytest.approx(expected, nan_ok=True)
    assert rank_correlations(b, worse) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.ones((3, 2)), np.ones((2, 3))),
        (np.ones((3, 2)), np.ones((3, 1))),
        (np.ones(3), np.ones(3)),
        (np.ones((3, 1)), np.ones((3, 1))),
        (np.ones((2, 2, 2)), np.ones((2, 2, 2))),
    ],
)
def test_tables_that_cannot_be_ranked_are_refused_in_one_line(a, b):
    with pytest.raises(Mistake, match="rank correlation of tables") as error:
        rank_correlations(a, b)
    assert "\n" not in str(error.value)


# Figure 3


COSINES = np.linspace(-1, 1, 41)
RATIOS = (1, 2, 4)


def judged(pairs):
    """Claim A3's verdict, and that on each of its criteria."""
    verdict = judge("A3", pair_estimates(pairs))
    return verdict.verdict, {p.criterion.name: p.verdict for p in verdict.parts}


def test_the_code_meets_the_closed_forms_of_two_gradients():
    verdict, parts = judged(compare_pairs(COSINES, RATIOS))
    assert verdict == "reproduced" and set(parts.values()) == {"reproduced"}
    found = pair_estimates(compare_pairs(COSINES, RATIOS))
    assert {estimate.n for estimate in found.values()} == {3 * 41}
    # Slopes 1 / (1 + c)^2 of 1 / (1 + c) at the outermost cosines, by differences.
    step = 0.05
    slopes = (1 / step - 1 / (2 * step)) / (1 / (2 - step) - 1 / 2)
    assert found["diversity_sensitivity_ratio"].value == pytest.approx(slopes)


def norms(factors):
    return factors[0][0].norm(dim=-1)


WRONG = {
    "largest_closed_form_error": lambda m, f: m._replace(alignment=m.alignment + 1e-6),
    "stiffness_change_with_norm": lambda m, f: m._replace(
        stiffness=m.stiffness * norms(f).max() / norms(f).min()
    ),
    "confusion_exponent_of_norm": lambda m, f: m._replace(
        confusion=m.confusion / norms(f).min()
    ),
    "diversity_sensitivity_ratio": lambda m, f: m._replace(diversity=m.stiffness),
}


@pytest.mark.parametrize(("criterion", "change"), WRONG.items(), ids=WRONG)
def test_a_measure_that_is_wrong_fails_its_criterion(monkeypatch, criterion, change):
    right = related.measures
    monkeypatch.setattr(related, "measures", lambda f: change(right(f), f))
    verdict, parts = judged(compare_pairs(COSINES, RATIOS))
    assert verdict == parts[criterion] == "not reproduced"


@pytest.mark.parametrize("name", related.Measures._fields)
def test_a_measure_that_misses_its_closed_form_or_is_undefined_is_no_success(
    monkeypatch, name
):
    right = related.measures

    def off(factors):
        found = right(factors)
        return found._replace(**{name: getattr(found, name) * (1 + 1e-6)})

    def lost(factors):
        found = right(factors)
        opposite = found.alignment < -0.2  # somewhere, not everywhere
        value = getattr(found, name)
        return found._replace(**{name: value.masked_fill(opposite, math.nan)})

    monkeypatch.setattr(related, "measures", off)
    found = pair_estimates(compare_pairs(COSINES, RATIOS))
    assert found["largest_closed_form_error"].value > 1e-7
    monkeypatch.setattr(related, "measures", lost)
    assert judged(compare_pairs(COSINES, RATIOS))[0] != "reproduced"


# Ranks of measures


def ranks(**measures):
    """Ranks of measures: name -> data set -> one correlation a seed."""
    return Ranks(
        {
            name: {data: np.array(values) for data, values in some.items()}
            for name, some in measures.items()
        },
        {data: 0.1 for some in measures.values() for data in some},
    )


def test_measures_are_ranked_by_seed_and_signed_so_that_one_is_right():
    a, b = tables()
    found = rank_measures({"up": ({"x": a}, 1), "down": ({"x": -a}, -1)}, {"x": b})
    expected = rank_correlations(a, b)
    assert found.values["up"]["x"] == pytest.approx(expected)
    assert found.values["down"]["x"] == pytest.approx(expected)
    assert found.estimate("up", "x") == mean_interval(expected)


SOME = {
    "own": {"x": [0.9, 0.8], "y": [0.7, 0.5]},
    "stiffness": {"x": [0.5, 0.4], "y": [0.5, 0.6]},
    "diversity": {"x": [0.3, 0.1], "y": [-0.6, -0.2]},
}


def estimates(measures):
    others = [name for name in measures if name != "own"]
    return rank_estimates(ranks(**measures), "own", others, diversity="diversity")


def test_alignment_is_held_against_its_best_competitor_where_it_is_least_ahead():
    """Seed by seed; on x by 0.4, on y by 0.2 and -0.1. The lowest data set decides."""
    found, claims = estimates(SOME), load_registry()
    assert {name: each.value for name, each in found.items()} == pytest.approx(
        {
            "rank_correlation_alignment_test": 0.6,
            "rank_correlation_minus_best_other": 0.05,
            "diversity_rank_correlation": -0.4,  # keeps its sign
        }
    )
    joint = mean_interval([0.7, 0.5], confidence=1 - 0.05 / 2)  # of two data sets
    assert joint.low < -1  # which no correlation can be
    assert found["rank_correlation_alignment_test"].low == -1
    assert {*found} == {*claims["A1b"].names, *claims["A-rank"].names}
    better = SOME | {"diversity": {"x": [0.89, 0.82], "y": [-0.6, -0.2]}}
    found = estimates(better)["rank_correlation_minus_best_other"]
    assert found.value == pytest.approx(-0.005)  # 0.4 before


@pytest.mark.parametrize("data", ["x", "y"])
@pytest.mark.parametrize(
    ("measure", "names"),
    [
        (
            "own",
            ["rank_correlation_alignment_test", "rank_correlation_minus_best_other"],
        ),
        ("stiffness", ["rank_correlation_minus_best_other"]),
        (
            "diversity",
            ["diversity_rank_correlation", "rank_correlation_minus_best_other"],
        ),
    ],
)
def test_what_is_undefined_on_any_data_set_is_undefined(measure, names, data):
    """A competitor without a rank correlation at a seed is none that was beaten."""
    broken = SOME | {measure: SOME[measure] | {data: [0.5, math.nan]}}
    found = estimates(broken)
    assert {n for n, e in found.items() if math.isnan(e.value)} == {*names}
    assert {e.n for e in found.values()} == {2}


def test_accuracies_that_chance_may_reach_are_tied():
    """Chance .1 on 900 images: three standard errors are three points."""
    best = [[0.5, 0.131, 0.129, 0.08], [0.13, 0.2, math.nan, 0.1]]
    found = above_noise(best, chance=0.1, images=900)
    expected = [[0.5, 0.131, 0.13, 0.13], [0.13, 0.2, math.nan, 0.13]]
    np.testing.assert_allclose(found, expected)
    falling = [[4.0, 3.0, 2.0, 1.0]]
    noise = rank_correlations(falling, best[:1])
    swapped = rank_correlations(falling, [[0.5, 0.131, 0.08, 0.129]])
    assert noise != swapped  # an order of noise, and none any more:
    tied = [above_noise(row, chance=0.1, images=900) for row in (best[:1], found[:1])]
    assert rank_correlations(falling, tied[0]) == rank_correlations(falling, tied[1])


# The table of ranks


def cells(shown):
    """Rows of the table as texts; what is no sound markup is an error."""
    rows = ElementTree.fromstring(shown._repr_html_()).iter("tr")
    return [["".join(cell.itertext()) for cell in row] for row in rows]


def test_ranks_have_a_row_for_each_measure_and_a_column_for_each_data_set():
    head, *rows = cells(ranks(**SOME))
    assert head == ["Measure", "x", "y"]
    assert [row[0] for row in rows] == [*SOME]
    assert [row[1].split()[0] for row in rows] == ["0.85", "0.45", "0.2"]
    assert [row[2].split()[0] for row in rows] == ["0.6", "0.55", "−0.4"]
    assert all("n = 2" in cell for row in rows for cell in row[1:])
    some = {"<b>a & b": {"folder:<i>": [0.1, math.nan], "glyphs:20x12": [0.25]}}
    head, row = cells(ranks(**some))
    assert head[1:] == ["<i>", "20 drawn characters"]  # in words, and no markup
    assert row[0] == "<b>a & b"
    assert row[1:] == ["undefined, n = 2", "0.25 [−∞, ∞], n = 1"]


# Architectures


BUILT = {
    "MLP": [0.50, 0.52],
    "ConvNet": [0.60, 0.63],
    "ResNet-50": [0.80, 0.81],
    "DenseNet-121": [0.70, 0.74],
}


def test_the_worst_of_the_deep_networks_is_held_against_the_convnet():
    alone = ordering({name: BUILT[name] for name in list(BUILT)[:3]}, "test")
    assert alone["test_deep_minus_convnet"].value == pytest.approx((0.2 + 0.18) / 2)
    for claim, kind in (("A5a", "test"), ("A5b", "alignment")):
        assert {*ordering(BUILT, kind)} == {*load_registry()[claim].names}
    found = ordering(BUILT, "test")
    first = paired_difference([0.60, 0.63], [0.50, 0.52])
    assert found["test_convnet_minus_mlp"] == first
    deep = found["test_deep_minus_convnet"]  # the worse of two
    joint = {"confidence": 1 - 0.05 / 2}
    worse = paired_difference([0.70, 0.74], [0.60, 0.63], **joint)
    assert (deep.value, deep.high) == (worse.value, worse.high)


@pytest.mark.parametrize("broken", ["ResNet-50", "DenseNet-121"])
def test_a_diverged_deep_network_is_the_worst_of_all(broken):
    found = ordering(BUILT | {broken: [0.9, math.nan]}, "alignment")
    assert math.isnan(found["alignment_deep_minus_convnet"].value)
    assert found["alignment_convnet_minus_mlp"].value == pytest.approx(0.105)
