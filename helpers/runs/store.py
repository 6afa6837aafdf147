"""Results on disk: the only room that spells file names.

    results/<fingerprint>/run.json               what was run, with what, for how long
                          history.npz            measurements over the epochs
                          snapshots/epoch-*.safetensors
                          measured/*.safetensors what the finished network was asked
                          state.safetensors      to resume from; its predecessor beside
                          done.json              checksums of the above, written last
    results/locks/, digests/                     see system.locks, datasets.remembered

Every file is written under a temporary name, synced and renamed, with a checksum, so
that a damaged one is named and never read. A finished run is whole without snapshots
where done.json says "weights": false.
"""

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from helpers.errors import Failure
from helpers.runs.fields import Described
from helpers.runs.run import fingerprint
from helpers.system.files import (
    PARTIAL,
    DamagedFile,
    decode_arrays,
    encode_arrays,
    is_there,
    names_in,
    read_bytes,
    read_tensors,
    remove,
    saving,
    sha256,
    write_bytes,
    write_tensors,
)
from helpers.system.roots import ARCHIVES, results_root

ABOUT, HISTORY, DONE, MEASURED = "run.json", "history.npz", "done.json", "measured"
WEIGHTS = "weights"  # beside the checksums in done.json: false of an archive's run
SNAPSHOT = re.compile(r"epoch-(\d+)\.safetensors")


