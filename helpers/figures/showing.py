"""What Jupyter shows of a figure: lines that stay sharp, or twice as many pixels."""

import io
import re
from collections import Counter

from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from helpers.figures.overlay import MIME_TYPE, overlay

HEAVIEST = 120_000  # bytes of a vector drawing; a heavier one is shown as pixels
DRAWN = {"metadata": {"Date": None}, "dpi": 300}  # dpi: of its parts that are pixels
FINE = 2  # times the density of the figure, in pixels
SPARED = {  # nobody reads these
    re.compile(r"<!--.*?-->|<metadata>.*?</metadata>", re.DOTALL): "",
    re.compile(r"DejaVuSans(-[A-Z]\w+)?-(?=[0-9a-f]+\b)"): r"g\1",
    re.compile(r"\s+"): " ",
    re.compile(r'(?<=[;:>,]) | (?=<)| (?="[ />])'): "",
}
PLACED = re.compile(r'\b(?:d|x|y)="[^"]*"|translate\([^)]*\)')
FINER = re.compile(r"-?\d+\.\d+")
KEPT = re.compile(r'(<g id="(?:QuadMesh|keep)[^>]*>.*?</g>)')
REFERRED = re.compile(r"#([\w-]+)")
VECTOR, PIXELS = "image/svg+xml", "image/png"


def bundle(figure: Figure, include=None, exclude=None) -> dict:
    """A figure by MIME type: its drawing, and where there is something, its data."""
    drawing = vector(figure)
    found: dict = {VECTOR: drawing}
    if len(drawing) > HEAVIEST:
        found = {PIXELS: _saved(figure, format="png", dpi=FINE * figure.dpi)}
    data = overlay(figure)
    return found | ({MIME_TYPE: data} if data else {})


def vector(figure: Figure) -> str:
    """A figure as SVG, the same text for the same figure.

    Images that show their pixels are kept with as many as they have.
    """
    plain = [some for some in figure.findobj(AxesImage) if _is_exact(some)]
    for image in plain:
        image.set_interpolation("none")
    try:
        text = _saved(figure, format="svg", **DRAWN).decode()
    finally:
        for image in plain:
            image.set_interpolation("nearest")
    return _compact(text[text.index("<svg") :])


def _compact(text: str) -> str:
    """The same drawing in fewer letters: each style once, places that can be seen."""
    for pattern, instead in SPARED.items():
        text = pattern.sub(instead, text)
    text = PLACED.sub(lambda place: FINER.sub(_rounded, place.group()), text)
    used = {*REFERRED.findall(text)}
    text = re.sub(r' id="([^"]*)"', lambda m: m[0] if _told(m[1], used) else "", text)
    data = re.compile(r'(?<=base64,)[^"]*')
    text = data.sub(lambda found: found.group().replace(" ", ""), text)
    parts = KEPT.split(text)  # odd ones keep their own colours
    styles = Counter(re.findall(r'style="([^"]*)"', "".join(parts[::2])))
    often = [style for style, count in styles.most_common() if count > 2]
    names = {style: f"s{place}" for place, style in enumerate(often)}
    for style, name in names.items():
        shorter = f'style="{style}"', f'class="{name}"'
        parts[::2] = [part.replace(*shorter) for part in parts[::2]]
    rules = "".join(f".{name}{{{style}}}" for style, name in names.items())
    return "".join(parts).replace("</style>", f"{rules}</style>", 1).strip()


def _rounded(number: re.Match) -> str:
    """A number with the two decimals that are seen."""
    return f"{float(number.group()):.2f}".rstrip("0").rstrip(".")


def _told(name: str, used: set[str]) -> bool:
    """Whether an id is referred to, or says what its colours are."""
    return name in used or name.startswith(("QuadMesh", "keep"))


def _is_exact(image: AxesImage) -> bool:
    return image.get_interpolation() == "nearest"


def _saved(figure: Figure, **how) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, **how)
    return content.getvalue()
