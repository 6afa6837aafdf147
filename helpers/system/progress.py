"""A bar where a person looks: in the terminal or in Jupyter; nothing of it stays."""

import contextlib
import html
import sys
import time
from collections.abc import Callable, Iterator

from tqdm import tqdm


class JupyterBar:
    """A bar in the cell's output while it runs, blank at its end."""

    def __init__(self, total: int, label: str):
        from IPython.display import HTML, display

        self._html, self._total, self._done = HTML, total, 0
        self._label, self._shown = html.escape(label), time.monotonic()
        self._handle = display(HTML(self._page("")), display_id=True)

    def _page(self, note: str) -> str:
        bar = f'<progress value="{self._done}" max="{self._total}"></progress>'
        return f"{self._label} {bar} {html.escape(note)}"

    def update(self, steps: int, note: str) -> None:
        self._done += steps
        if time.monotonic() - self._shown > 0.5:
            self._shown = time.monotonic()
            self._handle.update(self._html(self._page(note)))

    def close(self) -> None:
        self._handle.update(self._html(""))


class TerminalBar:
    """A bar on the terminal; nothing where the output is not a terminal."""

    def __init__(self, total: int, label: str):
        self._bar = tqdm(total=total, desc=label, leave=False, disable=None)

    def update(self, steps: int, note: str) -> None:
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(steps)

    def close(self) -> None:
        self._bar.close()


Listener = Callable[[int, int], None]  # told of a bar's total, then of its steps

_listeners: list[Listener] = []


class HeardBar:
    """A bar whose steps are told to listeners, too."""

    def __init__(self, bar: JupyterBar | TerminalBar, total: int):
        self._bar = bar
        self._tell(total, 0)

    def _tell(self, total: int, steps: int) -> None:
        for listener in _listeners:
            listener(total, steps)

    def update(self, steps: int, note: str) -> None:
        self._tell(0, steps)
        self._bar.update(steps, note)

    def close(self) -> None:
        self._bar.close()


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have a listener hear of every bar."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def progress_bar(total: int, label: str) -> JupyterBar | TerminalBar | HeardBar:
    """The bar for where this process runs."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    in_jupyter = shell is not None and hasattr(shell, "kernel")
    bar = (JupyterBar if in_jupyter else TerminalBar)(total, label)
    return HeardBar(bar, total) if _listeners else bar
