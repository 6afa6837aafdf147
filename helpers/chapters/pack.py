"""The one folder that travels to a GPU machine without a network."""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from helpers.chapters.book import Edition
from helpers.chapters.cells import read_notebook, read_parameters
from helpers.chapters.editions import chapters, edition_values, source_path, variants
from helpers.datasets import EMBEDDED, NAMES
from helpers.datasets.compact import compact_files
from helpers.datasets.root import PREFIX
from helpers.errors import Mistake
from helpers.system.files import names_in, read_bytes, write_bytes
from helpers.system.terminal import Say

MARK = "CONTENTS"  # the file that tells a pack from any other folder
LIMIT = 62.0  # MiB
SCALE, VARIANT = "paper", "same_shape"  # what go.sh trains
CARRIED = ("cifar10-jpeg", "tiny-imagenet-100-32")  # where none are named
CODE = ("helpers/**/*", "notebooks/*", "pyproject.toml", "_config.yml", "LICENSE")
OPTIONAL = {  # parts that can stay, and their files
    "tests": ("tests/**/*",),
    "benchmarks": ("benchmarks/*",),
    "archives": (f"book/archives/{SCALE}/*",),
}
KINDS = (".py", ".ipynb", ".yaml", ".toml", ".yml", ".mplstyle", ".sh", ".npz", ".zip")

Files = dict[str, bytes]  # path in the pack: content


def write_pack(
    root: Path,
    out: Path,
    *,
    data: Iterable[str] = CARRIED,
    without: Iterable[str] = (),
    wheels: Mapping[str, bytes] | None = None,
    limit: float = LIMIT,
    say: Say = print,
) -> None:
    """Write the pack and say what is in it; an older pack is replaced, whole.

    data: names of data sets, `folder:` may be left out. without: some of OPTIONAL.
    wheels: file name: content. limit: MiB. Nothing half-made stays behind.
    """
    _check_place(out)
    names = [_full_name(name) for name in dict.fromkeys(data)]
    parts: dict[str, Files] = {"code": _files(root, CODE)}
    for part, patterns in OPTIONAL.items():
        parts[part] = {} if part in without else _files(root, patterns)
    for name in names:
        files = compact_files(name)
        parts[f"data {name}"] = {f"data/{path}": c for path, c in files.items()}
    parts["wheels"] = {f"wheels/{path}": c for path, c in (wheels or {}).items()}
    parts["code"]["go.sh"] = _go(root, served(root, names))
    lines = _contents(parts, served(root, names))
    parts["code"][MARK] = ("\n".join(lines) + "\n").encode()
    _check_size(parts, limit)
    _replace(out, {path: c for files in parts.values() for path, c in files.items()})
    for line in lines:
        say(line)


def served(root: Path, data: Iterable[str]) -> list[str]:
    """The chapters whose variant VARIANT is on these data sets and embedded ones."""
    there = {*data, *EMBEDDED}
    return [
        chapter
        for chapter in chapters(root)
        if VARIANT in variants(root, SCALE, chapter)
        and data_of(root, Edition(chapter, SCALE, VARIANT)) <= there
    ]


def data_of(root: Path, edition: Edition) -> set[str]:
    """Names of the data sets that an edition's parameters name."""
    known = read_parameters(
        read_notebook(source_path(root, edition.chapter)), edition.chapter
    )
    values = {name: parameter.default for name, parameter in known.items()}
    values |= edition_values(root, edition)
    flat = [v for value in values.values() for v in _listed(value)]
    return {v for v in flat if isinstance(v, str) and _names_data(v)}


def _names_data(word: str) -> bool:
    return word in NAMES or word.startswith(PREFIX)


def _listed(value) -> list:
    return value if isinstance(value, list) else [value]


def _full_name(name: str) -> str:
    return name if _names_data(name) else f"{PREFIX}{name}"


def _check_place(out: Path) -> None:
    if out.is_dir() and (not names_in(out) or (out / MARK).is_file()):
        return
    if out.exists() or out.is_symlink():
        raise Mistake(
            f"{out} is there and is no pack (it has no {MARK}): name another folder, "
            "or remove it"
        )


def _files(root: Path, patterns: Iterable[str]) -> Files:
    """Files of the project by their paths in it, in their order."""
    paths = sorted(path for pattern in patterns for path in root.glob(pattern))
    return {
        path.relative_to(root).as_posix(): read_bytes(path)
        for path in paths
        if path.suffix in KINDS or path.name == "LICENSE"
        if path.is_file() and "__pycache__" not in path.parts
    }


def _go(root: Path, names: list[str]) -> bytes:
    script = read_bytes(Path(__file__).with_name("go.sh")).decode()
    return script.replace("@CHAPTERS@", " ".join(names)).encode()


def _contents(parts: Mapping[str, Files], names: list[str]) -> list[str]:
    """What is in the pack, part by part, in lines."""
    rows = [(part, files) for part, files in parts.items() if files]
    lines = [
        f"{part:40} {len(files):4} files {_mib(files):6.2f} MiB" for part, files in rows
    ]
    left = [part for part, files in parts.items() if not files]
    total = sum(_mib(files) for files in parts.values())
    said = f"serves {', '.join(names) or 'no chapter: its data are not here'}"
    return [
        *lines,
        f"{'all':40} {sum(len(f) for _, f in rows):4} files {total:6.2f} MiB",
        *([f"not in it: {', '.join(left)}"] if left else []),
        f"scale {SCALE}, variant {VARIANT}: {said}",
        "there: ./go.sh SECONDS OUT; here, then: python -m helpers import OUT/*.zip",
    ]


def _mib(files: Files) -> float:
    return sum(map(len, files.values())) / 2**20


def _check_size(parts: Mapping[str, Files], limit: float) -> None:
    sizes = {part: _mib(files) for part, files in parts.items()}
    excess = sum(sizes.values()) - limit
    if excess <= 0:
        return
    loose = {p: mib for p, mib in sizes.items() if p != "code" and mib >= excess}
    part = min(loose, key=loose.__getitem__, default=max(sizes, key=sizes.__getitem__))
    how = f"--without {part}" if part in OPTIONAL else f"without {part}"
    if part.startswith("data ") and any(p.endswith("/train.npz") for p in parts[part]):
        how += " (plain arrays; as JPEG packs, train-*.npz, photographs are a tenth)"
    raise Mistake(
        f"the pack would be {sum(sizes.values()):.1f} MiB of at most {limit:g}: "
        f"{', '.join(f'{p} {mib:.1f}' for p, mib in sizes.items() if mib)}: "
        f"try it {how}, or raise --limit"
    )


def _replace(out: Path, files: Files) -> None:
    """Have these files, and no others, in a folder: all of them or none."""
    beside = out.with_name(f".{out.name}.partial-{os.getpid()}")
    try:
        for path, content in sorted(files.items()):
            write_bytes(beside / path, content, sync=False)
        (beside / "go.sh").chmod(0o755)
        if out.exists():
            old = out.with_name(f".{out.name}.old-{os.getpid()}")
            out.rename(old)
            beside.rename(out)
            shutil.rmtree(old)
        else:
            beside.rename(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
