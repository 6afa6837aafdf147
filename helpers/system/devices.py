"""The device that computes, and how exactly it multiplies in float32.

Of one number there are two flags, for matrix products and for convolutions, which by
default differ. They are those of the whole process, so that one thread at a time may
choose. Only the older names are used: PyTorch refuses to mix them with the newer ones.
"""

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


def _on_cuda(device: torch.device | None) -> bool:
    return torch.cuda.is_available() if device is None else device.type == "cuda"


@contextlib.contextmanager
def _products(*, tf32: bool, device: torch.device | None) -> Iterator[None]:
    if not _on_cuda(device):  # where many threads train, and the flags mean nothing
        yield
        return
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = tf32
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


def fast_products(
    device: torch.device | None = None,
) -> contextlib.AbstractContextManager:
    """Products of float32 in TF32 (10 bits of mantissa) on CUDA: for training.

    device: the one that computes; None: CUDA where there is one. A CPU is not touched.
    """
    return _products(tf32=True, device=device)


def exact_products(
    device: torch.device | None = None,
) -> contextlib.AbstractContextManager:
    """Products of float32 in float32 on CUDA, too: for measures; as `fast_products`."""
    return _products(tf32=False, device=device)


def products_on(device: torch.device) -> str:
    """What products of float32 are made in now: "tf32" or "float32"."""
    fast = device.type == "cuda" and torch.backends.cuda.matmul.allow_tf32
    return "tf32" if fast else "float32"


@contextlib.contextmanager
def searched_kernels(device: torch.device | None = None) -> Iterator[None]:
    """Convolutions on CUDA by the fastest kernel for their shape, once tried.

    device: as of `fast_products`.
    """
    if not _on_cuda(device):
        yield
        return
    before, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
