"""Points of finished networks analysed: here on a CPU, beside a GPU in processes."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import Lock

from torch import Tensor

from helpers.metrics.manifolds.reduced import reduced, turned
from helpers.runs.kept import digest
from helpers.system.workers import submit


def analysed(measure: Callable, points: Tensor, **options) -> Future:
    """measure(points, **options) of points (manifold, feature, example), in time.

    Where a GPU has the points it reduces them first, to what decides their geometry.
    """
    return submit(measure, reduced(points) if points.is_cuda else points, **options)


def simulated(measure: Callable, points: Tensor, **options) -> Future:
    """The same for a simulation: a GPU turns the points to axes of their own."""
    return submit(measure, turned(points) if points.is_cuda else points, **options)


class Once:
    """As `analysed`, of any thread; equal points are analysed once and remembered.

    For images, which no training changes: they come with every moment of a network.
    """

    def __init__(self):
        self._lock, self._known = Lock(), {}

    def __call__(self, measure: Callable, points: Tensor, **options) -> Future:
        key = (digest(points), *options.items())
        with self._lock:
            new = key not in self._known
            answer = self._known.setdefault(key, Future())
        if new:
            try:
                made = analysed(measure, points, **options)
            except BaseException as error:  # others wait for it
                answer.set_exception(error)
                raise
            made.add_done_callback(partial(_hand_on, answer))
        return answer


def _hand_on(answer: Future, made: Future) -> None:
    if error := made.exception():
        answer.set_exception(error)
    else:
        answer.set_result(made.result())
