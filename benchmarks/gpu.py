"""Training and measures on a GPU, ours beside what a user would write, in 100 seconds.

    python -m benchmarks.gpu [--tiny] [--seconds 100] [--only WORD] [--out FILE]

Rows: a sweep of perceptrons, perceptrons under Adam, VGG-16, ResNet-18 (wide, narrow,
its evaluation, and against a DataLoader), AlexNet, identity nets, per-example
gradients, a rewind sweep, manifold analyses. The sides take turns, after one pass of
each outside the clock; seconds are medians of three (of one where a pass is long).
TF32 is allowed on both sides, convolutions are in bfloat16 and channels-last on both.

The floor is what the products of matrices take at the rate of an H200 (790 TFLOP/s in
bfloat16, 400 in TF32) or the bytes at 4.3 TB/s, whichever is more; `of floor` is its
share of our seconds. `predicted` was written down before any GPU had run this. A row
has its own time limit, and says what went wrong in it; the others go on. Without a GPU
the sizes are tiny: a rehearsal, whose numbers mean nothing.
"""

import argparse
import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch

from benchmarks import gpu_identity, gpu_measures, gpu_training
from benchmarks.peaks import peak, timed
from helpers.system.devices import choose_device, fast_products, searched_kernels

FULL = {
    **{"side": 32, "examples": 50_000, "batch": 1024, "small_batch": 256},
    **{"nets": 25, "width": 1024, "steps": 20, "canvas": 28, "identities": 5},
    **{"fcn_width": 2048, "fcn_depth": 7, "fcn_steps": 200},
    **{"conv_width": 128, "conv_depth": 20, "conv_steps": 40},
    **{"gradient_examples": 256, "rewound_examples": 2000},
    **{"analyses": 16, "manifolds": 40, "gaussians": 100},
}
TINY = {
    **{"side": 32, "examples": 32, "batch": 8, "small_batch": 8},
    **{"nets": 2, "width": 8, "steps": 2, "canvas": 8, "identities": 2},
    **{"fcn_width": 70, "fcn_depth": 3, "fcn_steps": 3},
    **{"conv_width": 3, "conv_depth": 3, "conv_steps": 3},
    **{"gradient_examples": 6, "rewound_examples": 64},
    **{"analyses": 2, "manifolds": 12, "gaussians": 10},
}
COLUMNS = (
    "| | ours, s | plain, s | ratio | floor, s | of floor | predicted, s | off by |"
)


class Row(NamedTuple):
    """A row of the table. predicted: our seconds for one unit of the case's work."""

    name: str
    make: Callable[[dict, str], gpu_training.Case]
    predicted: float
    limit: float = 12.0  # seconds


