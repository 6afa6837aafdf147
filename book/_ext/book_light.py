"""Sphinx: what no page needs is left out of the site, once it is built."""

import re
from pathlib import Path

from fontTools import subset
from sphinx.application import Sphinx

# The theme's icons are a font of its style sheet as well; the script draws them again.
# And pages without a search of their own load all that is needed to search.
NEEDLESS = re.compile(
    r"\s*(?:<!--[^>]*custom icons -->\s*)?<script[^>]*"
    r"(?:fontawesome|searchtools|language_data|searchindex)\.js[^>]*></script>"
)
SEARCH = "search.html"
UNUSED = ("*.map", "scripts/fontawesome.js*", "vendor/fontawesome/webfonts/*.ttf")
UNUSED += ("webpack-macros.html",)
FONT = "vendor/fontawesome/webfonts/fa-solid-900.ttf"
SHEET = "styles/pydata-sphinx-theme.css"
ICON = re.compile(r"\bfa-([a-z-]+)")
OF_THEME = re.compile(r"--pst-icon[\w-]*:\"([^\"]+)\"")


def lighten(app: Sphinx, exception: Exception | None) -> None:
    """Take from the pages what none needs, and from their folder what none asks for."""
    if exception or app.builder.name != "html":
        return
    icons: set[str] = set()
    for path in sorted(Path(app.outdir).rglob("*.html")):
        text = path.read_text("utf-8")
        icons |= {*ICON.findall(text)}
        scripts = r"fontawesome\.js" if path.name == SEARCH else ""
        if (less := without(text, scripts)) != text:
            path.write_text(less, "utf-8")
    static = Path(app.outdir) / "_static"
    thin_font(static, icons)
    for pattern in UNUSED:
        for path in static.rglob(pattern):
            path.unlink()


def without(text: str, only: str = "") -> str:
    """A page without scripts that it does not need; only: those whose name has this."""
    return NEEDLESS.sub(
        lambda found: "" if re.search(only, found.group()) else found.group(), text
    )


def thin_font(static: Path, icons: set[str]) -> None:
    """Leave in the font of icons those that the pages and the theme show."""
    font, sheet = static / FONT, static / SHEET  # reading .woff2 would take a library
    if not font.is_file() or not sheet.is_file():
        return
    css = sheet.read_text("utf-8")
    letters = "".join(OF_THEME.findall(css))
    codes = {int(c, 16) for c in re.findall(r"\\([0-9a-f]{4})", letters)}
    codes |= {ord(letter) for letter in letters if ord(letter) > 0xE000}
    for name in icons:
        rule = re.search(
            rf"\.fa-{name}:before[^{{}}]*\{{content:\"\\([0-9a-f]+)\"", css
        )
        codes |= {int(rule[1], 16)} if rule else set()
    thin = font.with_suffix(".woff")
    options = subset.Options(flavor="woff", recalc_timestamp=False)
    whole = subset.load_font(str(font), options)
    cut = subset.Subsetter(options)
    cut.populate(unicodes=codes)
    cut.subset(whole)
    subset.save_font(whole, str(thin), options)
    packed = font.with_suffix(".woff2")
    packed.unlink(missing_ok=True)
    old = f'{packed.name}) format("woff2")'
    sheet.write_text(css.replace(old, f'{thin.name}) format("woff")'), "utf-8")


def setup(app: Sphinx) -> dict:
    app.connect("build-finished", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
