"""The lock, pyproject.toml, environment.yml and the Makefile say the same."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NEEDED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
LOCK = (ROOT / "requirements.lock").read_text()
PINS = [Requirement(line) for line in re.findall(r"^\w[^\\\n]*", LOCK, re.MULTILINE)]
HASH = r"    --hash=sha256:[0-9a-f]{64}(?: \\)?"
OLDEST_PYTHON = PROJECT["requires-python"].removeprefix(">=")


def version_pinned(name):
    """The one version of a package that the lock holds."""
    found = [pin for pin in PINS if canonicalize_name(pin.name) == name]
    assert len(found) == 1, f"{name}: {len(found)} pins in requirements.lock"
    return next(iter(found[0].specifier)).version


def test_every_line_of_the_lock_pins_one_version_with_its_checksums():
    ranges = {pin.name: str(pin.specifier) for pin in PINS}
    assert {n: r for n, r in ranges.items() if not re.fullmatch(r"==[\w.]+", r)} == {}
    pins = re.findall(rf"^(\w.*) \\\n(?:{HASH}\n)+", LOCK, re.MULTILINE)
    assert list(map(Requirement, pins)) == PINS
    lines = [line for line in LOCK.splitlines() if not re.fullmatch(HASH, line)]
    rest = "\n".join(re.sub(r" \\$", "", line) for line in lines)
    # No option, address or path, and not the book itself.
    assert not re.findall(r"^\s*-.*|.*://.*|.*[\\/].*", rest, re.MULTILINE)
    assert canonicalize_name(PROJECT["name"]) not in map(canonicalize_name, ranges)


@pytest.mark.parametrize("line", NEEDED, ids=lambda line: Requirement(line).name)
def test_what_pyproject_asks_for_is_pinned_within_its_range(line):
    needed = Requirement(line)
    version = version_pinned(canonicalize_name(needed.name))
    assert needed.specifier.contains(version)


def test_jupyter_book_stays_below_2_and_torch_2_11_of_gpu_machines_allowed():
    asked = {line.name: line.specifier for line in map(Requirement, NEEDED)}
    assert not asked["jupyter-book"].contains("2.0")
    assert version_pinned("jupyter-book").startswith("1.")
    assert asked["torch"].contains("2.11.0")
    assert asked["torchvision"].contains("0.26.0")


def test_conda_brings_python_and_pip_and_the_lock_brings_the_rest():
    words = (ROOT / "environment.yml").read_text()
    *conda, pip = yaml.safe_load(words)["dependencies"]
    assert {Requirement(line).name for line in conda} == {"python", "pip"}
    assert pip == {"pip": ["-r requirements.lock"]}
    assert "#   pip install --no-deps --no-build-isolation --editable .\n" in words


def test_every_file_names_the_same_oldest_python():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    python = next(line for line in map(str, conda) if line.startswith("python"))
    oldest = SpecifierSet(python.removeprefix("python"))
    assert OLDEST_PYTHON == "3.11"
    assert oldest.contains("3.11.0") and not oldest.contains("3.10.99")
    makefile = (ROOT / "Makefile").read_text()
    assert "(3, 11) <= v" in makefile
    assert "--python-version 3.11 " in makefile


def test_the_makefile_offers_the_scales_of_scales_yaml():
    words = re.search(r"filter-out ([a-z ]+),", (ROOT / "Makefile").read_text())
    scales = yaml.safe_load((ROOT / "notebooks" / "scales.yaml").read_text())
    assert sorted(words[1].split()) == sorted(scales)
