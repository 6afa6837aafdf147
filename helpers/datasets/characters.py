"""Characters drawn with the fonts that matplotlib brings: up to a hundred classes.

Every image is a character in a random face, turned, stretched, sheared and moved a
little, faint or strong, with noise. All is computed in whole numbers once the random
ones are drawn, so that the pixels are the same on every machine.
"""

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from helpers.datasets.contents import Dataset
from helpers.errors import Failure, Mistake
from helpers.streams import stream
from helpers.system.values import is_whole

# No two look alike, in any face, as far as a hundred go. Fewer classes are the first.
CHARACTERS = (
    "0123456789ABCDEFGHJKLMNPQRSTUVWXYZЮŒЉrфжѣςЧζЂщλэЩεЪΞДÆωeЫʃ"
    "uœҖψτЊлfЋђƏΣqЦþdюɣдйkχЙΓβξaμЇiЛЭðπtяhɸmσjΩ"
)
SIZES = range(12, 29)  # pixels of a side
FACES = "DejaVuSans{}.ttf DejaVuSansMono{}.ttf DejaVuSerif{}.ttf"
STYLES = ("", "-Bold", "-Oblique", "-BoldOblique", "-Italic", "-BoldItalic")

ROTATION = 0.2  # radians; standard deviations all, of independent normal draws
STRETCH = 0.15  # of the logarithm of either side's scale
SHEAR = 0.2  # of the vertical: sideways by so much a unit of height
SHIFT = 3 / 64  # of the image's side, in either direction
NOISE = 0.08  # of the range of grey levels, in every pixel
FAINTEST = 0.6  # contrast: uniform from here to 1

FINE = 4  # points a pixel's side that an image is averaged over
MASK = 128  # side of a character as it is drawn first, in points
LETTERS = 96  # size of its font, in points
UNIT = 16  # binary places of coordinates
PART = 8  # binary places of weights


def glyphs(
    *,
    classes: int = 100,
    size: int = 16,
    train_per_class: int = 100,
    test_per_class: int = 50,
    seed: int = 0,
) -> Dataset:
    """Images (example, 1, size, size), uint8, of the first `classes` CHARACTERS.

    Classes take turns, so that a prefix is balanced; training and test images are
    independent, and more of either, or more classes, leave the first ones as they are.
    A face that lacks a character is left out of that character's. A Mistake names a
    number that is out of range, a Failure says that the fonts are absent.
    """
    counts = {"train": train_per_class, "test": test_per_class}
    _check(classes, size, counts)
    parts = {}
    for split, count in counts.items():
        each = [
            _images(label, count, size=size, split=split, seed=seed)
            for label in range(classes)
        ]
        images = np.stack(each, axis=1).reshape(-1, 1, size, size)
        parts[f"{split}_images"] = torch.from_numpy(images)
        parts[f"{split}_labels"] = torch.arange(classes).repeat(count)
    names = tuple(CHARACTERS[:classes])
    plain = (classes, size) == (len(CHARACTERS), 16)
    name = "glyphs" if plain else f"glyphs:{classes}x{size}"  # as `load` knows them
    return Dataset(name=name, classes=classes, names=names, **parts)


def jitters(label: int, count: int, *, split: str, seed: int) -> dict[str, np.ndarray]:
    """What is drawn at random of a class's images: name -> (image,) or (image, 2).

    face (a number below 1, its share of the faces), rotation, stretch, shear, shift
    (sideways and down, in sides of the image), contrast.
    """
    normal = stream(seed, f"shapes of {split} glyphs", label).standard_normal(
        (count, 6)
    )
    uniform = stream(seed, f"looks of {split} glyphs", label).random((count, 2))
    return {
        "face": uniform[:, 0],
        "contrast": FAINTEST + (1 - FAINTEST) * uniform[:, 1],
        "rotation": ROTATION * normal[:, 0],
        "shear": SHEAR * normal[:, 1],
        "stretch": STRETCH * normal[:, 2:4],
        "shift": SHIFT * normal[:, 4:6],
    }


def _images(label: int, count: int, *, size: int, split: str, seed: int) -> np.ndarray:
    """Images of one class, uint8 (image, size, size)."""
    drawn = jitters(label, count, split=split, seed=seed)
    noise = stream(seed, f"noise of {split} glyphs of {size}", label)
    noise = noise.standard_normal((count, size, size))
    return render(CHARACTERS[label], drawn, size=size, noise=noise)


