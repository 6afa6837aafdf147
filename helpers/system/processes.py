"""Processes beside this one, each on one thread, for what computes on a core alone.

Each is an interpreter of its own that knows no GPU and no notebook: it may be started
before or after CUDA, from any thread. Jobs and answers travel through its standard
streams; when this process ends, however it does, its streams end and so does it.
"""

import atexit
import contextlib
import importlib
import os
import pickle
import signal
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Condition, Thread
from typing import Any

from helpers.errors import Failure, Mistake

# Read by the libraries of arithmetic when they are loaded.
ALONE = dict.fromkeys(
    [f"{name}_NUM_THREADS" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")], "1"
) | {"CUDA_VISIBLE_DEVICES": ""}
ROOM = 2**30  # bytes of jobs that wait for a process


class Processes:
    """`count` processes, which are asked by any threads and answer in any order.

    warm: a module that each of them imports at once. room: bytes of jobs that wait;
    whoever asks for more waits, too. A process that is killed is replaced and asked
    once more, with a warning; killed again by the same job, that is a Failure.
    """

    def __init__(self, count: int, *, warm: str = "", room: int = ROOM):
        self.ended, self._room, self._waiting = False, room, 0
        self._jobs: SimpleQueue = SimpleQueue()
        self._changed = Condition()
        self._each = [_Process(warm) for _ in range(count)]
        for each in self._each:
            Thread(target=self._hand, args=(each,), daemon=True).start()
        atexit.register(self.end)

    def ask(self, function: Callable, *given, **options) -> Future:
        """function(*given, **options), of a module's own and what pickle can carry."""
        job, answer = pickle.dumps((function, given, options)), Future[Any]()
        name = getattr(function, "__name__", "a job")
        with self._changed:
            self._changed.wait_for(lambda: self._takes(len(job)))
            if self.ended:
                raise Failure(f"the processes were ended before {name} was done")
            self._waiting += len(job)
        self._jobs.put((answer, job, name))
        return answer

    def _takes(self, size: int) -> bool:
        return self.ended or not self._waiting or self._waiting + size <= self._room

    def _hand(self, process: "_Process") -> None:
        """One thread a process: hand it jobs, wait for the answers."""
        while True:
            answer, job, name = self._jobs.get()
            with self._changed:
                self._waiting -= len(job)
                self._changed.notify_all()
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                answer.set_result(process.ask(job, name))
            except BaseException as error:  # of the job: told to whoever asked
                answer.set_exception(error)

    def end(self) -> None:
        """End the processes now; what they were asked, and what waits, is a Failure."""
        atexit.unregister(self.end)
        with self._changed:
            self.ended = True
            self._changed.notify_all()
        for each in self._each:
            each.end()


class _Process:
    """One process, started at once, and again where it was killed."""

    def __init__(self, warm: str):
        self._warm, self._ended = warm, False
        self._start()

    def _start(self) -> None:
        path = os.pathsep.join(filter(None, sys.path))
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, self._warm],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | ALONE | {"PYTHONPATH": path},
        )
        assert self._process.stdin and self._process.stdout  # they are pipes
        self._given, self._told = self._process.stdin, self._process.stdout

    def ask(self, job: bytes, name: str) -> Any:
        for first in (True, False):
            if self._ended:
                break
            try:
                pickle.dump(job, self._given)
                self._given.flush()
                done, found = pickle.load(self._told)
            except (OSError, EOFError, ValueError, pickle.UnpicklingError):
                words = self._how_it_ended()
                if not self._ended:
                    self._start()
                if first and not self._ended:
                    warnings.warn(f"{words}; {name} is done again", stacklevel=1)
                continue
            if done:
                return found
            raise found
        if self._ended:
            raise Failure(f"the processes were ended before {name} was done")
        raise Failure(f"{words}, twice by {name}: give it more memory or fewer cores")

    def _how_it_ended(self) -> str:
        """In words; nothing of the process is left."""
        code = self._close()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
        memory = " (the system kills so where memory is short)" if code == -9 else ""
        return f"a process beside this one {how}{memory}"

    def end(self) -> None:
        self._ended = True
        self._close()

    def _close(self) -> int:
        self._process.kill()
        code = self._process.wait()
        for stream in (self._given, self._told):
            with contextlib.suppress(OSError):
                stream.close()
        return code


def serve(warm: str) -> None:
    """Answer the jobs on standard input until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks decides
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a job prints is no answer
    if warm:
        importlib.import_module(warm)
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            job = pickle.load(sys.stdin.buffer)
            answers.write(_answer(job))
            answers.flush()


def _answer(job: bytes) -> bytes:
    """Whether it was done, and what was found or went wrong, pickled."""
    try:
        function, given, options = pickle.loads(job)
        return pickle.dumps((True, function(*given, **options)))
    except (Mistake, Failure) as error:
        return pickle.dumps((False, error))
    except Exception as error:
        words = " ".join(f"{type(error).__name__}: {error}".split())
        failure = Failure(f"in a process beside this one: {words}")
        failure.add_note(traceback.format_exc())
        return pickle.dumps((False, failure))


if __name__ == "__main__":
    serve(sys.argv[1])
