"""How far networks copy and how far they repeat, by setting and input correlation."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from helpers.metrics.reconstruction import Scores, scores, transition_depth
from helpers.papers.identity.networks import Networks
from helpers.papers.identity.patterns import rotated
from helpers.runs import IdentityRun

CORRELATIONS = tuple(round(0.1 * tenth, 1) for tenth in range(11))


class Maps(NamedTuple):
    """Scores of networks on random images, means over the images of one correlation.

    settings: what the rows differ in (depths, filter sizes, ...). correlations: of the
    inputs with the training image. The scores: (network, setting, correlation), NaN for
    a network that did not fit its image; fitted: (network, setting).
    """

    settings: tuple
    correlations: tuple[float, ...]
    identity: np.ndarray
    constant: np.ndarray
    identity_error: np.ndarray
    constant_error: np.ndarray
    fitted: np.ndarray

    def of(self, *settings) -> "Maps":
        """The rows of some settings."""
        rows = [self.settings.index(setting) for setting in settings]
        tables = [table[:, rows] for table in self[2:]]
        return Maps(tuple(settings), self.correlations, *tables)

    def of_correlation(self, correlation: float) -> "Maps":
        """The column of one input correlation."""
        place = self.correlations.index(correlation)
        tables = [table[:, :, place : place + 1] for table in self[2:6]]
        return Maps(self.settings, (correlation,), *tables, self.fitted)

    def shown(self, *, errors: bool = False) -> dict:
        """What a heat map of helpers.figures asks for, of correlations or errors."""
        return {
            "constant": self.constant_error if errors else self.constant,
            "identity": self.identity_error if errors else self.identity,
            "rows": self.settings,
            "correlations": self.correlations,
            "unfit": ~self.fitted,
        }

    def transitions(self) -> np.ndarray:
        """Depth at which the constant overtakes the identity, by network: (network,).

        At input correlation 0, for good, between depths interpolated; NaN if nowhere.
        Settings are depths; those at which a network did not fit are passed over.
        """
        start, depths = self.correlations.index(0.0), np.array(sorted(self.settings))
        ordered = self.of(*sorted(self.settings))
        return np.array(
            [
                transition_depth(depths[fits], one[fits], other[fits])
                if fits.any()
                else np.nan
                for one, other, fits in zip(
                    ordered.identity[:, :, start],
                    ordered.constant[:, :, start],
                    ordered.fitted,
                    strict=True,
                )
            ]
        )

    def censored(self) -> np.ndarray:
        """`transitions`, infinite where the largest depth still copies: (network,).

        NaN where it is not known, for the network of that depth did not fit.
        """
        turns = self.transitions()
        deepest = self.settings.index(max(self.settings))
        return np.where(np.isnan(turns) & self.fitted[:, deepest], np.inf, turns)


def correlation_maps(
    networks: Mapping[object, Networks],
    *,
    correlations: Sequence[float] = CORRELATIONS,
    count: int = 16,
    pixels: str = "uniform",
) -> Maps:
    """Maps of networks by setting; every setting has networks in the same order.

    count: random images for each correlation, made around each network's own training
    image (helpers.papers.identity.patterns.rotated, whose `pixels` these are).
    """
    drawn = {"count": count, "pixels": pixels}
    asked = {"correlations": [float(rho) for rho in correlations], **drawn}

    def make(some: Networks) -> dict[str, Tensor]:
        return _row(some, correlations, **drawn)

    rows = [(some, some.asked("maps", asked, make)) for some in networks.values()]
    tables = [
        np.stack([some.of_fitted(found[name]) for some, found in rows], axis=1)
        for name in Scores._fields
    ]
    fitted = np.stack([some.fitted for some in networks.values()], axis=1)
    return Maps(tuple(networks), tuple(correlations), *tables, fitted)


def _row(
    networks: Networks, correlations: Sequence[float], *, count: int, pixels: str
) -> dict[str, Tensor]:
    """The four scores of one setting, (network, correlation) each."""
    made = {}
    for run, image in zip(networks.runs, networks.images, strict=True):
        if _image(run) not in made:
            images = rotated(image[0], correlations, count, seed=0, pixels=pixels)
            made[_image(run)] = images.flatten(0, 1)
    inputs = list(made.values())
    if len(inputs) > 1:
        inputs = [made[_image(run)] for run in networks.runs]
    inputs = torch.stack(inputs)
    found = scores(networks.outputs(inputs), inputs, networks.images)
    return {
        name: part.unflatten(1, (-1, count)).mean(-1)
        for name, part in found._asdict().items()
    }


def _image(run: IdentityRun) -> tuple:
    return run.example, run.canvas, run.size
