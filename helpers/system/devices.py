"""The device that computes."""

import contextlib
from collections.abc import Iterator

import torch

from helpers.errors import Mistake


def choose_device(name: str) -> torch.device:
    """The device of a name; "cuda" without one is a mistake."""
    if name not in ("auto", "cpu", "cuda"):
        raise Mistake(f"device = {name!r}: must be one of auto, cpu, cuda")
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise Mistake("device = 'cuda': no CUDA device is visible; use auto or cpu")
    return torch.device("cuda" if there and name != "cpu" else "cpu")


@contextlib.contextmanager
def exact_products() -> Iterator[None]:
    """Products in float32 are float32 on CUDA as well, not TF32, which has 10 bits."""
    backends = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [each.allow_tf32 for each in backends]
    try:
        for each in backends:
            each.allow_tf32 = False
        yield
    finally:
        for each, allowed in zip(backends, before, strict=True):
            each.allow_tf32 = allowed
