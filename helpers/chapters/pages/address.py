"""The repository's address in the cells for Colab: `python -m` this writes it there."""

import json
import re
from pathlib import Path

import yaml

from helpers.chapters.cells import COLAB
from helpers.system.files import write_bytes
from helpers.system.roots import project_root

WRITTEN = re.compile(r'(address = )"[^"]*"')


def write_address(root: Path) -> list[str]:
    """Write the address of _config.yml into every notebook; names of those changed."""
    config = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
    address = config["repository"]["url"]
    changed = []
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        before = path.read_text("utf-8")
        notebook = json.loads(before)
        for cell in notebook["cells"]:
            if COLAB in cell["metadata"].get("tags", []):
                lines = [WRITTEN.sub(rf'\1"{address}"', s) for s in cell["source"]]
                cell["source"] = lines
        text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        if text != before:
            write_bytes(path, text.encode())
            changed.append(path.name)
    return changed


if __name__ == "__main__":
    print("changed:", ", ".join(write_address(project_root())) or "none")