def rows(narrow: bool) -> list[Row]:
    """All rows, the most telling first. narrow: the modules of a rehearsal."""
    mlp, module = gpu_training.perceptrons, gpu_training.module
    wide = {"family": "resnet", "width": 4 if narrow else 64, "depth": 18}
    vgg = {"family": "small_vgg", "width": 4, "depth": 9}
    alexnet = {"family": "alexnet", "width": 4 if narrow else 64, "depth": 6}
    if not narrow:
        vgg = {"family": "vgg16", "width": 64, "depth": 16}
    small, net = {**wide, "width": 2 if narrow else 8}, gpu_identity.identity
    return [
        Row("perceptrons, sine, SGD", partial(mlp, depth=2, optimizer=None), 3.2e-3),
        Row("VGG-16", partial(module, **vgg), 6.1e-3),
        Row("ResNet-18", partial(module, **wide), 13e-3),
        Row("ResNet-18, DataLoader", partial(module, what="loader", **wide), 13e-3),
        Row("ResNet-18, evaluation", partial(module, what="evaluate", **wide), 64e-3),
        Row("ResNet-18, width 8", partial(module, **small), 2.0e-3),
        Row("AlexNet", partial(module, **alexnet), 0.92e-3),
        Row("perceptrons, Adam", partial(mlp, depth=6, optimizer="adam"), 8e-3),
        Row("identity, connected", partial(net, family="identity_fcn"), 0.8e-3),
        Row("identity, 20 layers", partial(net, family="identity_convnet"), 1.2e-3),
        Row("example gradients", gpu_measures.example_gradients, 0.44e-3),
        Row("rewind sweep", gpu_measures.rewinds, 0.7e-3, limit=25.0),
        Row("manifolds, all cores", gpu_measures.manifolds, 0.06, limit=40.0),
    ]


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """A TimeoutError when it takes longer, between two calls of Python's."""

    def over(*_):
        raise TimeoutError(f"longer than {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def measure(row: Row, size: dict, device: str, left: float) -> dict:
    """A row of the table as values; `failed` says why where there are none."""
    spent: dict[str, list[float]] = {"ours": [], "plain": []}
    found: dict = {"name": row.name}
    try:
        if left < 1:
            raise TimeoutError("no time was left")
        with within(min(row.limit, left)):
            case = row.make(size, device)
            sides = {"ours": case.ours, "plain": case.plain}
            for side in sides.values() if case.rounds > 1 else ():
                timed(device, side)  # warms
            for _ in range(case.rounds):
                for name, side in sides.items():
                    spent[name].append(timed(device, side)[0])
    except Exception as error:  # a row that fails is told, and the others go on
        what = " ".join(f"{type(error).__name__}: {error}".split())
        found["failed"] = what[:160]
    if all(spent.values()):
        found |= _compared(row, case, *map(median, spent.values()))
        found["n"] = len(spent["plain"])
    if size is not FULL:
        found.pop("predicted", None), found.pop("off_by", None)
    return found


def _compared(row: Row, case: gpu_training.Case, ours: float, plain: float) -> dict:
    predicted = row.predicted * case.work
    return {
        **{"ours": ours, "plain": plain, "ratio": plain / ours},
        **{"floor": case.floor, "of_floor": case.floor / ours},
        **{"predicted": predicted, "off_by": ours / predicted},
    }


def show(found: dict) -> str:
    """A row of the table as text."""
    if "ours" not in found:
        return f"| {found['name']} | {found['failed']} |||||||"
    numbers = ("ours", "plain", "ratio", "floor")
    cells = [f"{found[key]:.3g}" for key in numbers]
    cells.append(f"{found['of_floor']:.0%}" if found["floor"] else "")
    more = ("predicted", "off_by")
    cells += [f"{found[key]:.3g}" if key in found else "" for key in more]
    late = f" ({found['failed']}; n = {found['n']})" if "failed" in found else ""
    return f"| {found['name']}{late} | {' | '.join(cells)} |"


def ceilings(device: str) -> dict:
    """What matrix products and a copy reach here: FLOP/s and bytes/s."""
    kinds = {"bfloat16": torch.bfloat16, "float32": torch.float32}
    rates = {name: peak(device, kind) for name, kind in kinds.items()}
    block = torch.empty(
        2**30 if device == "cuda" else 2**22, dtype=torch.uint8, device=device
    )
    seconds = min(timed(device, block.clone)[0] for _ in range(5))
    return {"name": "ceilings", "copy": 2 * block.numel() / seconds, **rates}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="a rehearsal; so on a CPU")
    parser.add_argument("--seconds", type=float, default=100.0, help="for all rows")
    parser.add_argument("--only", default="", help="rows whose names hold this")
    parser.add_argument("--out", type=Path, help="a file of a JSON object a line")
    options = parser.parse_args(arguments)
    end, device = time.monotonic() + options.seconds, choose_device("auto").type
    size = TINY if options.tiny or device == "cpu" else FULL
    chosen = [row for row in rows(size is TINY) if options.only in row.name]
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    print(f"{name}, PyTorch {torch.__version__}" + ", tiny" * (size is TINY))
    lines = [{"name": "machine", "device": name, "torch": torch.__version__}]
    if device == "cuda":
        lines.append(ceilings(device))
        print({key: f"{rate:.3g}" for key, rate in lines[-1].items() if key != "name"})
    print(COLUMNS + "\n" + "|---" * 8 + "|", flush=True)
    for row in chosen:
        with fast_products(), searched_kernels(torch.device(device)):
            lines.append(measure(row, size, device, end - time.monotonic()))
        print(show(lines[-1]), flush=True)
        if options.out:
            options.out.write_text("".join(json.dumps(line) + "\n" for line in lines))
        if device == "cuda":
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
