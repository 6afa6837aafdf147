"""EMNIST, split "balanced": 47 classes of handwriting, and what its files must be.

No checksums are published of what torchvision unpacks, only of the packet, which is
checked as it comes. The files are held against what is known of them: as many images
of 28 × 28 as the split has, and labels of which every class has its equal share. A
grey level that changed in a file of the right size is not noticed.
"""

from math import prod
from pathlib import Path

import numpy as np

SPLIT = "balanced"
CLASSES = 47  # digits, capitals, and the small letters that differ from theirs
SIDE = 28  # pixels
PER_CLASS = {"train": 2400, "test": 400}  # 112,800 and 18,800 in all
FILES = {
    f"emnist-{SPLIT}-{split}-{kind}-ubyte": (split, kind)
    for split in PER_CLASS
    for kind in ("images-idx3", "labels-idx1")
}


def is_sound(path: Path) -> bool:
    """Whether a file is what its name says, as far as that is known."""
    split, kind = FILES[path.name]
    count = PER_CLASS[split]
    sizes = (CLASSES * count, SIDE, SIDE)[: 1 if kind == "labels-idx1" else 3]
    head = bytes([0, 0, 8, len(sizes)])  # of the IDX form: bytes, and how many axes
    head += b"".join(size.to_bytes(4, "big") for size in sizes)
    contents = path.read_bytes()
    if not contents.startswith(head) or len(contents) != len(head) + prod(sizes):
        return False
    if len(sizes) == 3:
        return True
    found = np.bincount(np.frombuffer(contents, np.uint8, offset=len(head)))
    return found.tolist() == [count] * CLASSES
