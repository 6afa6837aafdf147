"""The cell for Colab in every notebook; `python -m` this writes it there."""

import json
from pathlib import Path

import yaml

from helpers.chapters.cells import COLAB
from helpers.system.files import write_bytes
from helpers.system.roots import project_root

SOURCE = """\
# In Colab, get the book and install it; anywhere else there is nothing to do.
import subprocess
import sys

if "google.colab" in sys.modules:
    address = "{address}"
    subprocess.run(["git", "clone", "--depth", "1", address, "book"], check=True)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--editable", "book"]
    subprocess.run(install, check=True)
    sys.path.insert(0, "book")  # this Python has started without it"""
PLACE = 1  # of the cell: below the title


def write_address(root: Path) -> list[str]:
    """Write the address of _config.yml into every notebook; names of those changed."""
    config = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": COLAB,
        "metadata": {"tags": [COLAB, "remove-cell"]},
        "outputs": [],
        "source": SOURCE.format(address=config["repository"]["url"]).splitlines(True),
    }
    changed = []
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        before = path.read_text("utf-8")
        notebook = json.loads(before)
        others = [c for c in notebook["cells"] if c.get("id") != COLAB]
        notebook["cells"] = [*others[:PLACE], cell, *others[PLACE:]]
        text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        if text != before:
            write_bytes(path, text.encode())
            changed.append(path.name)
    return changed


if __name__ == "__main__":
    print("changed:", ", ".join(write_address(project_root())) or "none")
