"""Whether networks fit the images of a study, asked before anything is trained."""

import torch
from torch import nn

from helpers import models
from helpers.errors import Mistake
from helpers.fields import Described
from helpers.identity_loop import check_images, identity_model
from helpers.identity_runs import IdentityRun
from helpers.loop import model_of
from helpers.runs import Run, Study


def check_study(study: Study) -> None:
    """Refuse images that a network of the study cannot take, or cannot learn from."""
    runs = study.runs()
    for run in {_shape(run): run for run in runs}.values():
        if isinstance(run, IdentityRun):
            identity_model(run, study.data)
        else:
            _check_classifier(run, study.data)
    if isinstance(study.base, IdentityRun):
        check_images(runs, study.data)


def _shape(run: Described) -> tuple:
    """What decides whether the images fit; depth and width have bounds of their own."""
    names = ("model", "width", "depth", "activation", "biases", "batch_size")
    return tuple(getattr(run, name, None) for name in (*names, "kernel", "size"))


def _check_classifier(run: Run, data) -> None:
    model = model_of(run, data)
    if isinstance(model, models.MLP):
        return
    module, count = model.skeleton, len(data.train_labels)
    shape = tuple(data.train_images.shape[1:])
    size = " x ".join(map(str, shape))
    if not _takes(module, (2, *shape)):
        raise Mistake(
            f"model = {run.model!r}: images of {size} (channels, height, width) are "
            "too small for it; choose another model or larger images"
        )
    if (count - 1) % run.batch_size == 0 and not _takes(
        module, (1, *shape), train=True
    ):
        raise Mistake(
            f"batch_size = {run.batch_size}: must not divide {count - 1}, for the last "
            f"of {count} examples would be a batch of its own, which BatchNorm cannot "
            f"normalise in images of {size}; choose another"
        )


def _takes(module: nn.Module, shape: tuple[int, ...], *, train: bool = False) -> bool:
    """Whether a module without memory can be given images of a shape."""
    module.train(train)
    try:
        module(torch.empty(shape, device="meta"))
    except (RuntimeError, ValueError):
        return False
    finally:
        module.eval()
    return True
