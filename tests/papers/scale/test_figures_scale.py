"""Figures: what is drawn is what was given, with its interval and its n."""

import numpy as np
import pytest
from drawing import bands, bars, keys, line, luminance, marked, texts, ticks

from helpers.estimates import mean_interval
from helpers.figures import style
from helpers.figures.style import color
from helpers.papers.scale import figures

pytestmark = pytest.mark.usefixtures("closed_figures")

SCALES = [0.001, 0.01, 0.1, 1.0]
HALVES = np.full((5, 4), 0.5)


def swept(lines=None, **options):
    lines = {"test": HALVES} if lines is None else lines
    return figures.by_scale(SCALES, lines, **{"label": "accuracy"} | options)


def lacking(*places):
    """Halves without a value at these scales, or at (scale, network)."""
    table = HALVES.copy()
    for place in places:
        table.T[place] = np.nan
    return table


# --- sweeps


def test_a_line_runs_through_the_means_and_its_bars_are_the_interval():
    table = np.random.default_rng(0).random((5, 4))
    ax = swept({"training": table, "test": table / 2}, chance=0.1)
    for name, values in (("training", table), ("test", table / 2)):
        assert np.allclose(line(ax, name).get_data(), [SCALES, values.mean(axis=0)])
        intervals = [mean_interval(column)[1:3] for column in values.T]
        assert np.allclose(bars(ax, name), np.clip(intervals, 0, 1))
    assert keys(ax) == ["training", "test", "chance"]
    assert line(ax, "chance").get_ydata() == [0.1, 0.1]
    assert texts(ax) == ["mean of n = 5 networks; 95 % interval"]
    assert ax.get_ylabel() == "accuracy" and "σ" in ax.get_xlabel()
    assert ax.get_xscale() == "log" and not marked(ax, "x")
    ax = figures.by_scale([100, 200, 400], {"test": np.ones((2, 3))}, label="x")
    assert ticks(ax.xaxis) == ["100", "200", "400"], "not powers of ten alone"


def epochs_of(values):
    return {0.1: (np.arange(np.shape(values)[1]), np.array(values, dtype=float))}