class RunFolder:
    """What is on disk of one run."""

    def __init__(self, run: Described):
        self.run = run
        self._lie_at(results_root() / fingerprint(run))

    def _lie_at(self, path: Path) -> None:
        self.path, self.name = path, path.name
        self._state = self.path / "state.safetensors"
        self._previous_state = self.path / "state-previous.safetensors"
        self._newest_is_damaged = False  # it must not take a sound state's place

    def _snapshot(self, epoch: int) -> Path:
        return self.path / "snapshots" / f"epoch-{epoch:06d}.safetensors"

    @property
    def locks(self) -> Path:
        """Where the locks of all runs lie; a run's is held while it is trained."""
        return self.path.parent / "locks"

    def started(self) -> bool:
        """Whether anything of this run is on disk."""
        return is_there(self.path)

    def done(self) -> bool:
        """Whether the run is finished, by the file that is written last."""
        return is_there(self.path / DONE)

    def weightless(self) -> bool:
        """Whether the run is finished, but came from an archive, without weights."""
        return f'"{WEIGHTS}": false'.encode() in (self._content(DONE) or b"")

    def damage(self) -> str | None:
        """The first file of a finished run that is not what was saved, or None.

        None as well of a run that is not finished: another process may be making it
        anew. Raises UnreadableFile where nothing can be said.
        """
        mark = self._content(DONE)
        found = None if mark is None else self._differing(mark)
        if found and self._content(DONE) != mark:
            return self.damage()
        return found

    def _content(self, name: str) -> bytes | None:
        try:
            return read_bytes(self.path / name)
        except FileNotFoundError:
            return None

    def _differing(self, mark: bytes) -> str | None:
        try:
            sums = json.loads(mark)
            whole = sums.pop(WEIGHTS, True)
            for name, digest in sums.items():
                asked = whole or not name.startswith("snapshots/")
                if asked and sha256(read_bytes(self.path / name)) != digest:
                    return str(self.path / name)
        except (ValueError, TypeError, AttributeError):
            return str(self.path / DONE)
        except FileNotFoundError as error:
            return str(error.filename)
        return None

    def save_snapshot(self, epoch: int, weights: dict[str, Tensor]) -> None:
        write_tensors(self._snapshot(epoch), weights)

    def snapshot_epochs(self) -> list[int]:
        """Epochs whose weights are kept, ascending; the last is the final network."""
        matches = map(SNAPSHOT.fullmatch, names_in(self.path / "snapshots"))
        return sorted(int(match[1]) for match in matches if match)

    def snapshot(self, epoch: int) -> dict[str, Tensor]:
        """Weights after an epoch; Failure names the epochs there are."""
        try:
            return read_tensors(self._snapshot(epoch))
        except FileNotFoundError:
            if self.weightless():
                raise Failure(
                    f"run {self.name} came without its weights, and what is asked of "
                    f"it now was not measured before: train it anew ({ARCHIVES}=none)"
                ) from None
            raise Failure(
                f"run {self.name} has no snapshot of epoch {epoch}; it has "
                f"{', '.join(map(str, self.snapshot_epochs())) or 'none'}"
            ) from None

    def save_state(self, tensors: dict[str, Tensor]) -> None:
        """Save what resuming needs; the sound state before it is kept."""
        if not self._newest_is_damaged:
            with saving(self._previous_state), contextlib.suppress(FileNotFoundError):
                os.replace(self._state, self._previous_state)
        write_tensors(self._state, tensors)
        self._newest_is_damaged = False

    def states(self) -> Iterator[dict[str, Tensor] | DamagedFile]:
        """Saved states, newest first; a DamagedFile in the place of a damaged one."""
        for path in (self._state, self._previous_state):
            try:
                yield read_tensors(path)
            except FileNotFoundError:
                continue
            except DamagedFile as damaged:
                self._newest_is_damaged |= path == self._state
                yield damaged

    def finish(self, history: dict[str, np.ndarray], provenance: dict) -> None:
        """Write history and description, then done.json; drop the resume state."""
        snapshots = [self._snapshot(epoch) for epoch in self.snapshot_epochs()]
        for left_by_killed in self.path.rglob(f"{PARTIAL}*"):  # locked: none is in use
            with contextlib.suppress(OSError):
                left_by_killed.unlink()
        write_bytes(self.path / HISTORY, encode_arrays(history))
        about = {"run": self.run.description(), **provenance}
        write_bytes(self.path / ABOUT, json.dumps(about, indent=1).encode())
        kept = [path.relative_to(self.path).as_posix() for path in snapshots]
        sums = {n: sha256(read_bytes(self.path / n)) for n in (HISTORY, ABOUT, *kept)}
        write_bytes(self.path / DONE, json.dumps(sums, indent=1).encode())
        for state in (self._state, self._previous_state):
            remove(state)

    def drop_snapshots_after(self, epoch: int) -> None:
        """Remove the weights of later epochs, which are about to be trained again."""
        for later in [kept for kept in self.snapshot_epochs() if kept > epoch]:
            remove(self._snapshot(later))

    def reopen(self) -> None:
        """Take the mark of a finished run away, so that it is trained again.

        What was measured goes before it, for it may not be true of the new network.
        """
        for name in names_in(self.path / MEASURED):
            remove(self.path / MEASURED / name)
        remove(self.path / DONE)

    def history(self) -> dict[str, np.ndarray]:
        """Measurements of a finished run, name -> array."""
        return self._decoded(HISTORY, decode_arrays)

    def _decoded(self, name: str, decode: Callable[[bytes], dict]) -> dict:
        """A file of a finished run; absent, damaged and unreadable are told apart."""
        if (content := self._content(name)) is None:
            raise Failure(f"run {self.name} has no {name}: train it first")
        try:
            return decode(content)
        except Exception as error:  # whatever NumPy, zipfile and json raise
            what = f"{self.path / name} is damaged: train its run again"
            raise DamagedFile(what) from error

    def _measured(self, name: str) -> Path:
        return self.path / MEASURED / f"{name}.safetensors"

    def save_measured(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        """Keep what was measured of the finished network, under a name of its own."""
        held = {k: torch.from_numpy(np.asarray(a)) for k, a in arrays.items()}
        write_tensors(self._measured(name), held)

    def measured(self, name: str) -> dict[str, np.ndarray] | None:
        """What was kept under a name; None where it is absent or damaged."""
        try:
            found = read_tensors(self._measured(name))
        except (FileNotFoundError, DamagedFile):
            return None
        return {key: value.numpy() for key, value in found.items()}

    def about(self) -> dict:
        """Description and provenance of a finished run."""
        return self._decoded(ABOUT, json.loads)
