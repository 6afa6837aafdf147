"""Drawings as a page shows them: their size, and a rendering for dark pages."""

import re
import xml.etree.ElementTree as ET

import numpy as np

SVG, LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
GROUND = "#121212"  # of the theme's dark pages
INCH = 125  # CSS pixels of an inch of a figure, so that its text is as large as ours
DENSITY = 150  # pixels of an inch in an older copy, which does not say
KEPT = ("QuadMesh", "keep")  # beginnings of ids: parts whose colours say values
COLOR = re.compile(r"#[0-9a-fA-F]{6}\b")
FIRST, GREY, BRIGHT = 0.95, 0.75, 0.4  # of black; how far greys and colours fall
FULL = 0.08  # chroma from which on a colour is no grey
TO_CONES = np.array(  # of linear sRGB; Ottosson 2020, Oklab
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def dark(drawing: str) -> str:
    """An SVG for a dark page: light becomes dark at the same hue, maps stay."""
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", LINK)
    root = ET.fromstring(drawing)
    _turn(root)
    root.set("fill", in_the_dark("#000000"))  # what names no colour is black
    return ET.tostring(root, encoding="unicode")


def _turn(element: ET.Element) -> None:
    """Give an element and what is in it their colours in the dark."""
    if element.get("id", "").startswith(KEPT):
        element.set("fill", "#000000")
        return
    for name in ("style", "fill", "stroke"):
        if given := element.get(name):
            element.set(name, COLOR.sub(lambda c: in_the_dark(c.group()), given))
    if element.tag == f"{{{SVG}}}style" and element.text:
        element.text = COLOR.sub(lambda c: in_the_dark(c.group()), element.text)
    for child in element:
        _turn(child)


def in_the_dark(color: str) -> str:
    """A colour (#rrggbb) of the same hue that stands out from black as it from white.

    White becomes the ground of the page, black nearly white; colours end between.
    """
    light, a, b = _lab(color)
    chroma = np.hypot(a, b)
    if light > 0.999:
        return GROUND
    share = min(1.0, chroma / FULL)
    fall = (1 - share) * GREY * light**2 + share * BRIGHT * light
    cones = np.linalg.solve(TO_LAB, [FIRST - fall, a, b]) ** 3
    linear = np.clip(np.linalg.solve(TO_CONES, cones), 0, 1)
    coded = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return "#" + "".join(f"{round(255 * part):02x}" for part in coded)


def luminance(color: str) -> float:
    """Relative luminance of a colour (#rrggbb), 0..1, as WCAG defines it."""
    return float(np.dot(_linear(color), [0.2126, 0.7152, 0.0722]))


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, 1..21, as WCAG defines it."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def size_of(content: bytes) -> tuple[int, int] | None:
    """Width and height on a page, in CSS pixels, of an SVG or PNG of ours."""
    head = content[:400].decode("latin-1")
    points = re.search(r'<svg[^>]*?width="([\d.]+)pt" height="([\d.]+)pt"', head)
    if points:
        wide, high = (float(part) * INCH / 72 for part in points.groups())
        return round(wide), round(high)
    if content.startswith(b"\x89PNG"):
        pixels = [int.from_bytes(content[at : at + 4]) for at in (16, 20)]
        at = content.find(b"pHYs", 0, 4096)
        per_metre = int.from_bytes(content[at + 4 : at + 8]) if at > 0 else 0
        density = per_metre * 0.0254 if per_metre else DENSITY
        wide, high = (part / density * INCH for part in pixels)
        return round(wide), round(high)
    return None


def _lab(color: str) -> np.ndarray:
    """Lightness 0..1 and two axes of colour, in Oklab."""
    return TO_LAB @ np.cbrt(TO_CONES @ _linear(color))


def _linear(color: str) -> np.ndarray:
    coded = np.array([int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
