"""Label-dependent and label-independent gradients of trained networks (paper B)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from helpers.metrics.gradients.blocks import BLOCKS
from helpers.metrics.gradients.gradient_growth import HALVINGS, dependent_growth
from helpers.metrics.gradients.label_parts import (
    class_centred_gradients,
    feature_form,
    label_gradients,
)
from helpers.models.layers import HIDDEN, layer_features
from helpers.models.of import model_of
from helpers.papers.geometry.jobs import measured
from helpers.papers.geometry.labelled import GROUPS, Labelled, kernel_names
from helpers.papers.geometry.networks import Moment, Trained
from helpers.runs.histories import Histories
from helpers.streams import stream

PARTS = ("dependent", "independent", "full")


@dataclass(frozen=True)
class Gradients:
    """Norms of both parts of the gradient, of each weight layer, at several moments.

    tables: part -> group -> (network, moment, layer); parts: dependent, independent,
    full. squares: the same of the unbiased squared norms, which may be negative.
    errors: how far the parts miss their sum, relative, (network, moment), the largest
    over layers and groups.
    """

    layers: tuple[str, ...]
    moments: tuple[Moment, ...]
    tables: dict[str, dict[str, np.ndarray]]
    squares: dict[str, dict[str, np.ndarray]]
    errors: np.ndarray

    def ratio(self, above: tuple[str, str], below: tuple[str, str]) -> np.ndarray:
        """Ratio of two norms, each (part, group): (network, moment, layer)."""
        first, second = (self.tables[part][group] for part, group in (above, below))
        return np.divide(
            first, second, out=np.full_like(first, np.nan), where=second > 0
        )

    def ratios(self) -> dict[str, np.ndarray]:
        """The four ratios of figure 5 D to G, (network, moment, layer) each."""
        pairs = {
            f"dependent over independent,\n{group}": (
                ("dependent", group),
                ("independent", group),
            )
            for group in GROUPS[1:]
        }
        pairs |= {
            f"{part},\nunpermuted over permuted": (
                (part, "unpermuted"),
                (part, "permuted"),
            )
            for part in PARTS[:2]
        }
        return {name: self.ratio(*pair) for name, pair in pairs.items()}


def measure_gradients(
    histories: Histories,
    data,
    moments: Sequence[Moment],
    *,
    examples: int | None = None,
) -> Gradients:
    """Both parts of the gradient of finished networks (figures 5, A.1, A.12 to A.14).

    moments: "best", "final" or epochs whose weights were kept. examples: so many of the
    training set, drawn by the run's seed; None: all. In evaluation mode; the norms in
    single precision, the errors in double one, of 200 examples at most. Kept beside
    the run.
    """
    model = model_of(histories.runs[0], data)
    names = kernel_names(model)

    def make(trained: Trained) -> dict[str, np.ndarray | float]:
        return _norms(trained, model, data, examples)

    settings, shape = (
        {"examples": examples, "blocks": BLOCKS},
        (len(GROUPS), len(names)),
    )
    squares = [f"{part} squared" for part in PARTS]
    shapes = {**dict.fromkeys([*PARTS, *squares], shape), "error": ()}
    found = measured(histories, moments, make, shapes, gradients=settings)
    tables = {
        part: {group: rows[:, :, g] for g, group in enumerate(GROUPS)}
        for part, rows in found.items()
        if part != "error"
    }
    return Gradients(
        tuple(names),
        tuple(moments),
        {part: tables[part] for part in PARTS},
        {part: tables[name] for part, name in zip(PARTS, squares, strict=True)},
        found["error"],
    )


def _norms(
    trained: Trained, model, data, examples: int | None
) -> dict[str, np.ndarray | float]:
    """Part -> norms (group, layer), and the largest relative error of their sum."""
    labelled = Labelled(trained, model, data, examples, curves=True)
    norms = _of_groups(labelled)
    found = {name: rows for name, rows in norms.items() if name != "error"}
    norms = _of_groups(Labelled(trained, model, data, examples, curves=False))
    return {**found, "error": np.nanmax(norms["error"])}


def _of_groups(labelled: Labelled) -> dict[str, np.ndarray]:
    """Part, and "error" -> norms (group, layer)."""
    parts, model = labelled.ask(label_gradients, groups=labelled.groups), labelled.model
    places = [model.names.index(name) for name in kernel_names(model).values()]
    norms = [parts[group].norms() for group in GROUPS]
    squares = torch.stack([n.squares[:, places] for n in norms], dim=1).cpu().numpy()
    found = {
        name: np.stack([getattr(n, name)[places].cpu().numpy() for n in norms])
        for name in (*PARTS, "error")
    }
    of_parts = zip(PARTS, squares, strict=True)
    return found | {f"{part} squared": rows for part, rows in of_parts}


def feature_form_errors(
    histories: Histories, data, *, examples: int | None = None
) -> np.ndarray:
    """How far equation 2 is from the last layer's two parts, relative: (network,).

    The larger of the two, at the best epoch, where neither part vanishes (claim 2). NaN
    for a network that has diverged.
    """
    model = model_of(histories.runs[0], data)
    head = list(kernel_names(model).values())[-1]

    def make(trained: Trained) -> dict[str, float]:
        labelled = Labelled(trained, model, data, examples, curves=False)
        groups = {"all": labelled.groups["all"]}
        parts = labelled.ask(class_centred_gradients, groups=groups)["all"]
        every = {**labelled.weights, **labelled.statistics}
        images = labelled.images.double()
        ((_, hidden),) = layer_features(model, every, images, layers=[HIDDEN])
        with torch.no_grad():
            logits = labelled.logits_of(labelled.weights, images)
        forms = feature_form(hidden, logits.softmax(1), labelled.labels)
        both = parts.dependent[head], parts.independent[head]
        errors = [(a - b).norm() / b.norm() for a, b in zip(forms, both, strict=True)]
        return {"error": float(torch.stack(errors).max())}  # NaN where one of them is

    form = {"examples": examples}
    return measured(histories, ["best"], make, {"error": ()}, form=form)["error"][:, 0]


def dependent_slopes(
    histories: Histories, data, *, examples: int | None = None
) -> np.ndarray:
    """Slope of the log dependent norm of permuted examples in the log of their number.

    At initialization, mean over layers: (network,), NaN for a network that diverges
    later, and where too few examples are permuted to halve them (claim 3).
    """
    model = model_of(histories.runs[0], data)
    places = [model.names.index(name) for name in kernel_names(model).values()]

    def make(trained: Trained) -> dict[str, float]:
        labelled = Labelled(trained, model, data, examples, curves=True)
        if labelled.permuted.sum() < 2**HALVINGS:
            return {"slope": np.nan}
        draws = stream(trained.run.seed, "examples of growing subsets")
        growth = labelled.ask(
            dependent_growth, group=labelled.permuted, generator=draws
        )
        return {"slope": float(growth.slopes[places].mean())}

    slopes = {"examples": examples, "halvings": HALVINGS}
    return measured(histories, [0], make, {"slope": ()}, slopes=slopes)["slope"][:, 0]
