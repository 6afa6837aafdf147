"""The device that computes."""

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
