"""Networks of several families, on which tests of localisation are compared."""

from collections.abc import Sequence
from dataclasses import replace

from helpers.errors import Mistake
from helpers.models.mlp import ACTIVATIONS
from helpers.models.modules import MODULES
from helpers.runs import Run


def compared_networks(
    base: Run,
    *,
    models: Sequence[str],
    widths: Sequence[int],
    depths: Sequence[int],
    shares: Sequence[float],
) -> dict[str, Run]:
    """Name of a setting -> its run; the lists go together.

    models: an activation, of perceptrons, or a family of modules. shares: of permuted
    labels. A Mistake where the lists differ in length, a setting is there twice, or
    none is of perceptrons, whose units are counted.
    """
    lists = {"models": models, "widths": widths, "depths": depths, "shares": shares}
    if len({len(each) for each in lists.values()}) > 1:
        said = ", ".join(f"{len(each)} {name}" for name, each in lists.items())
        raise Mistake(f"settings: {said}; give as many of each")
    found: dict[str, Run] = {}
    for model, width, depth, share in zip(*lists.values(), strict=True):
        name = f"{model} {width} × {depth}, {100 * share:.4g}%"
        if name in found:
            raise Mistake(f"setting {name!r} is there twice: give each once")
        more = {"width": width, "depth": depth, "permuted_fraction": share}
        found[name] = replace(base, **_family(model), **more)
    if all(run.model != "mlp" for run in found.values()):
        allowed = ", ".join(ACTIVATIONS)
        raise Mistake(f"settings: no perceptron is among them, name one of {allowed}")
    return found


def _family(model: str) -> dict[str, str]:
    if model in ACTIVATIONS:
        return {"model": "mlp", "activation": model}
    if model in MODULES:
        return {"model": model, "activation": "relu"}
    allowed = ", ".join([*ACTIVATIONS, *MODULES])
    raise Mistake(f"model {model!r}: must be one of {allowed}")
