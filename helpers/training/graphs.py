"""Steps that are replayed as CUDA graphs; and seats on which networks wait for others.

A graph is one launch instead of hundreds, and whatever it reads and writes lies where
it lay when it was captured. So the first calls are ordinary ones, which count: memory
and kernels are chosen in them. The next one is captured, which computes nothing, and
replayed from there on. Where a capture is refused all calls stay ordinary, and a line
says so.
"""

import math
import time
from collections import Counter
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

WARM = 3  # ordinary calls of every shape, before it is captured
REPLAYED = ("cuda",)  # devices on which steps are replayed, and stacks shrink seldom

_told: set[str] = set()


def announce(line: str) -> None:
    """Say once that something falls back to a slower way."""
    if line not in _told:
        _told.add(line)
        print(line, flush=True)


class Graphs:
    """Calls of a step that returns nothing, as graphs: one for all shapes of the given.

    name: of what is stepped, for the line. fallbacks: lines for the run's description.
    """

    def __init__(self, device: torch.device, name: str):
        self._name, self._replayed = name, device.type in REPLAYED
        self.fallbacks: list[str] = []
        self.forget()

    def forget(self) -> None:
        """The memory of the step has changed: begin anew."""
        self._calls: Counter = Counter()
        self._replays: dict[tuple, Callable[..., None]] = {}

    def __call__(self, step: Callable[..., None], *given: Tensor) -> None:
        """step(*given), always the same step, which works on the same memory."""
        if not self._replayed or self.fallbacks:
            step(*given)
            return
        shapes = tuple(each.shape for each in given)
        self._calls[shapes] += 1
        if self._calls[shapes] <= WARM:
            aside(step, *given)
            return
        try:
            if shapes not in self._replays:
                self._replays[shapes] = capture(step, *given)
        except RuntimeError as error:  # PyTorch's, CUDA's and those of lacking memory
            # The end of a capture that failed raises, too: what came first is told.
            reason = str(error.__context__ or error).strip().partition("\n")[0]
            line = f"{self._name}: no CUDA graph ({reason}), step by step"
            self.fallbacks.append(line)
            announce(line)
            step(*given)
            return
        self._replays[shapes](*given)


@cache
def _side() -> torch.cuda.Stream:
    """Memory of one stream is not given to another: there is one for all."""
    return torch.cuda.Stream()


def aside(step: Callable[..., None], *given: Tensor) -> None:
    """A call on a stream of its own, as a capture will be."""
    current, side = torch.cuda.current_stream(), _side()
    side.wait_stream(current)
    with torch.cuda.stream(side):
        step(*given)
    current.wait_stream(side)


def capture(step: Callable[..., None], *given: Tensor) -> Callable[..., None]:
    """A call as a graph, to be replayed on other values; nothing is computed here."""
    held, graph = [each.clone() for each in given], torch.cuda.CUDAGraph()
    # Another thread may be at work on the device. And a capture that fails would stay
    # on its stream.
    with (
        torch.cuda.stream(torch.cuda.current_stream()),
        torch.cuda.graph(graph, stream=_side(), capture_error_mode="thread_local"),
    ):
        step(*held)

    def replay(*given: Tensor) -> None:
        for place, value in zip(held, given, strict=True):
            place.copy_(value)
        graph.replay()

    return replay


def seconds(step: Callable[[], object], *, calls: int = 3) -> float:
    """What calls on CUDA take, after as many; inf where the memory is too small."""
    try:
        for _ in range(2):
            torch.cuda.synchronize()
            began = time.perf_counter()
            for _ in range(calls):
                step()
        torch.cuda.synchronize()
    except torch.OutOfMemoryError:
        return math.inf
    return time.perf_counter() - began


class Seats:
    """Which place in the tensors of a stack each network has.

    Where shrinking is dear, for every graph is captured anew, the places of those who
    have ended stay empty until they are a quarter: what is computed there counts for
    nothing. Elsewhere there is a place for each network and no more.
    """

    def __init__(self, count: int, device: torch.device):
        self._device = device
        self._take([*range(count)], count)

    def _take(self, places: list[int], count: int) -> None:
        self.places, self._count, self._index = places, count, None
        if places != [*range(count)]:
            self._index = torch.tensor(places, device=self._device)

    def __len__(self) -> int:
        return len(self.places)

    def keep(self, networks: list[int]) -> Tensor | None:
        """The others leave. Which places go on, if the tensors are to shrink."""
        places = [self.places[k] for k in networks]
        if self._device.type in REPLAYED and 4 * len(places) > 3 * self._count:
            self._take(places, self._count)
            return None
        self._take([*range(len(places))], len(places))
        return torch.tensor(places, device=self._device)

    def by_network(self, values: Tensor) -> Tensor:
        """Rows of the places as rows of the networks."""
        return values if self._index is None else values[self._index]

    def by_place(self, values: Tensor) -> Tensor:
        """Rows of the networks as rows of the places; zeros where nobody sits."""
        if self._index is None:
            return values
        rows = values.new_zeros(self._count, *values.shape[1:])
        rows[self._index] = values
        return rows
