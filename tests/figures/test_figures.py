"""Figures: what is drawn is what was given, with its interval and its n."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from helpers import figures
from helpers.estimates import mean_interval

pytestmark = pytest.mark.usefixtures("closed_figures")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_a_line_runs_through_the_means_and_its_bars_are_the_interval():
    table = np.array([[0.9, 0.8, 0.85], [0.1, 0.12, 0.2]])
    ax = figures.by_scale([0.1, 1.0], {"test": table}, label="accuracy", chance=0.1)
    line = ax.containers[0]
    assert np.allclose(line.lines[0].get_ydata(), table.mean(axis=1))
    segment = line.lines[2][0].get_segments()[0]
    interval = mean_interval(table[0])
    assert np.allclose(segment[:, 1], [interval.low, interval.high])
    assert "n = 3" in texts(ax)[0]


def test_legend_names_the_lines_in_order_and_chance_last():
    table = np.ones((2, 2))
    lines = {"training": table, "test": table}
    ax = figures.by_scale([0.1, 1.0], lines, label="accuracy", chance=0.1)
    named = [text.get_text() for text in ax.get_legend().get_texts()]
    assert named == ["training", "test", "chance"]


def test_axes_are_labelled():
    ax = figures.by_scale([0.1, 1.0], {"test": np.ones((2, 2))}, label="accuracy")
    assert ax.get_ylabel() == "accuracy" and "σ" in ax.get_xlabel()
    curve = {0.1: (np.arange(3), np.ones((2, 3)))}
    ax = figures.curves(curve, label="loss")
    assert ax.get_xlabel() == "epoch" and ax.get_ylabel() == "loss"


def test_curves_leave_a_gap_where_a_network_is_undefined():
    values = np.array([[1.0, 2.0, 3.0], [1.0, np.nan, 3.0]])
    ax = figures.curves({0.1: (np.arange(3), values)}, label="alignment")
    assert np.isnan(ax.lines[0].get_ydata()[1])


def test_one_network_is_said_to_have_no_interval():
    ax = figures.curves({0.1: (np.arange(3), np.ones((1, 3)))}, label="alignment")
    assert "no interval" in texts(ax)[0]


def test_a_scale_has_one_colour_everywhere_and_scales_differ():
    colors = [figures.color(sigma, "sigma") for sigma in (0.001, 0.01, 0.1, 1.0, 10.0)]
    assert len(set(colors)) == 5
    curve = {0.1: (np.arange(3), np.ones((2, 3)))}
    ax = figures.curves(curve, label="loss")
    assert ax.lines[0].get_color() == colors[2]


def test_neighbouring_scales_differ_in_lightness_for_every_eye():
    """Luminance (ITU-R BT.709) rises by at least a tenth from one scale to the next."""
    scales = (0.001, 0.01, 0.1, 1.0, 10.0)
    light = [luminance(figures.color(s, "sigma")) for s in scales]
    assert min(np.diff(light)) > 0.1


def test_kernel_figure_draws_points_line_and_bound_for_each_scale():
    x = np.array([3.0, 1.0, 2.0])
    pair = {0.01: x / 10, 0.1: x / 20}
    sampled = {s: (v, v / 100) for s, v in pair.items()}
    ax = figures.kernel_by_distance(x, sampled, pair, pair)
    named = {text.get_text() for text in ax.get_legend().get_texts()}
    assert {"σ = 0.01", "σ = 0.1", "the paper's bound"} <= named
    assert len(ax.containers) == 2


SCALES = [0.001, 0.01, 0.1, 1.0]
ONE = {"test": np.full((4, 5), 0.5)}


def drawn(ax, marker):
    """The lines of axes that have this marker and at least one finite point."""
    lines = [line for line in ax.lines if line.get_marker() == marker]
    return [line for line in lines if np.isfinite(line.get_xydata()).any()]


def legend(owner):
    return [text.get_text() for text in owner.get_texts()]


def luminance(shade):
    return np.dot([0.2126, 0.7152, 0.0722], to_rgb(shade))  # ITU-R BT.709


def test_a_diverged_setting_is_a_gap_in_the_line_and_a_cross_at_the_bottom():
    table = np.full((4, 5), 0.5)
    table[2] = np.nan
    ax = figures.by_scale(SCALES, {"test": table}, label="accuracy", chance=0.1)
    assert np.isnan(ax.containers[0].lines[0].get_ydata()).tolist() == [0, 0, 1, 0]
    [cross] = drawn(ax, "x")
    x, y = cross.get_xydata()[0]
    place = cross.get_transform().transform((x, y))
    assert x == 0.1 and 0 < ax.transAxes.inverted().transform(place)[1] < 0.1
    assert legend(ax.get_legend()) == ["test", "chance", "diverged"]


def test_without_a_diverged_network_there_is_no_cross_and_no_word_of_it():
    ax = figures.by_scale(SCALES, ONE, label="accuracy")
    assert drawn(ax, "x") == [] and legend(ax.get_legend()) == ["test"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_cross_says_how_many_of_the_networks_diverged(value):
    table = np.full((4, 5), 0.5)
    table[0], table[3, :2] = value, value
    ax = figures.by_scale(SCALES, {"test": table}, label="accuracy")
    assert [line.get_xdata()[0] for line in drawn(ax, "x")] == [0.001, 1.0]
    assert [text for text in texts(ax) if " of " in text] == ["2 of 5"]


def test_lines_that_lack_the_same_networks_share_their_crosses():
    table = np.full((4, 5), 0.5)
    table[3, 1] = np.nan
    lines = {"training": table, "test": table / 2}
    ax = figures.by_scale(SCALES, lines, label="accuracy")
    assert [line.get_color() for line in drawn(ax, "x")] == [figures.DIVERGED]
    assert legend(ax.get_legend()).count("diverged") == 1


def test_crosses_of_different_lines_have_their_colours_and_hide_nothing():
    broken = np.full((4, 5), 0.5)
    broken[3] = np.nan
    lines = {"hinge": np.vstack([broken[1:], broken[:1]]), "squared": broken, **ONE}
    ax = figures.by_scale(SCALES, lines, label="accuracy", chance=0.1)
    crosses = drawn(ax, "x")
    expected = [figures.LOSSES["hinge"], figures.LOSSES["squared"]]
    assert [line.get_color() for line in crosses] == expected
    heights = [line.get_ydata()[0] for line in crosses]
    ax.figure.canvas.draw()
    assert heights[0] < heights[1]
    lowest = ax.transAxes.inverted().transform(ax.transData.transform((1, 0.1)))[1]
    assert lowest > heights[1] + 0.01
    assert legend(ax.get_legend()).count("diverged") == 1


def test_a_line_without_any_finite_point_is_drawn_as_crosses_alone():
    lines = {"squared": np.full((4, 3), np.nan)}
    ax = figures.by_scale(SCALES, lines, label="accuracy")
    ax.figure.canvas.draw()
    assert len(drawn(ax, "x")) == 4


def test_every_loss_and_architecture_has_one_colour_everywhere():
    losses = {name: np.ones((4, 2)) for name in figures.LOSSES}
    ax = figures.by_scale(SCALES, losses, label="accuracy")
    shades = [container.lines[0].get_color() for container in ax.containers]
    assert shades == list(figures.LOSSES.values())
    ax = figures.logit_alignment(SCALES, {"squared": np.ones(4)}, {})
    assert ax.lines[0].get_color() == figures.LOSSES["squared"]
    ax = figures.by_architecture({"ConvNet": np.ones(3)}, label="accuracy")
    assert ax.lines[0].get_color() == figures.ARCHITECTURES["ConvNet"]


def test_losses_differ_in_lightness_and_no_two_architectures_look_alike():
    light = sorted(luminance(shade) for shade in figures.LOSSES.values())
    assert min(np.diff(light)) > 0.1
    assert len(set(figures.ARCHITECTURES.values())) == len(figures.ARCHITECTURES)


def test_a_line_without_a_colour_of_its_own_takes_one_that_no_other_line_has():
    names = ["squared", "hinge", "a", "b", "test"]
    assert len(set(figures.named_colors(names).values())) == len(names)
    assert figures.named_colors(["a"], {"a": "#123456"}) == {"a": "#123456"}
    assert len(figures.named_colors("abcdefgh")) == 8


@pytest.mark.parametrize("ratio", [1, 2, 4])
def test_a_larger_ratio_of_norms_is_darker(ratio):
    light, dark = (figures.color(r, "ratio") for r in (ratio, 2 * ratio))
    assert luminance(light) - luminance(dark) > 0.04


def test_more_than_three_panels_stand_in_rows_of_two():
    assert len(figures.axes(2)) == 2
    panels = figures.axes(5)
    assert len(panels) == 5 and len(panels[0].figure.axes) == 5
    places = [ax.get_subplotspec() for ax in panels]
    where = [(place.rowspan.start, place.colspan.start) for place in places]
    assert where == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]


def pairs():
    """Cosines, ratios of norms, and the four closed forms (ratio, cosine)."""
    cosines, ratios = np.cos(np.linspace(0, np.pi, 61)), (1.0, 2.0, 4.0)
    r = np.array(ratios)[:, None]
    with np.errstate(divide="ignore"):
        diversity = (1 + r**2) / (1 + r**2 + 2 * r * cosines)
    forms = {
        "alignment": 4 * r * cosines / (1 + r) ** 2,
        "diversity": diversity,
        "stiffness": cosines + 0 * r,
        "confusion": r * cosines,
    }
    return cosines, ratios, forms


def test_two_vectors_draws_a_line_and_dots_of_the_code_for_each_ratio():
    cosines, ratios, forms = pairs()
    code = {name: table + 0.01 for name, table in forms.items()}
    panels = figures.two_vectors(cosines, ratios, forms, code)
    assert [ax.get_title().split()[1] for ax in panels] == list(forms)
    for ax, name in zip(panels, forms, strict=True):
        form, coded = forms[name], code[name]
        lines = [line for line in ax.lines if len(line.get_xdata()) == 61]
        dots = drawn(ax, "o")
        assert len(lines) == len(dots) == len(ratios) and ax.get_ylabel()
        for i, (line, dot) in enumerate(zip(lines, dots, strict=True)):
            assert np.array_equal(line.get_ydata(), form[i])
            at = np.rint(dot.get_xdata() / 3).astype(int)  # a cosine each 3 degrees
            assert len(at) >= 5 and np.array_equal(dot.get_ydata(), coded[i, at])
            assert (
                line.get_color() == dot.get_color() == figures.color(ratios[i], "ratio")
            )


def test_two_vectors_are_shown_over_their_angle_whatever_the_order_of_cosines():
    cosines, ratios, forms = pairs()
    turned = {name: table[:, ::-1] for name, table in forms.items()}
    panels = figures.two_vectors(cosines[::-1], ratios, turned, turned)
    line = next(line for line in panels[3].lines if len(line.get_xdata()) == 61)
    assert np.allclose(line.get_xdata(), np.linspace(0, 180, 61))
    assert np.allclose(line.get_ydata(), forms["confusion"][0])


def test_the_pole_of_diversity_leaves_the_other_ratios_readable():
    cosines, ratios, forms = pairs()
    panels = figures.two_vectors(cosines, ratios, forms, forms)
    panels[0].figure.canvas.draw()
    low, high = panels[1].get_ylim()
    assert panels[1].get_yscale() == "log" and 0.3 < low < 0.5 and high < 50


def test_only_where_the_ratios_agree_it_is_said_so():
    cosines, ratios, forms = pairs()
    panels = figures.two_vectors(cosines, ratios, forms, forms)
    assert [bool(texts(ax)) for ax in panels] == [False, False, True, False]


def test_one_key_serves_the_four_panels():
    cosines, ratios, forms = pairs()
    panels = figures.two_vectors(cosines, ratios, forms, forms)
    [key] = panels[0].figure.legends
    assert len(legend(key)) == len(ratios) + 2
    assert all(ax.get_legend() is None for ax in panels)


def sweep():
    measure = np.arange(12.0).reshape(4, 3) - 1
    return measure, measure / 20, SCALES


def test_against_alignment_has_a_dot_for_each_network_its_scale_in_its_colour():
    ax = figures.against_alignment({"digits": sweep()}, label="test accuracy")
    groups = drawn(ax, "o")
    assert np.array_equal([line.get_xdata() for line in groups], sweep()[0])
    assert np.array_equal([line.get_ydata() for line in groups], sweep()[1])
    expected = [figures.color(sigma, "sigma") for sigma in SCALES]
    assert [line.get_color() for line in groups] == expected
    assert ax.get_xlabel() == "gradient alignment" and ax.get_ylabel()
    assert "n = 3" in texts(ax)[0] and "not shown" not in texts(ax)[0]


def test_data_sets_differ_in_shape_and_are_named_where_there_are_several():
    one = figures.against_alignment({"digits": sweep()}, label="accuracy", chance=0.1)
    names = [f"σ = {sigma:g}" for sigma in SCALES]
    assert legend(one.figure.legends[0]) == [*names, "chance"]
    both = {"digits": sweep(), "svhn": sweep()}
    ax = figures.against_alignment(both, label="accuracy")
    assert legend(ax.figure.legends[0]) == [*names, "digits", "svhn"]
    assert len(drawn(ax, "o")) == len(drawn(ax, "s")) == 4


def test_what_cannot_be_placed_is_counted():
    measure, quantity, scales = sweep()
    measure[3, 2], quantity[3, 1] = np.nan, np.inf
    points = {"digits": (measure, quantity, scales)}
    ax = figures.against_alignment(points, label="accuracy")
    assert "2 undefined, not shown" in texts(ax)[0]
    ax = figures.against_alignment(points, label="accuracy", log=True)
    assert "4 undefined or not positive, not shown" in texts(ax)[0]
    assert sum(len(line.get_xdata()) for line in drawn(ax, "o")) == 8
    assert ax.get_xscale() == "log"


def test_panels_against_measures_have_their_key_once_beside_the_last():
    panels = figures.axes(4)
    for ax in panels:
        figures.against_alignment({"digits": sweep()}, label="accuracy", ax=ax)
    assert len(panels[0].figure.legends) == 1


def test_measures_have_a_panel_each_and_one_key():
    points = {"digits": sweep(), "svhn": sweep()}
    panels = figures.against_measures(
        {"stiffness": points, "confusion": points}, label="accuracy", chance=0.1
    )
    assert [ax.get_xlabel() for ax in panels] == ["stiffness", "confusion"]
    assert [ax.get_ylabel() for ax in panels] == ["accuracy", ""]
    assert len(panels[0].figure.legends) == 1
    for ax in panels:
        assert np.array_equal([line.get_xdata() for line in drawn(ax, "o")], sweep()[0])
        assert len(drawn(ax, "s")) == 4 and "n = 3" in texts(ax)[0]
        assert any(set(line.get_ydata()) == {0.1} for line in ax.lines)


def test_measures_of_very_different_sizes_are_all_shown():
    measure, quantity, scales = sweep()
    measure = measure * 10.0 ** np.arange(-3, 1)[:, None]
    measure[0, 0] = np.nan
    points = {
        "narrow": {"digits": sweep()},
        "wide": {"digits": (measure, quantity, scales)},
    }
    narrow, wide = figures.against_measures(points, label="accuracy")
    wide.figure.canvas.draw()
    low, high = wide.get_xlim()
    assert low <= np.nanmin(measure) and np.nanmax(measure) <= high
    assert ["not shown" in texts(ax)[0] for ax in (narrow, wide)] == [False, True]


class Fallen:
    """Tables (setting, seed) under the names of helpers.papers.scale.relu.Sweep."""

    sigmas = SCALES
    fits, tests = np.full((4, 3), 0.99), np.full((4, 3), 0.6)
    gradients, drawn, ended = (np.full((4, 3), x) for x in (0.3, 0.1, 0.8))


def lines_of(ax):
    """Name -> colour and means of the lines with bars."""
    lines = {c.get_label(): c.lines[0] for c in ax.containers}
    return {n: (line.get_color(), *set(line.get_ydata())) for n, line in lines.items()}


def test_a_fall_has_three_panels_over_the_scale():
    panels = figures.fall(Fallen, chance=0.1)
    labels = ["test accuracy", "gradient alignment", "representation alignment"]
    assert [ax.get_ylabel() for ax in panels] == labels
    assert all("σ" in ax.get_xlabel() for ax in panels)
    assert all(ax.get_xscale() == "log" for ax in panels)
    accuracy, gradients, hidden = map(lines_of, panels)
    assert accuracy == {"test": (figures.TEST, 0.6)}
    assert [means for _, means in gradients.values()] == [0.3]
    assert {name: mean for name, (_, mean) in hidden.items()} == {
        "after training": 0.8,
        "before": 0.1,
    }
    assert hidden["after training"][0] != hidden["before"][0]


def chances(panels):
    return ["chance" in legend(ax.get_legend()) for ax in panels]


def test_a_fall_of_fitted_networks_has_no_line_far_from_it():
    panels = figures.fall(Fallen, chance=0.1)
    panels[0].figure.canvas.draw()
    assert chances(panels) == [False] * 3
    assert panels[0].get_ylim()[0] > 0.5 and panels[0].get_ylim()[1] < 0.7


@pytest.mark.parametrize("fit", [0.98, np.nan])
def test_a_fall_shows_the_training_accuracy_where_a_network_does_not_fit(fit):
    unfitted = Fallen()
    unfitted.fits = Fallen.fits.copy()
    unfitted.fits[3, 1] = fit
    panels = figures.fall(unfitted, chance=0.1)
    assert panels[0].get_ylabel() == "accuracy"
    assert list(lines_of(panels[0])) == ["training", "test"]
    assert lines_of(panels[0])["training"][0] == figures.TRAIN
    assert chances(panels) == [True, False, False]


def test_a_fall_shows_where_networks_diverged():
    broken = Fallen()
    broken.tests, broken.fits = Fallen.tests.copy(), Fallen.fits.copy()
    broken.tests[3, 0] = broken.fits[3, 0] = np.nan
    accuracy, *others = figures.fall(broken, chance=0.1)
    assert "1 of 3" in texts(accuracy)
    assert all(drawn(ax, "x") == [] for ax in others)


def by_losses():
    """Loss -> line -> scales and values; the third line has two scales only."""
    means = {
        "as it is": (SCALES, 0.5),
        "scaled": (SCALES, 0.6),
        "rates": (SCALES[::3], 0.7),
    }
    return {
        loss: {
            name: (scales, np.full((len(scales), 3), mean + shift))
            for name, (scales, mean) in means.items()
        }
        for loss, shift in (("cross-entropy", 0.0), ("hinge", 0.1), ("squared", 0.2))
    }


def test_each_loss_has_a_panel_with_the_same_lines():
    panels = figures.by_loss(by_losses())
    assert [ax.get_title() for ax in panels] == ["cross-entropy", "hinge", "squared"]
    shown = list(map(lines_of, panels))
    assert [list(lines) for lines in shown] == [["as it is", "scaled", "rates"]] * 3
    for lines in shown[1:]:
        colors = [shade for shade, _ in lines.values()]
        assert colors == [shade for shade, _ in shown[0].values()]
    assert len({shade for shade, _ in shown[0].values()}) == 3
    for ax, (_, lines) in zip(panels, by_losses().items(), strict=True):
        assert ax.get_ylabel() == "test accuracy" and ax.get_xscale() == "log"
        for container, (scales, values) in zip(
            ax.containers, lines.values(), strict=True
        ):
            assert container.lines[0].get_xdata().tolist() == scales
            assert np.allclose(container.lines[0].get_ydata(), values.mean(axis=1))


def test_the_lines_of_all_losses_have_one_legend():
    first, *others = figures.by_loss(by_losses())
    assert legend(first.get_legend()) == ["as it is", "scaled", "rates"]
    assert all(ax.get_legend() is None for ax in others)


def test_the_number_of_networks_stands_once_in_each_panel():
    for ax in figures.by_loss(by_losses()):
        assert sum("n = 3" in text for text in texts(ax)) == 1


def test_a_diverged_network_is_said_to_be_one_in_the_legend_of_all_losses():
    """Wherever among the losses it stands, there is one legend to say so."""
    tables = by_losses()
    tables["squared"]["as it is"][1][3] = np.nan
    panels = figures.by_loss(tables)
    assert drawn(panels[2], "x")
    assert "diverged" in legend(panels[0].get_legend())


def test_marked_scales_are_lines_with_dashes_of_their_own_and_a_name():
    scales = {"a low estimate": 0.02, "a high one": 0.5}
    ax = figures.by_scale(SCALES, ONE, label="growth")
    figures.mark_scales(ax, scales)
    marks = {line.get_label(): line for line in ax.lines if line.get_label() in scales}
    for name, scale in scales.items():
        assert set(marks[name].get_xdata()) == {scale}
        assert marks[name].get_ydata() == [0, 1]  # the height of the axes
    assert len({line.get_linestyle() for line in marks.values()}) == 2
    assert set(legend(ax.get_legend())) == {"test", *scales}


def test_marking_scales_keeps_what_the_legend_said():
    table = np.full((4, 5), 0.5)
    table[3] = np.nan
    ax = figures.by_scale(SCALES, {"test": table}, label="growth", chance=0.1)
    before = legend(ax.get_legend())
    figures.mark_scales(ax, {"estimate": 0.02})
    assert set(legend(ax.get_legend())) == {*before, "estimate"}


def test_logit_alignment_draws_means_bands_and_named_limits():
    table = np.linspace(1, 0.5, 4)[:, None] + [[-0.01, 0.0, 0.01]]
    lines, limits = {"cross-entropy": table, "hinge": table[:, 0]}, {"hinge": 0.9}
    ax = figures.logit_alignment(SCALES, lines, limits)
    line, bare, dashed = ax.lines
    assert np.allclose(line.get_ydata(), table.mean(axis=1))
    assert np.array_equal(bare.get_ydata(), table[:, 0])
    assert set(dashed.get_ydata()) == {0.9} and dashed.get_linestyle() == "--"
    assert dashed.get_color() == figures.LOSSES["hinge"]
    assert len(ax.collections) == 1
    assert texts(ax)[:2] == ["cross-entropy", "hinge,\nlimit 0.9"]
    assert "3 draws" in texts(ax)[2] and ax.get_xscale() == "log"
    assert ax.get_xlabel() and ax.get_ylabel()


def test_by_architecture_has_a_dot_a_network_and_the_mean_with_its_interval():
    values = {"MLP": np.array([0.4, 0.5, 0.45]), "DenseNet-121": np.array([0.7, 0.8])}
    ax = figures.by_architecture(values, label="test accuracy", chance=0.1)
    dots = [line for line in drawn(ax, "o") if line.get_alpha()]
    assert [line.get_ydata().tolist() for line in dots] == [
        table.tolist() for table in values.values()
    ]
    for container, (name, table) in zip(ax.containers, values.items(), strict=True):
        interval = mean_interval(table)
        [segment] = container.lines[2][0].get_segments()
        assert np.allclose(segment[:, 1], [interval.low, interval.high])
        assert container.lines[0].get_ydata()[0] == pytest.approx(interval.value)
        assert container.lines[0].get_color() == figures.ARCHITECTURES[name]
    ticks = [tick.get_text().replace("\n", "") for tick in ax.get_xticklabels()]
    assert ticks == list(values) and ax.get_ylabel() == "test accuracy"
    assert "n = 2 to 3" in "".join(texts(ax))


def test_a_diverged_architecture_has_a_cross_in_place_of_its_mean():
    values = {"MLP": [0.5, 0.5], "ConvNet": [0.6, np.nan, 0.7], "ResNet": [np.nan] * 2}
    ax = figures.by_architecture(values, label="test accuracy")
    assert len(ax.containers) == 1
    assert [line.get_xdata()[0] for line in drawn(ax, "x")] == [1, 2]
    assert "1 of 3" in texts(ax) and legend(ax.get_legend()) == ["diverged"]


def test_one_network_of_an_architecture_has_a_mean_without_interval():
    ax = figures.by_architecture({"MLP": [0.5]}, label="test accuracy")
    assert ax.containers[0].lines[2] == () and "no interval" in texts(ax)[0]


def test_architectures_are_dots_a_ring_and_a_name():
    accuracies = {"MLP": [0.4, 0.5], "ConvNet": [0.6, 0.8], "ResNet": [0.7, 0.7]}
    alignments = {"ResNet": [0.3, 0.4], "MLP": [0.1, 0.1], "ConvNet": [0.2, 0.3]}
    ax = figures.alignment_of_architectures(alignments, accuracies, x_label="alignment")
    dots, rings = ax.lines[::2], ax.lines[1::2]
    for name, dot, ring in zip(accuracies, dots, rings, strict=True):
        expected = alignments[name], accuracies[name]
        assert np.array_equal(dot.get_data(), expected)
        assert np.allclose(np.ravel(ring.get_data()), np.mean(expected, axis=1))
        assert dot.get_color() == ring.get_color() == figures.ARCHITECTURES[name]
    assert texts(ax) == [*accuracies, "ring: mean of n = 2 networks"]
    assert ax.get_xlabel() == "alignment" and ax.get_ylabel() == "test accuracy"


def test_of_two_near_architectures_one_is_named_above_and_one_below():
    near = {"MLP": [0.1, 0.1], "ResNet": [0.7, 0.7], "ConvNet": [0.72, 0.72]}
    ax = figures.alignment_of_architectures(near, near, x_label="alignment")
    sides = {text.get_text(): text.get_va() for text in ax.texts}
    assert (sides["ConvNet"], sides["ResNet"]) == ("bottom", "top")


def test_an_architecture_with_a_diverged_network_has_no_ring_and_is_counted():
    accuracies = {"MLP": [0.4, 0.5], "ConvNet": [np.nan] * 2, "ResNet": [0.7, np.nan]}
    ax = figures.alignment_of_architectures(accuracies, accuracies, x_label="alignment")
    ax.figure.canvas.draw()
    rings = [line for line in ax.lines if line.get_markerfacecolor() == "none"]
    assert len(rings) == 1 and texts(ax)[:2] == ["MLP", "ResNet"]
    assert "2 of 2 ConvNet, 1 of 2 ResNet" in texts(ax)[2]


def test_figures_have_a_white_ground_on_a_dark_page_too():
    cosines, ratios, forms = pairs()
    figure = figures.two_vectors(cosines, ratios, forms, forms)[0].figure
    figure.canvas.draw()
    assert np.array(figure.canvas.buffer_rgba())[0, 0].tolist() == [255] * 4