def test_curves_are_means_with_a_gap_where_a_network_is_undefined():
    ax = figures.curves(epochs_of([[1, 2, 3], [1, np.nan, 5]]), label="alignment")
    drawn = line(ax, "σ = 0.1")
    assert np.allclose(drawn.get_ydata(), [1, np.nan, 4], equal_nan=True)
    assert drawn.get_color() == color(0.1, "sigma") and keys(ax) == ["σ = 0.1"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "alignment")
    assert ax.get_xscale() == "symlog" and ax.get_xlim() == (0, 2)
    note = "n = 2: a thin line a network, and their mean\n1 value undefined: gaps"
    assert texts(ax) == [note]
    ax = figures.curves(epochs_of([[1, 0.01], [0.01, 0.01]]), label="x", log=True)
    assert np.allclose(ax.lines[0].get_ydata(), [0.1, 0.01])
    assert ax.get_yscale() == "log"
    ax = figures.curves(epochs_of([[1, 1]]), label="alignment")
    assert texts(ax) == ["n = 1 network"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_diverged_networks_are_gaps_and_crosses_at_the_bottom_that_count_them(value):
    table = HALVES.copy()
    table[:, 0], table[:2, 3] = value, value
    ax = swept({"test": table}, chance=0.1)
    assert np.isnan(line(ax, "test").get_ydata()).tolist() == [1, 0, 0, 1]
    crosses = marked(ax, "x")
    assert [cross.get_xdata()[0] for cross in crosses] == [0.001, 1.0]
    place = crosses[0].get_transform().transform(crosses[0].get_xydata()[0])
    assert 0 < ax.transAxes.inverted().transform(place)[1] < 0.1
    [words] = [text for text in ax.texts if text.get_text() == "2 of 5"]
    assert words.get_ha() == "right", "beside the last cross, inside"
    assert keys(ax) == ["test", "chance", "diverged"]


def test_crosses_of_different_lines_have_their_colours_and_hide_nothing():
    lines = {"hinge": lacking(2), "squared": lacking(0, 1, 2, 3), "test": HALVES}
    ax = swept(lines, chance=0.1)
    crosses = marked(ax, "x")
    expected = [style.LOSSES[name] for name in ("hinge", *["squared"] * 4)]
    assert [cross.get_color() for cross in crosses] == expected
    heights = [cross.get_ydata()[0] for cross in crosses]
    ax.figure.canvas.draw()
    lowest = ax.transAxes.inverted().transform(ax.transData.transform((1, 0.1)))[1]
    assert heights[0] < heights[1] < lowest - 0.01
    assert keys(ax).count("diverged") == 1
    assert line(ax, "diverged").get_color() == style.OF_NO_LINE, "each is a line's"
    table = lacking((3, 1))
    ax = swept({"training": table, "test": table / 2})
    shared = [cross.get_color() for cross in marked(ax, "x")]
    assert shared == [style.DIVERGED], "of lines that lack the same networks"


class Fallen:
    """Tables (network, setting) under the names of helpers.papers.scale.relu.Sweep."""

    def __init__(self, fit=0.99, test=0.6):
        self.sigmas = SCALES
        means = {"fits": 0.99, "tests": 0.6, "gradients": 0.3, "drawn": 0.1}
        for name, mean in (means | {"ended": 0.8}).items():
            setattr(self, name, np.full((3, 4), mean))
        self.fits[1, 3], self.tests[1, 3] = fit, test


def barred(ax):
    """Name -> colour and mean at the first scale of the lines with bars."""
    found = {some.get_label(): some.lines[0] for some in ax.containers}
    return {
        name: (some.get_color(), some.get_ydata()[0]) for name, some in found.items()
    }


def test_a_fall_of_fitted_networks_has_three_panels_and_no_line_far_from_it():
    panels = figures.fall(Fallen(), chance=0.1)
    labels = ["test accuracy", "gradient alignment", "representation alignment"]
    assert [ax.get_ylabel() for ax in panels] == labels
    assert all("σ" in ax.get_xlabel() and ax.get_xscale() == "log" for ax in panels)
    accuracy, gradients, hidden = map(barred, panels)
    assert accuracy == {"test": (style.TEST, 0.6)}
    assert [mean for _, mean in gradients.values()] == [0.3]
    assert [(name, mean) for name, (_, mean) in hidden.items()] == [
        ("after training", 0.8),
        ("before", 0.1),
    ]
    assert hidden["after training"][0] != hidden["before"][0]
    panels[0].figure.canvas.draw()
    assert not any("chance" in keys(ax) for ax in panels)
    assert 0.5 < panels[0].get_ylim()[0] < panels[0].get_ylim()[1] < 0.7


@pytest.mark.parametrize("fit", [0.98, np.nan])
def test_a_fall_shows_the_training_accuracy_where_a_network_does_not_fit(fit):
    first, *others = figures.fall(Fallen(fit, fit), chance=0.1)
    assert first.get_ylabel() == "accuracy" and "chance" in keys(first)
    assert list(barred(first)) == ["training", "test"]
    assert barred(first)["training"][0] == style.TRAIN
    assert ("1 of 3" in texts(first)) == np.isnan(fit)
    assert not any("chance" in keys(ax) or marked(ax, "x") for ax in others)


def by_losses():
    """Loss -> line -> scales and values; the third line has two scales only."""
    means = {"as it is": (SCALES, 0.5), "scaled": (SCALES, 0.6)}
    means["rates"] = SCALES[::3], 0.7
    return {
        loss: {
            name: (scales, np.full((3, len(scales)), mean + shift))
            for name, (scales, mean) in means.items()
        }
        for loss, shift in (("cross-entropy", 0.0), ("hinge", 0.1), ("squared", 0.2))
    }


def test_each_loss_has_a_panel_with_the_same_lines_and_one_legend():
    tables = by_losses()
    tables["squared"]["as it is"][1][:, 3] = np.nan
    panels = figures.by_loss(tables)
    colors = [[shade for shade, _ in barred(ax).values()] for ax in panels]
    assert colors[0] == colors[1] == colors[2] and len({*colors[0]}) == 3
    for ax, (loss, lines) in zip(panels, tables.items(), strict=True):
        assert ax.get_title() == loss and ax.get_ylabel() == "test accuracy"
        assert ax.get_xscale() == "log" and bool(marked(ax, "x")) == (loss == "squared")
        assert sum("n = 3" in text for text in texts(ax)) == 1
        for name, (scales, values) in lines.items():
            found, expected = line(ax, name).get_data(), [scales, values.mean(axis=0)]
            assert np.allclose(np.array(found, float), expected, equal_nan=True)
    (below,) = panels[0].figure.legends  # over no line
    names = [text.get_text() for text in below.get_texts()]
    assert names == ["as it is", "scaled", "rates", "diverged"]
    assert all(ax.get_legend() is None for ax in panels)


def test_marked_scales_are_named_lines_beside_what_the_legend_said():
    scales = {"a low estimate": 0.02, "a high one": 0.5}
    ax = swept({"test": lacking(3)}, chance=0.1)
    before = keys(ax)
    figures.mark_scales(ax, scales)
    marks = [line(ax, name) for name in scales]
    assert [mark.get_xdata()[0] for mark in marks] == [*scales.values()]
    assert all(mark.get_ydata() == [0, 1] for mark in marks)  # the height of the axes
    assert len({mark.get_linestyle() for mark in marks}) == 2
    assert {*keys(ax)} == {*before, *scales}


# --- colours


def test_every_loss_and_architecture_has_one_colour_everywhere_unlike_the_others():
    ax = swept({name: np.ones((2, 4)) for name in style.LOSSES})
    assert {name: shade for name, (shade, _) in barred(ax).items()} == style.LOSSES
    ax = figures.logit_alignment(SCALES, {"squared": np.ones(4)}, {})
    assert line(ax, "squared").get_color() == style.LOSSES["squared"]
    ax = figures.by_architecture({"ConvNet": np.ones(3)}, label="accuracy")
    assert ax.lines[0].get_color() == style.ARCHITECTURES["ConvNet"]
    light = sorted(luminance(shade) for shade in style.LOSSES.values())
    assert min(np.diff(light)) > 0.1
    assert len({*style.ARCHITECTURES.values()}) == len(style.ARCHITECTURES)


# --- what is computed before training


def test_kernel_figure_draws_points_line_and_bound_for_each_scale():
    x = np.array([3.0, 1.0, 2.0])
    exact = {0.01: x / 10, 0.1: x / 20}
    sampled = {s: (v + 0.1, v / 100) for s, v in exact.items()}
    bounds = {s: v + 1 for s, v in exact.items()}
    ax = figures.kernel_by_distance(x, sampled, exact, bounds)
    [[line_of, dotted], points] = ax.lines[1:3], ax.containers[0]
    order = [1.0, 2.0, 3.0]
    assert np.allclose(line_of.get_data(), [order, [0.1, 0.2, 0.3]])
    assert np.allclose(dotted.get_data(), [order, [1.1, 1.2, 1.3]])
    assert np.allclose(points.lines[0].get_data(), [order, [0.2, 0.3, 0.4]])
    ends = [segment[:, 1] for segment in points.lines[2][0].get_segments()]
    assert np.allclose(np.diff(ends)[:, 0], 4 * np.array([0.1, 0.2, 0.3]) / 100)
    words = ["closed form", "the paper's bound", "sampled, ± 2 standard errors"]
    assert keys(ax) == ["σ = 0.01", "σ = 0.1", *words]


def test_logit_alignment_draws_means_bands_and_named_limits():
    table = np.linspace(1, 0.5, 4) + np.array([[-0.01], [0.0], [0.01], [0.0]])
    lines, limits = {"cross-entropy": table, "hinge": table[0]}, {"hinge": 0.9}
    ax = figures.logit_alignment(SCALES, lines, limits)
    assert np.allclose(line(ax, "cross-entropy").get_ydata(), table.mean(axis=0))
    assert np.array_equal(line(ax, "hinge").get_ydata(), table[0])
    dashed = line(ax, "_limit of hinge")
    assert {*dashed.get_ydata()} == {0.9} and dashed.get_linestyle() == "--"
    assert dashed.get_color() == style.LOSSES["hinge"]
    assert bands(ax) == ["_cross-entropy"] and ax.get_xscale() == "log"
    assert texts(ax)[:2] == ["cross-entropy", "hinge,\nlimit 0.9"]
    assert "4 draws; 95 %" in texts(ax)[2] and ax.get_xlabel() and ax.get_ylabel()


# --- two vectors


def pairs():
    """Cosines, ratios of norms, and the four closed forms (ratio, cosine)."""
    cosines, ratios = np.cos(np.linspace(0, np.pi, 61)), (1.0, 2.0, 4.0)
    r = np.array(ratios)[:, None]
    with np.errstate(divide="ignore"):
        diversity = (1 + r**2) / (1 + r**2 + 2 * r * cosines)
    forms = {"alignment": 4 * r * cosines / (1 + r) ** 2, "diversity": diversity}
    return (
        cosines,
        ratios,
        forms | {"stiffness": cosines + 0 * r, "confusion": r * cosines},
    )


def test_two_vectors_draws_a_line_and_dots_of_the_code_for_each_ratio():
    cosines, ratios, forms = pairs()
    code = {name: table + 0.01 for name, table in forms.items()}
    panels = figures.two_vectors(cosines, ratios, forms, code)
    assert [ax.get_title().split()[1] for ax in panels] == list(forms)
    for ax, name in zip(panels, forms, strict=True):
        drawn = [some for some in ax.lines if len(some.get_xdata()) == 61]
        assert ax.get_ylabel() and ax.get_legend() is None
        parts = zip(
            ratios, drawn, marked(ax, "o"), forms[name], code[name], strict=True
        )
        for ratio, curve, dots, form, coded in parts:
            assert np.array_equal(curve.get_ydata(), form)
            at = np.rint(dots.get_xdata() / 3).astype(int)  # a cosine each 3 degrees
            assert len(at) >= 5 and np.array_equal(dots.get_ydata(), coded[at])
            assert curve.get_color() == dots.get_color() == color(ratio, "ratio")
    assert [bool(texts(ax)) for ax in panels] == [False, False, True, False]
    [key] = keys(panels[0].figure)
    assert len(key) == len(ratios) + 2
    panels[0].figure.canvas.draw()
    low, high = panels[1].get_ylim()  # its pole leaves the other ratios readable
    assert panels[1].get_yscale() == "log" and 0.3 < low < 0.5 and high < 50
    page = np.array(panels[0].figure.canvas.buffer_rgba())
    assert page[0, 0].tolist() == [255] * 4, "white, on a dark page too"
    turned = {name: table[:, ::-1] for name, table in forms.items()}
    panels = figures.two_vectors(cosines[::-1], ratios, turned, turned)
    drawn = next(some for some in panels[3].lines if len(some.get_xdata()) == 61)
    assert np.allclose(drawn.get_xdata(), np.linspace(0, 180, 61))
    assert np.allclose(drawn.get_ydata(), forms["confusion"][0])


# --- against alignment


def sweep():
    measure = np.arange(12.0).reshape(3, 4) - 1
    return measure, measure / 20, SCALES


def test_against_alignment_has_a_dot_for_each_network_its_scale_in_its_colour():
    ax = figures.against_alignment({"digits": sweep()}, label="accuracy", chance=0.1)
    dots = marked(ax, "o")
    assert np.array_equal(
        [d.get_data() for d in dots], np.stack(sweep()[:2]).T.swapaxes(1, 2)
    )
    assert [some.get_color() for some in dots] == [color(s, "sigma") for s in SCALES]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("gradient alignment", "accuracy")
    assert texts(ax) == ["a dot is a network, n = 3 a scale"]
    assert keys(ax.figure) == [[*(f"σ = {sigma:g}" for sigma in SCALES), "chance"]]
    measure, quantity, scales = sweep()
    measure[2, 3], quantity[1, 3] = np.nan, np.inf
    points = {"digits": (measure, quantity, scales)}
    ax = figures.against_alignment(points, label="accuracy")
    assert texts(ax)[0].endswith("\n2 undefined, not shown")
    ax = figures.against_alignment(points, label="accuracy", log=True)
    assert texts(ax)[0].endswith("\n4 undefined or not positive, not shown")
    assert sum(len(some.get_xdata()) for some in marked(ax, "o")) == 8
    assert ax.get_xscale() == "log"


def test_measures_have_a_panel_each_data_sets_a_shape_each_and_one_key():
    measure, quantity, scales = sweep()
    wide = measure * 10.0 ** np.arange(-3, 1)
    wide[0, 0] = np.nan
    points = {"digits": sweep(), "svhn": sweep()}
    other = {"digits": (wide, quantity, scales), "svhn": sweep()}
    panels = figures.against_measures(
        {"stiffness": points, "confusion": other}, label="accuracy", chance=0.1
    )
    assert [ax.get_xlabel() for ax in panels] == ["stiffness", "confusion"]
    assert [ax.get_ylabel() for ax in panels] == ["accuracy", ""]
    names = [f"σ = {sigma:g}" for sigma in SCALES]
    assert keys(panels[0].figure) == [[*names, "digits", "SVHN", "chance"]]
    for ax in panels:
        assert len(marked(ax, "o")) == len(marked(ax, "s")) == 4
        assert line(ax, "chance").get_ydata() == [0.1, 0.1]
    panels[1].figure.canvas.draw()
    low, high = panels[1].get_xlim()
    assert low <= np.nanmin(wide) and np.nanmax(wide) <= high
    assert ["not shown" in texts(ax)[0] for ax in panels] == [False, True]


# --- architectures


def test_by_architecture_has_a_dot_a_network_and_the_mean_with_its_interval():
    values = {"MLP": [0.4, 0.5, 0.45, 0.45], "ResNet": [0.5]}
    values |= {"DenseNet-121": [0.7, 0.8]}
    values |= {"ConvNet": [0.6, np.nan, 0.7], "ResNet-50": [np.nan] * 2}
    ax = figures.by_architecture(values, label="test accuracy", chance=0.1)
    dots = [some for some in ax.lines if some.get_alpha()]
    for dot, (name, table) in zip(dots, values.items(), strict=True):
        assert np.array_equal(dot.get_ydata(), table, equal_nan=True)
        assert dot.get_color() == style.ARCHITECTURES[name]
    means = [some.lines[0].get_ydata()[0] for some in ax.containers]
    assert np.allclose(means, [0.45, 0.5, 0.75, np.nan, np.nan], equal_nan=True)
    assert np.allclose(bars(ax, "_0"), [mean_interval(values["MLP"])[1:3]])
    barred = [bool(some.has_yerr) for some in ax.containers]
    assert barred == [True] + 4 * [False], "no interval below four networks"
    assert [some.get_xdata()[0] for some in marked(ax, "x")] == [3, 4]
    assert [tick.replace("\n", "") for tick in ticks(ax.xaxis)] == list(values)
    assert ax.get_ylabel() == "test accuracy" and keys(ax) == ["chance", "diverged"]
    note = "mean of n = 1 to 4 networks; 95 % interval from n = 4 on"
    assert texts(ax) == ["1 of 3", note]


def test_architectures_are_dots_a_ring_and_a_name():
    accuracies = {"MLP": [0.1, 0.1], "ResNet": [0.6, 0.8], "ConvNet": [0.72, 0.72]}
    accuracies |= {"ResNet-50": [0.9, np.nan], "DenseNet-121": [np.nan] * 2}
    alignments = {name: np.square(values) for name, values in accuracies.items()}
    ax = figures.alignment_of_architectures(alignments, accuracies, x_label="x")
    ax.figure.canvas.draw()
    rings = [some for some in ax.lines if some.get_markerfacecolor() == "none"]
    dots = [some for some in ax.lines if some not in rings]
    whole = zip(list(accuracies)[:3], dots[:3], rings, strict=True)
    for name, dot, ring in whole:  # no ring where a network is undefined
        expected = alignments[name], accuracies[name]
        assert np.array_equal(dot.get_data(), expected)
        assert np.allclose(np.ravel(ring.get_data()), np.mean(expected, axis=1))
        assert dot.get_color() == ring.get_color() == style.ARCHITECTURES[name]
    assert np.allclose(dots[3].get_data(), [[0.81], [0.9]])
    note = "ring: mean of n = 2 networks\nundefined, not shown: 1 of 2 ResNet-50, "
    assert texts(ax) == [*list(accuracies)[:4], note + "2 of 2 DenseNet-121"]
    sides = {text.get_text(): text.get_va() for text in ax.texts}
    assert (sides["ConvNet"], sides["ResNet"]) == ("bottom", "top"), "they are near"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "test accuracy")
