"""Sweeps over finished networks: layers set back to an earlier epoch, or drawn anew."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from helpers.errors import Failure, Mistake
from helpers.models.stages import Weights
from helpers.papers.geometry.networks import Trained, at_moments, epoch_of
from helpers.papers.geometry.rewinding.settings import ALL_SETS, Setting, Span
from helpers.runs import Run, fingerprint
from helpers.runs.histories import Histories
from helpers.runs.kept import kept
from helpers.runs.store import DamagedFile, RunFolder
from helpers.streams import stream
from helpers.system.workers import workers

REWOUND, DRAWN = "rewound", "drawn anew"  # where layers come from

Load = Callable[[RunFolder, int], Weights]


@dataclass(frozen=True)
class Sweep:
    """Accuracies of final networks some of whose layers come from elsewhere.

    spans: layers that were exchanged together. sources: epochs they come from, or
    numbers of random draws. tables: set -> (network, span, source); "train" are the
    training images by the labels trained on. NaN of a diverged network, where a
    snapshot is damaged, and of a set without images.
    """

    spans: tuple[Span, ...]
    sources: tuple[int, ...]
    tables: dict[str, np.ndarray]

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers, in the order of depth."""
        return tuple(dict.fromkeys(layer for span in self.spans for layer in span))

    def best(self, name: str) -> np.ndarray:
        """The highest accuracy on a set over the sources, (network, span)."""
        return self.tables[name].max(2)

    def by_ends(self, values: np.ndarray) -> np.ndarray:
        """Values (network, span) to (network, first layer, last layer), else NaN."""
        count = len(self.layers)
        found = np.full((len(values), count, count), np.nan)
        for k, span in enumerate(self.spans):
            ends = self.layers.index(span[0]), self.layers.index(span[-1])
            found[:, *ends] = values[:, k]
        return found


def rewind(
    histories: Histories,
    data,
    epochs: Sequence[int],
    *,
    layers: Sequence[str] | None = None,
    parts: Sequence[str] = ("weights", "affine"),
    longest: int = 1,
    examples: int | None = None,
) -> Sweep:
    """Accuracy of final networks with layers set back to earlier epochs (figure 4).

    histories: of networks of one shape and data set. epochs: of which the runs kept
    their weights; where a run had ended before, its last network stands. layers: names
    of models.layers, in the order of depth; None: the convolutions. parts: what is
    exchanged, of rewinding.PARTS. longest: exchange up to so many consecutive layers at
    once. examples: training images that are judged, beside the test images; None: all.

    Nothing is trained, and two networks at most are in memory. What was measured once
    is kept beside the run, epoch by epoch; a damaged snapshot is named in a warning,
    and the sweep goes on.
    """
    asked = {"layers": layers, "parts": parts, "longest": longest, "examples": examples}
    setting, epochs = Setting(histories.runs[0], data, **asked), sorted(set(epochs))
    for run, arrays in zip(histories.runs, histories.arrays, strict=True):
        _check_epochs(run, arrays["test_accuracy"], epochs)
    return _sweep(histories, setting, REWOUND, epochs, RunFolder.snapshot)


def randomise(
    histories: Histories,
    data,
    draws: int,
    *,
    layers: Sequence[str] | None = None,
    parts: Sequence[str] = ("weights", "affine"),
    examples: int | None = None,
) -> Sweep:
    """The same with layers of networks that were drawn anew and never trained.

    The control of Zhang et al. (2019): "re-randomised", where layers of epoch 0 are
    "re-initialized". draws: how many such networks, for every trained one.
    """
    if draws < 1:
        raise Mistake(f"draws = {draws!r}: must be a whole number, 1 or more")
    asked = {"layers": layers, "parts": parts, "examples": examples}
    setting = Setting(histories.runs[0], data, **asked)

    def fresh(folder: RunFolder, draw: int) -> Weights:
        seeds = stream(folder.run.seed, "layers drawn anew", draw)
        return setting.model.initial(
            seed=int(seeds.integers(2**31)), init_scale=folder.run.init_scale
        )

    return _sweep(histories, setting, DRAWN, range(draws), fresh)


def _check_epochs(run: Run, accuracy: np.ndarray, epochs: Sequence[int]) -> None:
    last = len(accuracy) - 1
    there = {epoch for epoch in run.snapshots if epoch < last} | {last}
    if run.keep_best:
        there.add(epoch_of("best", accuracy))
    for epoch in epochs:
        if epoch not in there and epoch < last:
            raise Mistake(
                f"rewind epoch {epoch}: run {fingerprint(run)} kept no weights of it; "
                f"choose from {', '.join(map(str, sorted(there)))}, or name it in the "
                "run's `snapshots` and train again"
            )


def _sweep(
    histories: Histories,
    setting: Setting,
    kind: str,
    sources: Sequence[int],
    load: Load,
) -> Sweep:
    """load(folder, source): the network that layers come from."""
    shape = (len(histories), len(setting.spans), len(sources))
    tables = {name: np.full(shape, np.nan) for name in ALL_SETS}
    with workers() as pool:
        for k, _, final in at_moments(histories, ["final"]):
            network = _Network(final, setting, pool)
            for j, found in network.sweep(kind, sources, load):
                for s, name in enumerate(ALL_SETS):
                    tables[name][k, :, j] = found[:, s]
    return Sweep(tuple(setting.spans), tuple(sources), tables)


class _Network:
    """A finished network, asked about one source after the other."""

    def __init__(self, final: Trained, setting: Setting, pool: Executor):
        self.folder, self.last = final.folder, final.epoch
        self.setting, self.pool = setting, pool

    def sweep(
        self, kind: str, sources: Sequence[int], load: Load
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Number of the source, and accuracies (span, set)."""
        for j, source in enumerate(sources):
            source = source if kind != REWOUND else min(source, self.last)
            own = kind == REWOUND and source == self.last
            make = partial(self._answers, None if own else load, source)
            name = f"{kind.replace(' ', '-')}-{source:06d}"
            try:
                found = kept(self.folder, name, self.setting.description, make)
            except DamagedFile as damaged:
                words = f"{damaged}; what is {kind} to {source} is left out"
                warnings.warn(words, stacklevel=4)
                continue
            yield j, found["accuracies"]

    def _answers(self, load: Load | None, source: int) -> dict[str, np.ndarray]:
        """load: None for the final network itself."""
        final = self._final
        other = final if load is None else self._on_device(load(self.folder, source))
        predicted = self.setting.predict(final, other, self.pool)
        return {"accuracies": self.setting.accuracies(self.folder.run, predicted)}

    @cached_property
    def _final(self) -> Weights:
        try:
            weights = self.folder.snapshot(self.last)
        except DamagedFile as damaged:  # without it there is nothing to ask
            raise Failure(f"{damaged}: call train, which makes it anew") from damaged
        return self._on_device(weights)

    def _on_device(self, weights: Weights) -> Weights:
        return {name: value.to(self.setting.device) for name, value in weights.items()}
