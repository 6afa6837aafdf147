"""Points of finished networks analysed: here on a CPU, beside a GPU in processes."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import Lock

from torch import Tensor

from helpers.metrics.manifolds.reduced import reduced, turned
from helpers.runs.kept import digest
from helpers.system.workers import submit


def analysed(numbers: Callable, points: Tensor, *settings) -> Future:
    """numbers(points, *settings) of points (manifold, feature, example), in time.

    Where a GPU has the points it reduces them first, to what decides their geometry.
    """
    return submit(numbers, reduced(points) if points.is_cuda else points, *settings)


def simulated(numbers: Callable, points: Tensor, *settings) -> Future:
    """The same for a simulation: a GPU turns the points to axes of their own."""
    return submit(numbers, turned(points) if points.is_cuda else points, *settings)


class Once:
    """As `analysed`, of any thread; equal points are analysed once and remembered.

    For images, which no training changes: they come with every moment of a network.
    """

    def __init__(self):
        self._lock, self._known = Lock(), {}

    def __call__(self, numbers: Callable, points: Tensor, *settings) -> Future:
        key = (digest(points), *settings)
        with self._lock:
            new = key not in self._known
            answer = self._known.setdefault(key, Future())
        if new:
            try:
                made = analysed(numbers, points, *settings)
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
