"""Editions: what scales.yaml asks for, and where executed copies lie."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from helpers.chapters.book import Edition, book_chapters
from helpers.claims.registry import SCALES
from helpers.errors import Mistake
from helpers.system.names import refuse
from helpers.system.values import SAFE_LOADER

MAIN = "main"  # the variant that has no name of its own
NEEDS = "needs"  # beside a scale's chapters: the device it refuses to go without

Variants = Mapping[str, Mapping[str, Any]]  # variant -> parameter -> value


def chapters(root: Path) -> list[str]:
    """The notebooks there are: those of the book in its order, then any others."""
    found = sorted(path.stem for path in (root / "notebooks").glob("[!.]*.ipynb"))
    named = [chapter for chapter in book_chapters() if chapter in found]
    return named + [chapter for chapter in found if chapter not in named]


def variants(root: Path, scale: str, chapter: str) -> Variants:
    """Variants of a chapter at a scale and their parameters, `main` first."""
    if chapter not in chapters(root):
        refuse("chapter", chapter, chapters(root))
    there = {name: c for name, c in read_scale(root, scale).items() if name != NEEDS}
    if chapter not in there:
        refuse(f"chapter at scale {scale}", chapter, there)
    found = there[chapter]
    return {name: found[name] or {} for name in sorted(found, key=lambda v: v != MAIN)}


def choose_editions(
    root: Path, scale: str, names: Iterable[str] = (), *, wanted: Iterable[str] = ()
) -> list[Edition]:
    """The editions asked for: all of a scale unless chapters or variants are named.

    wanted: variants, in whose order they come; a chapter needs to have one of them.
    """
    names = list(dict.fromkeys(names))
    here = [c for c in chapters(root) if c in read_scale(root, scale)]
    chosen = [
        Edition(chapter, scale, name)
        for chapter in names or here
        for name in variants(root, scale, chapter)
    ]
    if not chosen:
        raise Mistake(f"scale {scale} has no chapters: add some to scales.yaml")
    if not (wanted := list(dict.fromkeys(wanted))):
        return chosen
    for chapter in names:
        there = variants(root, scale, chapter)
        if not there.keys() & {*wanted}:
            refuse(f"variant of {chapter} at scale {scale}", wanted[0], there)
    known = dict.fromkeys(edition.variant for edition in chosen)
    for variant in wanted:
        if variant not in known:
            refuse(f"variant at scale {scale}", variant, known)
    found = (edition for edition in chosen if edition.variant in wanted)
    return sorted(found, key=lambda edition: wanted.index(edition.variant))


def edition_values(root: Path, edition: Edition) -> dict[str, Any]:
    """The parameters that scales.yaml gives an edition."""
    return dict(variants(root, edition.scale, edition.chapter)[edition.variant])


def needed_device(root: Path, scale: str) -> str | None:
    """The device that a scale needs ("cuda"), or None."""
    return read_scale(root, scale).get(NEEDS)


def check_device(root: Path, scale: str) -> None:
    """Refuse a scale whose device is not here; a Mistake."""
    if needed_device(root, scale) != "cuda":
        return
    import torch

    if not torch.cuda.is_available():
        raise Mistake(
            f"scale {scale} needs a CUDA device and none is visible: run it on a GPU "
            "machine, choose another --scale, or insist with --cpu"
        )


def source_path(root: Path, chapter: str) -> Path:
    """A chapter's notebook."""
    return root / "notebooks" / f"{chapter}.ipynb"


def copy_path(root: Path, edition: Edition) -> Path:
    """An edition's executed copy in the book."""
    return root / "book" / f"{edition.page}.ipynb"


def describe(edition: Edition) -> str:
    """An edition in a few words."""
    variant = "" if edition.variant == MAIN else f"{edition.variant}, "
    return f"{edition.chapter} ({variant}{edition.scale})"


def read_scale(root: Path, scale: str) -> Mapping[str, Any]:
    """One scale of notebooks/scales.yaml: chapter -> variants, and what it needs."""
    if scale not in SCALES:
        refuse("scale", scale, SCALES)
    path = root / "notebooks" / "scales.yaml"
    try:
        scales = _parsed(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Mistake(f"{path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise Mistake(f"{path.name}: {' '.join(str(error).split())}") from error
    wanted = scales.get(scale) if isinstance(scales, dict) else None
    _check_shape(wanted or {}, f"{path.name}, scale {scale}")
    return wanted or {}


@lru_cache(maxsize=2)
def _parsed(text: str) -> Any:
    """A text of YAML, read once: it is asked for each chapter and each variant."""
    return yaml.load(text, SAFE_LOADER)


def _check_shape(scale: Any, where: str) -> None:
    shape = "chapter: {variant: {parameter: value}}"
    if not isinstance(scale, dict):
        raise Mistake(f"{where}: {scale!r} is not of the form {shape}")
    if scale.get(NEEDS) not in (None, "cuda"):
        raise Mistake(f"{where}: needs: {scale[NEEDS]!r}: allowed is cuda")
    for chapter, found in scale.items():
        if chapter == NEEDS:
            continue
        whole = isinstance(found, dict) and found
        if not whole or not all(isinstance(v or {}, dict) for v in found.values()):
            raise Mistake(f"{where}, {chapter}: {found!r} is not of the form {shape}")