def render(
    character: str, drawn: dict[str, np.ndarray], *, size: int, noise: np.ndarray
) -> np.ndarray:
    """A character as it is drawn each time, uint8 (image, size, size).

    drawn: as of `jitters`; noise: standard normal, (image, size, size).
    """
    masks = _masks(character)
    faces = (drawn["face"] * len(masks)).astype(int)
    strength = np.rint(drawn["contrast"] * 2**PART).astype(np.int64)
    noise = np.rint(noise * (NOISE * 255 * 2 ** (2 * PART))).astype(np.int64)
    found = np.empty(noise.shape, dtype=np.uint8)
    for k, face in enumerate(faces):
        grey = _warped(masks[face], _backwards(drawn, k), size)  # 0..255 << PART
        grey = grey * strength[k] + noise[k] + 2 ** (2 * PART - 1)
        found[k] = np.clip(grey >> 2 * PART, 0, 255)
    return found


def _backwards(drawn: dict[str, np.ndarray], k: int) -> list[int]:
    """From a place in the image to the one in the mask, in sides of either.

    x' = a x + b y + c, y' = d x + e y + f: the six numbers, with UNIT binary places.
    """
    angle, shear = float(drawn["rotation"][k]), float(drawn["shear"][k])
    wide, high = (math.exp(float(value)) for value in drawn["stretch"][k])
    right, down = map(float, drawn["shift"][k])
    cos, sin = math.cos(angle), math.sin(angle)
    # Forward: stretched, then sheared, then turned, then moved.
    a, b = cos / wide + shear * sin / wide, sin / wide - shear * cos / wide
    d, e = -sin / high, cos / high
    numbers = (a, b, -(a * right + b * down), d, e, -(d * right + e * down))
    return [round(number * 2**UNIT) for number in numbers]


def _warped(mask: np.ndarray, numbers: list[int], size: int) -> np.ndarray:
    """The mask seen through a map, averaged over pixels: (size, size), 0..255 << PART.

    Between the mask's points it is linear, and black outside.
    """
    a, b, c, d, e, f = numbers
    fine = size * FINE
    place = 2 * np.arange(fine, dtype=np.int64) - fine + 1  # in halves of a point
    middle = (MASK - 1) << PART - 1
    found = []
    for of_x, of_y, fixed in ((a, b, c), (d, e, f)):
        far = (of_x * place + of_y * place[:, None]) * MASK // (2 * fine)
        found.append(((far + fixed * MASK) >> UNIT - PART) + middle)
    (x, x_part), (y, y_part) = ((v >> PART, v & (2**PART - 1)) for v in found)
    inside = (x >= 0) & (x < MASK - 1) & (y >= 0) & (y < MASK - 1)
    corner = np.where(inside, y * MASK + x, 0)  # where the mask is black
    left, right = 2**PART - x_part, x_part
    upper = mask[corner] * left + mask[corner + 1] * right
    lower = mask[corner + MASK] * left + mask[corner + MASK + 1] * right
    grey = upper * (2**PART - y_part) + lower * y_part  # << 2 PART
    total = grey.reshape(size, FINE, size, FINE).sum(axis=(1, 3))
    return total // (FINE**2 << PART)


@lru_cache(maxsize=len(CHARACTERS))
def _masks(character: str) -> np.ndarray:
    """A character in every face that has it, (face, point): 0..255, row after row."""
    from PIL import Image, ImageDraw, ImageFont

    drawn = []
    for path in faces_of(character):
        font = ImageFont.truetype(path, LETTERS, layout_engine=ImageFont.Layout.BASIC)
        image = Image.new("L", (MASK, MASK))
        middle = (MASK // 2, MASK // 2)
        ImageDraw.Draw(image).text(middle, character, 255, font, anchor="mm")
        drawn.append(np.asarray(image, dtype=np.int64).ravel())
    return np.stack(drawn)


def faces_of(character: str) -> list[str]:
    """Paths of the fonts that have a character, by name."""
    found = [path for path, has in _fonts().items() if ord(character) in has]
    if not found:
        raise Failure(
            "glyphs are drawn with matplotlib's DejaVu fonts, and none that has "
            f"{character!r} is there: install matplotlib anew, with its fonts"
        )
    return found


@lru_cache(maxsize=1)
def _fonts() -> dict[str, frozenset[int]]:
    """Path of each face that is there -> the characters that it has."""
    import matplotlib
    from matplotlib.ft2font import FT2Font

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    names = [name.format(style) for name in FACES.split() for style in STYLES]
    there = sorted(folder / name for name in names if (folder / name).is_file())
    return {str(p): frozenset(FT2Font(str(p)).get_charmap()) for p in there}


def _check(classes: int, size: int, counts: dict[str, int]) -> None:
    ranges = {
        "classes": (classes, 2, len(CHARACTERS)),
        "size": (size, SIZES[0], SIZES[-1]),
        **{f"{split}_per_class": (n, 1, 10**6) for split, n in counts.items()},
    }
    for name, (value, least, most) in ranges.items():
        if not is_whole(value) or not least <= value <= most:
            raise Mistake(
                f"glyphs: {name} = {value!r} must be a whole number from {least} to "
                f"{most}"
            )
