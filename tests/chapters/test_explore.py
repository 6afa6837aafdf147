"""Figures to explore, in a browser without a network: by keyboard, or not at all."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[2] / "book" / "_static"
TOOLS = STATIC.parents[1] / "_build" / "tools" / "node_modules"
PATIENCE = 60_000  # milliseconds, after which a browser has hung
MOST = 15_000  # bytes of all scripts of ours, as short as a tool makes them
BOX = {"box": [0.1, 0.0, 1.0, 0.9], "title": "", "x": "scale σ", "y": "accuracy"}
DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


def line(name, values):
    places = enumerate(zip((0.1, 1.0, 10.0), values, strict=True))
    at = [[0.2 + 0.3 * k, 0.9 - v, s, v, v - 0.1, v + 0.1] for k, (s, v) in places]
    return {"name": name, "color": "#0072b2", "at": at}


LINES = BOX | {"lines": [line("test", [0.7, 0.5, 0.1]), line("training", [0.9] * 3)]}
MAP = BOX | {
    "title": "permuted",
    "cells": [[0.1, 0.2], [None, 0.4]],
    "low": [[0.0, 0.1], [None, 0.3]],
    "high": [[0.2, 0.3], [None, 0.5]],
    "rows": ["conv 1", "conv 2"],
    "columns": ["epoch 0", "epoch 8"],
    "down": False,
}
ANSWERS = {
    "sprite": DOT,
    "columns": 2,
    "rows": ["1 layer", "9 layers"],
    "kinds": ["training", "digits"],
    "cosines": [[1.0, 0.9], [1.0, None]],
}
FILM = {
    "epochs": [0, 8],
    "points": [[100, 500, 500, 500, 900, 500], [100, 100, 500, 700, 900, 900]],
    "sets": [0, 1, 2],
    "setNames": ["unpermuted", "permuted", "test"],
    "given": [0, 1, 1],
    "truth": [0, 0, 1],
    "names": ["cat", "dog"],
    "colors": ["#3f90da", "#ffa90e"],
    "sprite": DOT,
    "across": 3,
}


@pytest.fixture
def opened(browser, tmp_path):
    """Opens figures with their data as a page from a file; fails on any request."""
    tabs, problems = [], []

    def open_page(*figures, **options):
        cells = "".join(
            f'<div class="cell"><a class="enlarge" href="x.svg"><img src="{DOT}" '
            'alt="a figure" width="400" height="200"></a></div>'
            '<div class="explore" hidden><script type="application/json">'
            f"{data if isinstance(data, str) else json.dumps(data)}</script></div>"
            for data in figures
        )
        files = "".join(f"<script src='{STATIC / n}'></script>" for n in ["explore.js"])
        style = f"<link rel=stylesheet href='{STATIC / 'book.css'}'>"
        body = f"<article class=bd-article><section><section>{cells}"
        head = f"<head><meta charset=utf-8>{style}{files}</head>"
        page = f"<!doctype html><html lang=en>{head}<body>{body}"
        (tmp_path / "page.html").write_text(page)
        context = browser.new_context(
            viewport={"width": 800, "height": 900}, reduced_motion="reduce", **options
        )
        context.set_default_timeout(PATIENCE)
        tab = context.new_page()
        tab.on("console", lambda m: m.type == "error" and problems.append(m.text))
        tab.on("pageerror", lambda error: problems.append(str(error)))
        local = ("file:", "data:")
        tab.on("request", lambda r: r.url.startswith(local) or problems.append(r.url))
        tab.goto((tmp_path / "page.html").as_uri())
        tabs.append(context)
        return tab

    yield open_page
    for context in tabs:
        context.close()
    assert problems == []


def test_values_of_a_line_are_told_by_the_arrow_keys(opened):
    tab = opened({"panels": [LINES]})
    reader = tab.locator(".reader")
    reader.focus()
    told = tab.locator(".reading")
    assert told.inner_text() == "test 0.7 (interval 0.6 to 0.8), scale σ 0.1"
    reader.press("ArrowRight")
    assert told.inner_text().startswith("test 0.5 (interval 0.4 to 0.6), scale σ 1")
    reader.press("ArrowUp")
    assert told.inner_text().startswith("training 0.9")
    assert len(tab.locator(".way").get_attribute("points").split()) == 3
    reader.press("Escape")
    assert not told.is_visible() and not tab.locator(".way").get_attribute("points")


def test_a_cell_of_a_map_is_told_with_its_interval_under_the_pointer(opened):
    tab = opened({"panels": [MAP]})
    frame = tab.locator(".reader").bounding_box()
    wide, high = frame["width"], frame["height"]
    # Rows go up: the upper left cell is the second row's first.
    tab.mouse.move(frame["x"] + 0.775 * wide, frame["y"] + 0.225 * high)
    told = tab.locator(".reading").inner_text()
    assert told == "permuted: conv 2, epoch 8: 0.4 (interval 0.3 to 0.5)"
    tab.mouse.move(frame["x"] + 0.325 * wide, frame["y"] + 0.225 * high)
    assert tab.locator(".reading").inner_text().endswith("epoch 0: undefined")


def test_a_finger_sees_values_and_a_mouse_opens_the_figure(opened):
    tab = opened({"panels": [LINES]}, has_touch=True)
    tab.locator(".reader").tap(position={"x": 200, "y": 80})
    assert tab.locator(".reading").is_visible() and tab.url.endswith("page.html")


def test_the_same_line_lights_up_in_all_panels_and_its_values_are_told(opened):
    train = BOX | {"title": "train", "x": "", "y": "accuracy"}
    test = train | {"title": "test", "x": "rewind epoch"}
    train["lines"] = [line("conv 1", [0.9, 0.8, 0.7]), line("conv 2", [0.6] * 3)]
    test["lines"] = [line(n, v) for n, v in (("conv 2", [0.4] * 3), ("all", [0] * 3))]
    test["lines"][0]["at"].pop(0)  # measured from the second place on
    tab = opened({"panels": [train, test]})
    reader, told = tab.locator(".reader"), tab.locator(".reading")
    reader.focus()
    assert told.inner_text().startswith("train: conv 1 0.9 (interval 0.8 to 1), at 0.1")
    assert lit(tab) == [3, 0] and tab.locator(".dot:visible").count() == 1
    reader.press("ArrowUp")
    assert "test" not in told.inner_text() and lit(tab) == [3, 2]
    reader.press("ArrowRight")
    assert told.inner_text() == (
        "train: conv 2 0.6 (interval 0.5 to 0.7), at 1; test: 0.4 (interval 0.3 to 0.5)"
    )
    assert tab.locator(".dot:visible").count() == 2
    frame = reader.bounding_box()
    x, y = frame["x"] + 0.8 * frame["width"], frame["y"] + 0.5 * frame["height"]
    tab.mouse.move(x, y)
    assert told.inner_text().startswith("test: conv 2 0.4")
    assert "; train: 0.6" in told.inner_text() and lit(tab) == [3, 2]
    reader.press("Escape")
    assert lit(tab) == [0, 0] and tab.locator(".dot:visible").count() == 0


def lit(tab):
    """Points of the line that is lit up in each panel."""
    each = "all => all.map(e => e.getAttribute('points').split(' ').filter(p => p))"
    return [len(points) for points in tab.locator(".way").evaluate_all(each)]


@pytest.mark.parametrize("title", ["", "P = 10"])
def test_panels_of_one_title_are_told_by_axes_and_others_stay(opened, title):
    first = LINES | {"x": "epoch", "title": title}
    other = first | {"y": "loss"}
    tab = opened({"panels": [first, other, LINES | {"x": "angle"}]})
    tab.locator(".reader").focus()
    assert tab.locator(".reading").inner_text() == (
        f"{title or 'accuracy'}: test 0.7 (interval 0.6 to 0.8), epoch 0.1; "
        "loss: 0.7 (interval 0.6 to 0.8)"
    )
    assert lit(tab) == [3, 3, 0]


def test_a_row_of_a_map_is_a_curve_by_enter_and_goes_by_escape(opened):
    tab = opened({"panels": [MAP]})
    reader, told = tab.locator(".reader"), tab.locator(".curve output")
    assert tab.locator(".curve").bounding_box()["height"] == 0
    assert told.get_attribute("aria-live") == "polite" and not told.inner_text()
    reader.focus()
    reader.press("Enter")
    assert told.inner_text() == (
        "permuted, conv 1. epoch 0: 0.1 (interval 0 to 0.2); "
        "epoch 8: 0.2 (interval 0.1 to 0.3)"
    )
    ends = tab.locator(".plot span").all_inner_texts()
    assert ends == ["0.3", "0", "epoch 0", "epoch 8"]
    bars, way = (path.get_attribute("d") for path in tab.locator(".plot path").all())
    numbers = [
        float(n) for n in way.replace("h0", "").strip("M").replace("L", " ").split()
    ]
    assert numbers == pytest.approx([0.25, 2 / 3, 0.75, 1 / 3]) and bars.count("V") == 2
    reader.press("ArrowUp")
    reader.press("Enter")
    assert told.inner_text() == (
        "permuted, conv 2. epoch 8: 0.4 (interval 0.3 to 0.5); no value for 1 of 2"
    )
    reader.press("Escape")
    assert not told.inner_text() and tab.locator(".plot *").count() == 0
    assert tab.locator(".reading").is_visible()
    reader.press("Escape")
    assert not tab.locator(".reading").is_visible()


def test_a_click_or_a_finger_on_a_cell_shows_its_row_and_the_next_goes_back(opened):
    plain = {key: value for key, value in MAP.items() if key not in ("low", "high")}
    plain["cells"] = [[0.1, 0.2], [None, None]]
    tab = opened({"panels": [plain]}, has_touch=True)
    reader, told = tab.locator(".reader"), tab.locator(".curve output")
    frame = reader.bounding_box()
    lower = {"x": 0.12 * frame["width"], "y": 0.6 * frame["height"]}
    # At the edge of a wide cell, whose middle is far.
    reader.click(position=lower)
    assert told.inner_text() == "permuted, conv 1. epoch 0: 0.1; epoch 8: 0.2"
    assert tab.locator(".bars").get_attribute("d") == ""
    reader.click(position=lower)
    assert not told.inner_text() and tab.url.endswith("page.html")
    reader.tap(position=lower)
    assert told.inner_text().startswith("permuted, conv 1.")
    upper = lower | {"y": 0.2 * frame["height"]}
    reader.tap(position=upper)
    assert told.inner_text() == "permuted, conv 2. no value for 2 of 2"
    assert tab.locator(".plot *").count() == 0
    reader.tap(position=upper)
    assert not told.inner_text()


def test_a_mouse_beside_a_map_opens_the_figure(opened):
    tab = opened({"panels": [MAP | {"box": [0.6, 0.0, 1.0, 0.9]}]})
    tab.locator("a.enlarge").evaluate("a => a.href = '#opened'")
    tab.locator(".reader").click(position={"x": 20, "y": 20})
    assert tab.url.endswith("#opened")


def marked(tab):
    """Where the marks of the slider are, in each figure."""
    each = "all => all.map(e => e.getAttribute('points'))"
    return tab.locator(".sigma").evaluate_all(each)


def test_one_sigma_goes_through_all_figures(opened):
    curves = BOX | {"x": "epoch", "lines": [line("σ = 0.1", [1, 2, 3])]}
    curves["lines"].append(line("σ = 10", [4, 5, 6]))
    tab = opened({"panels": [LINES]}, {"panels": [LINES, curves]})
    slider = tab.get_by_label("One σ in all figures")
    slider.focus()
    slider.press("End")
    assert slider.get_attribute("aria-valuetext") == "σ = 10"
    words = tab.locator(".sigma-bar output").inner_text()
    assert words == "σ = 10. accuracy: test 0.1, training 0.9"
    marks = marked(tab)
    assert marks[:2] == ["0.8,0 0.8,0.9"] * 2 and len(marks[2].split()) == 3
    slider.press("Home")
    slider.press("ArrowRight")
    assert "σ = 1. accuracy: test 0.5" in tab.locator(".sigma-bar output").inner_text()
    assert tab.locator(".sigma").nth(2).get_attribute("points") == ""


def test_one_size_of_network_goes_through_figures_and_its_row_of_a_map(opened):
    sizes = BOX | {"x": "parameters", "lines": [line("test", [0.7, 0.5, 0.1])]}
    for point, size in zip(sizes["lines"][0]["at"], (900, 2010, 3e6), strict=True):
        point[2] = size
    curves = MAP | {
        "title": "",
        "x": "epoch",
        "y": "parameters",
        "rows": ["900", "2.01 k"],
    }
    curves["cells"] = [[0.1, 0.2], [0.3, 0.4]]
    others = json.loads(json.dumps(sizes).replace("900", "905").replace("2010", "5000"))
    others["lines"][0]["at"][2][2] = 7000
    pairs = [{"panels": [some]} for some in (sizes, others)] * 2
    tab = opened(*pairs, {"panels": [curves]})
    slider = tab.get_by_label("One size in all figures")
    assert slider.get_attribute("max") == "2"
    slider.focus()
    slider.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "2,010 or 5,000 parameters"
    words = tab.locator(".sigma-bar output").inner_text()
    assert words == "2,010 or 5,000 parameters. accuracy: test 0.5"
    marks = marked(tab)
    assert marks[:4] == ["0.5,0 0.5,0.9"] * 4 and marks[4].startswith("0.1,0 ")
    slider.press("End")
    assert tab.locator(".sigma").nth(4).get_attribute("points") == ""


def test_a_single_figure_over_sigma_has_no_slider(opened):
    assert opened({"panels": [LINES]}).locator(".sigma-bar").count() == 0


def test_a_network_and_an_input_are_chosen_and_its_answer_told(opened):
    tab = opened({"answers": ANSWERS})
    told = tab.locator(".explorer output")
    assert "1 layer, input 1 of 2 (training)" in told.inner_text()
    tab.get_by_role("slider", name="Network").press("End")
    tab.get_by_role("slider", name="Input").press("End")
    assert told.inner_text() == (
        "9 layers, input 2 of 2 (digits): the answer is undefined."
    )
    at = tab.locator(".tile").evaluate_all(
        "all => all.map(e => e.style.backgroundPosition)"
    )
    assert at == ["100% 0%", "100% 100%"]


def test_a_film_moves_its_dots_tells_an_example_and_filters(opened):
    tab = opened({"film": FILM})
    told = tab.locator(".film output")
    canvas = tab.locator(".film canvas")
    canvas.focus()
    assert told.inner_text() == "permuted: given label dog, true label cat"
    canvas.press("ArrowRight")
    assert told.inner_text() == "test: label dog"
    tab.get_by_label("Epoch 0").press("End")
    assert tab.get_by_label("Epoch 8").get_attribute("aria-valuetext") == "epoch 8"
    tab.get_by_label("unpermuted").first.uncheck()
    canvas.press("ArrowLeft")
    canvas.press("ArrowLeft")
    assert told.inner_text().startswith("permuted")  # the other one is hidden
    tab.get_by_label("Class").select_option("cat")
    frame = canvas.bounding_box()
    for x, y in ((0.9, 0.9), (0.5, 0.7)):
        tab.mouse.move(frame["x"] + x * frame["width"], frame["y"] + y * frame["width"])
    assert told.inner_text().startswith("permuted")


def test_where_a_figures_data_are_broken_it_and_all_others_stay(opened):
    bare = {"panels": [BOX | {"cells": [[0.1]]}], "answers": ANSWERS}
    tab = opened("{ no data", {"film": {}}, bare, {"panels": [LINES]})
    assert tab.locator("a.enlarge img").count() == 4
    assert tab.locator("img").first.is_visible()
    assert tab.locator(".reader").count() == 1 and tab.locator("canvas").count() == 0
    assert tab.locator(".explorer").count() == 1  # of the answers


def test_without_script_the_figures_stay(opened):
    tab = opened({"panels": [LINES]}, {"film": FILM}, java_script_enabled=False)
    assert tab.locator("a.enlarge img").count() == 2
    assert tab.locator(".stage").count() == 0


def test_all_scripts_together_are_small():
    minifier = TOOLS / "terser" / "bin" / "terser"
    node = shutil.which("node")
    if node is None or not minifier.is_file():
        pytest.skip("no terser here: .ci/run installs it into _build/tools")
    size = 0
    for script in sorted(STATIC.glob("*.js")):
        command = [node, str(minifier), str(script), "--compress", "--mangle"]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        size += len(done.stdout.encode())
    assert 0 < size <= MOST
