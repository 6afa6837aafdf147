"""The same examples in the features of one network, in the plane, epoch by epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from helpers.datasets.labels import Examples
from helpers.metrics.embedding import embed
from helpers.models.of import model_of
from helpers.papers.geometry.examples import some_inputs
from helpers.papers.geometry.networks import Trained, at_moments, moments_of
from helpers.papers.geometry.separation import SHOWN_CLASSES, layer_values
from helpers.runs.histories import Histories
from helpers.runs.kept import digest_of_kept, kept

FILMED = ("unpermuted", "permuted", "test")  # restored are the permuted, by true labels
EPOCHS = 9  # pictures, at most


@dataclass(frozen=True)
class Film:
    """Points (epoch, example, 2) in no unit, turned so that neighbouring epochs agree.

    sets: (example,) numbers in FILMED; given, truth: (example,) labels; images:
    (example, h, w) or (example, h, w, 3), 0..1; names: of all classes.
    """

    epochs: list[int]
    points: np.ndarray
    sets: np.ndarray
    given: np.ndarray
    truth: np.ndarray
    images: np.ndarray
    names: list[str]


def film(
    histories: Histories,
    data,
    epochs: Sequence[int],
    *,
    layer: str,
    examples: int = 400,
    seed: int = 0,
) -> Film | None:
    """Pictures by UMAP of a layer of the first network that has not diverged.

    Of at most nine of the epochs, in even steps, the last one of training among them;
    `examples` of each set at most, of the first ten classes by the given label. Each
    picture starts from the one before. None where the network came without weights and
    was never asked.
    """
    moments = moments_of(histories, epochs)
    steps = np.linspace(0, len(moments) - 1, min(EPOCHS, len(moments))).round()
    cases = list(at_moments(histories, [moments[int(step)] for step in steps]))
    times = [trained for k, _, trained in cases if k == cases[0][0]]
    if not times:
        return None
    run, folder = times[0].run, times[0].folder
    which = [trained.epoch for trained in times]
    asked = {"layer": layer, "examples": examples, "seed": seed, "epochs": which}
    if folder.weightless() and folder.measured(digest_of_kept("film", asked)) is None:
        return None
    chosen = {
        name: some_inputs(run, data, name, examples=examples, classes=SHOWN_CLASSES)
        for name in FILMED
    }
    make = partial(_filmed, times, model_of(run, data), chosen, asked)
    return _developed(kept(folder, "film", asked, make), chosen, data, which)


def _filmed(
    times: Sequence[Trained],
    model,
    chosen: dict[str, tuple[Tensor, Examples]],
    asked: dict,
) -> dict[str, np.ndarray]:
    inputs = torch.cat([inputs for inputs, _ in chosen.values()])
    pictures: list[np.ndarray] = []
    for trained in times:
        features = layer_values(trained, model, inputs, asked["layer"])
        start = pictures[-1] if pictures else None
        drawn = embed(features, seed=asked["seed"], start=start).points.numpy()
        pictures.append(turned_onto(drawn, start))
    return {"points": np.stack(pictures).astype(np.float32)}


def turned_onto(points: np.ndarray, onto: np.ndarray | None) -> np.ndarray:
    """Points (example, 2) around 0 of mean square 1, turned as near others as can be.

    By a rotation, and a reflection where that is nearer (Procrustes); onto: None: not.
    """
    centred = points - points.mean(0)
    centred = centred / (np.sqrt(np.square(centred).sum(1).mean()) or 1)
    if onto is None:
        return centred
    left, _, right = np.linalg.svd(centred.T @ onto)
    return centred @ left @ right


def _developed(
    found: dict[str, np.ndarray],
    chosen: dict[str, tuple[Tensor, Examples]],
    data,
    epochs: list[int],
) -> Film:
    """A film with its images and labels, which the data have."""
    some = {name: examples for name, (_, examples) in chosen.items()}
    images, truth = [], []
    for name, examples in some.items():
        tests = name == "test"
        source = data.test_images if tests else data.train_images
        labels = data.test_labels if tests else data.train_labels
        images.append(source[examples.indices].permute(0, 2, 3, 1).squeeze(-1))
        truth.append(labels[examples.indices])
    pixels = torch.cat(images).numpy().astype(float)
    return Film(
        epochs=epochs,
        points=found["points"],
        sets=np.repeat(np.arange(len(some)), [len(e.labels) for e in some.values()]),
        given=torch.cat([e.labels for e in some.values()]).numpy(),
        truth=torch.cat(truth).numpy(),
        images=pixels / 255 if pixels.max() > 1 else pixels,
        names=[*map(str, data.names)],
    )
