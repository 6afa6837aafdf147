"""A GPU for one job alone: `CUDA_VISIBLE_DEVICES` names no other to it."""

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from helpers.errors import Mistake
from helpers.system.locks import lock_all
from helpers.system.terminal import Say

VISIBLE = "CUDA_VISIBLE_DEVICES"
# Where one of them names a single GPU it has chosen: its own jobs never share.
SCHEDULERS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID")


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, by their names for CUDA."""
    told = os.environ.get(VISIBLE)
    if told is not None:
        return [name.strip() for name in told.split(",") if name.strip()]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


@contextlib.contextmanager
def one_gpu(gpus: Sequence[str], *, say: Say = print) -> Iterator[str]:
    """Have one of these GPUs until the block ends, as soon as no other job has it."""
    if not gpus:
        raise Mistake(
            "this job needs a GPU and none is visible here: run it on a node with one, "
            "or plan it for a CPU with --config device=cpu"
        )
    before = os.environ.get(VISIBLE)
    with _first_free(gpus, say) as gpu:
        os.environ[VISIBLE] = gpu
        try:
            yield gpu
        finally:
            os.environ.pop(VISIBLE)
            os.environ.update({} if before is None else {VISIBLE: before})


@contextlib.contextmanager
def _first_free(gpus: Sequence[str], say: Say) -> Iterator[str]:
    """The first that is free, locked; the only one where a scheduler has chosen it."""
    if len(gpus) == 1 and any(name in os.environ for name in SCHEDULERS):
        yield gpus[0]
        return
    folder = Path(tempfile.gettempdir()) / f"memorization-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    told = False
    while True:
        for gpu in gpus:
            with lock_all(folder, [f"gpu-{gpu}"]) as ours:
                if ours:
                    yield gpu
                    return
        if not told:
            say(f"waiting: all of {len(gpus)} GPUs have a job")
            told = True
        time.sleep(0.2)
