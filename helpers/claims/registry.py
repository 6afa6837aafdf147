"""The registry of claims: each paper's claims.yaml, together.

It covers every figure of the papers, so that what is not yet tested shows too.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from helpers.claims.claim import Claim, Criterion, Paper
from helpers.claims.reading import SCALES, check, read_paper
from helpers.errors import Mistake
from helpers.system.roots import project_root

FILE = "claims.yaml"
PAPERS = Path(__file__).resolve().parents[1] / "papers"


def registry_files(root: Path | None = None) -> tuple[Path, ...]:
    """The claims.yaml of every paper's folder: of this package, and of the project.

    root: of the project, found from the current folder unless given.
    """
    folders = (PAPERS, (root or project_root()) / "helpers" / "papers")
    files = {f.parent.name: f for each in folders for f in each.glob(f"*/{FILE}")}
    return tuple(files.values())


def load_papers(root: Path | None = None) -> list[Paper]:
    """The papers, by their letters."""
    return [paper for paper, _ in _load(registry_files(root))]


def paper_folder(chapter: str) -> Path | None:
    """The folder of the paper that a chapter belongs to; None of a reader's own."""
    for path in registry_files():
        ((paper, _),) = _load((path,))
        if chapter in dict(paper.chapters):
            return path.parent
    return None


def load_registry(*files: Path) -> Mapping[str, Claim]:
    """Every claim by its id, in the order of the papers; a Mistake names any error.

    files: of all papers unless given.
    """
    loaded = _load(files or registry_files())
    return MappingProxyType({claim.id: claim for _, each in loaded for claim in each})


def find_claim(claim_id: str) -> Claim:
    """The claim of that id."""
    claims = load_registry()
    if claim_id not in claims:
        raise Mistake(f"no claim {claim_id!r} in any {FILE}: use an id from there")
    return claims[claim_id]


@cache
def _load(files: tuple[Path, ...]) -> list[tuple[Paper, list[Claim]]]:
    found = sorted((read_paper(path) for path in files), key=lambda each: each[0])
    papers = [paper for paper, _ in found]
    for what, names in {
        "paper": [paper.letter for paper in papers],
        "chapter": [name for paper in papers for name, _ in paper.chapters],
        "claim": [claim.id for _, claims in found for claim in claims],
    }.items():
        twice = [name for name in names if names.count(name) > 1]
        check(not twice, FILE, f"{what} {twice[:1]} is there twice")
    return found
