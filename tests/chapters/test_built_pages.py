"""The pages that `make book SCALE=smoke` built, one after another in one browser."""

import json
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
AXE = ROOT / "_build" / "tools" / "node_modules" / "axe-core" / "axe.min.js"
SCALE = os.environ.get("SITE_SCALE", "smoke")  # the editions that are opened
PAGES = sorted(HTML.glob("*.html")) + sorted(HTML.glob(f"chapters/{SCALE}/*.html"))
NAMES = [page.relative_to(HTML).with_suffix("").as_posix() for page in PAGES]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
HEAVIEST = 2_000_000  # bytes that a page loads as it opens, without data to explore
MOST_DATA = 1_500_000  # bytes of these
PATIENCE = 120_000  # milliseconds, after which a browser has hung

pytestmark = [
    pytest.mark.site,
    pytest.mark.skipif(not PAGES, reason="no pages: make book SCALE=smoke"),
]


class Visit:
    """One tab that goes from page to page; problems: what was wrong on the way."""

    def __init__(self, tab):
        self.tab, self.problems, self.files = tab, [], set()
        tab.set_default_timeout(PATIENCE)
        tab.on("console", lambda m: m.type == "error" and self.problems.append(m.text))
        tab.on("pageerror", lambda error: self.problems.append(str(error)))
        tab.on("request", self._asked)
        tab.on("requestfailed", self._failed)

    def _asked(self, request):
        address = urlsplit(request.url)
        if address.scheme == "file":
            self.files.add(unquote(address.path))
        elif address.scheme not in ("data", "blob"):
            self.problems.append(f"requested: {request.url}")

    def _failed(self, request):
        # What a page no longer shows, as it turns dark or wide, is given up.
        if request.failure != "net::ERR_ABORTED":
            self.problems.append(f"failed: {request.url}")

    def open(self, name, *, width):
        self.problems.clear()
        self.files.clear()
        self.tab.set_viewport_size({"width": width, "height": 900})
        self.tab.goto((HTML / f"{name}.html").as_uri(), wait_until="load")
        if self.tab.locator("script[src*=mathjax]").count():
            self.tab.wait_for_function("window.MathJax?.startup?.promise")
            self.tab.evaluate("MathJax.startup.promise.then(() => null)")
        return self.tab


@pytest.fixture(scope="module")
def visit(browser):
    context = browser.new_context(reduced_motion="reduce")
    yield Visit(context.new_page())
    context.close()


def violations(tab, rules=None):
    """What axe finds: rule, number of places, the first one."""
    only = (
        {"type": "rule", "values": rules} if rules else {"type": "tag", "values": RULES}
    )
    options = {"runOnly": only, "resultTypes": ["violations"], "preload": False}
    found = tab.evaluate(
        f"axe.run(document, {json.dumps(options)}).then(r => r.violations.map("
        "v => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 200)]))"
    )
    return found


@pytest.mark.parametrize("name", [name for name in NAMES if name != "index"])
def test_a_page_is_light_fits_and_is_for_everyone(name, visit):
    """At 320 pixels, which 640 are at 200 %; axe at 390 and 1280, light and dark."""
    tab = visit.open(name, width=320)
    size = sum(Path(file).stat().st_size for file in visit.files)
    data = tab.locator(".explore").evaluate_all(
        "all => all.reduce((sum, e) => sum + e.textContent.length, 0)"
    )
    assert size - data <= HEAVIEST and data <= MOST_DATA
    assert width_of_all(tab) <= 320
    assert hidden_captions(tab) == []
    found = looked_at_by_axe(tab) if AXE.is_file() else {}
    if found and name != "reference":  # which takes axe minutes when it is open
        found["opened"] = opened_by_axe(tab)
    assert visit.problems == []
    assert {key: each for key, each in found.items() if each} == {}
    if not AXE.is_file():
        pytest.skip("no axe-core here: .ci/run installs it into _build/tools")


def opened_by_axe(tab):
    """What axe finds where all is open but code, light, at 1280."""
    tab.evaluate("document.documentElement.dataset.theme = 'light'")
    folded = "details:not(.hide):not([open])"
    tab.evaluate(f"document.querySelectorAll('{folded}').forEach(d => d.open = true)")
    return violations(tab)


def width_of_all(tab):
    """The width of a page with all open that can be; it then is no more."""
    return tab.evaluate(
        "(() => { const all = [...document.querySelectorAll('details:not([open])')];"
        "all.forEach(d => d.open = true);"
        "const width = document.documentElement.scrollWidth;"
        "all.forEach(d => d.open = false); return width; })()"
    )


def hidden_captions(tab):
    """Captions that are not seen in one of the modes."""
    return tab.evaluate(
        "['light', 'dark'].flatMap(theme => {"
        "document.documentElement.dataset.theme = theme;"
        "return [...document.querySelectorAll('figcaption')]"
        ".filter(e => getComputedStyle(e).display === 'none')"
        ".map(e => e.textContent.trim()); })"
    )


def looked_at_by_axe(tab):
    """(theme, width) -> what axe finds; in the dark of contrast alone."""
    tab.evaluate(AXE.read_text())
    found = {}
    for width in (390, 1280):
        tab.set_viewport_size({"width": width, "height": 900})
        tab.wait_for_timeout(350)  # the theme looks anew at what scrolls
        for theme in ("light", "dark"):
            tab.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
            rules = ["color-contrast"] if theme == "dark" else None
            found[theme, width] = violations(tab, rules)
    return found
