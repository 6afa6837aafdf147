"""The network that a run names, for images like those of a data set."""

from functools import lru_cache

from helpers.models import MLP, Modular, build, parameter_count
from helpers.models.identity import IdentityConvNet, IdentityFCN, build_identity
from helpers.runs import IdentityRun, Run


def _image_shape(data) -> tuple[int, ...]:
    """Channels, height and width; of a data set without looking at its images."""
    known = getattr(data, "image_shape", None)
    return known or tuple(data.train_images.shape[1:])


def model_of(run: Run, data) -> MLP | Modular:
    """The model that a run names, for data with `train_images` and `classes`."""
    return build(**_shape_of(run, data))


def weights_of(run: Run, data) -> int:
    """Number of trained weights and biases of the network that a run names."""
    return _count(**_shape_of(run, data))


@lru_cache(maxsize=1024)
def _count(**shape) -> int:
    """The same by the shape of a network, which is built once to be counted."""
    return parameter_count(build(**shape))


def _shape_of(run: Run, data) -> dict:
    """What `build` is given for a run."""
    return {
        "family": run.model,
        "image_shape": _image_shape(data),
        "classes": data.classes,
        "width": run.width,
        "depth": run.depth,
        "activation": run.activation,
        "biases": bool(run.biases),
    }


def identity_model(run: IdentityRun, data) -> IdentityFCN | IdentityConvNet:
    """The network that a run names, for images like those of the data."""
    side = run.size or run.canvas
    return build_identity(
        run.model,
        kernel=run.kernel,
        image_shape=(_image_shape(data)[0], side, side),
        width=run.width,
        depth=run.depth,
        activation=run.activation,
        biases=run.biases,
    )
