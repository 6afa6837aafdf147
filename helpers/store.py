"""Results on disk: the only room that spells file names.

    results/<fingerprint>/run.json               what was run, with what, for how long
                          history.npz            measurements over the epochs
                          snapshots/epoch-*.safetensors
                          state.safetensors      to resume from; its predecessor beside
                          done.json              checksums of the above, written last
    results/locks/                               who trains a run, see helpers.locks

Every file is written under a temporary name, synced and renamed, and carries or is
given a checksum, so that a damaged one is named and never read.
"""

import hashlib
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from helpers.errors import Failure
from helpers.files import (
    PARTIAL,
    DamagedFile,
    read_tensors,
    write_bytes,
    write_tensors,
)
from helpers.runs import Run, fingerprint


def project_root() -> Path:
    """The folder that holds _config.yml, upwards from here, else of this package."""
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / "_config.yml").is_file() and (folder / "notebooks").is_dir():
            return folder
    return Path(__file__).resolve().parent.parent


def results_root() -> Path:
    """MEMORIZATION_RESULTS, or `results` in the project."""
    return Path(os.environ.get("MEMORIZATION_RESULTS") or project_root() / "results")


class RunFolder:
    """What is on disk of one run."""

    def __init__(self, run: Run):
        self.run, self.name = run, fingerprint(run)
        self.path = results_root() / self.name
        self._state = self.path / "state.safetensors"
        self._previous_state = self.path / "state-previous.safetensors"

    def _snapshot(self, epoch: int) -> Path:
        return self.path / "snapshots" / f"epoch-{epoch:06d}.safetensors"

    @property
    def locks(self) -> Path:
        """Where the locks of all runs lie; a run's is held while it is trained."""
        return self.path.parent / "locks"

    def started(self) -> bool:
        """Whether anything of this run is on disk."""
        return self.path.is_dir()

    def done(self) -> bool:
        """Whether the run is finished, by the file that is written last."""
        return (self.path / "done.json").is_file()

    def damage(self) -> str | None:
        """The first file of a finished run that is not what was saved, or None."""
        try:
            sums = json.loads((self.path / "done.json").read_text())
            for name, digest in sums.items():
                if _sha256(self.path / name) != digest:
                    return str(self.path / name)
        except (ValueError, AttributeError):
            return str(self.path / "done.json")
        except OSError as error:
            return str(error.filename)
        return None

    def save_snapshot(self, epoch: int, weights: dict[str, Tensor]) -> None:
        write_tensors(self._snapshot(epoch), weights)

    def snapshot_epochs(self) -> list[int]:
        """Epochs whose weights are kept, ascending; the last is the final network."""
        files = (self.path / "snapshots").glob("epoch-*.safetensors")
        return sorted(int(file.stem.removeprefix("epoch-")) for file in files)

    def snapshot(self, epoch: int) -> dict[str, Tensor]:
        """Weights after an epoch; Failure names the epochs there are."""
        if not self._snapshot(epoch).is_file():
            raise Failure(
                f"run {self.name} has no snapshot of epoch {epoch}; it has "
                f"{', '.join(map(str, self.snapshot_epochs())) or 'none'}"
            )
        return read_tensors(self._snapshot(epoch))

    def save_state(self, tensors: dict[str, Tensor]) -> None:
        """Save what resuming needs; the state before it is kept."""
        if self._state.is_file():
            os.replace(self._state, self._previous_state)
        write_tensors(self._state, tensors)

    def states(self) -> Iterator[dict[str, Tensor] | DamagedFile]:
        """Saved states, newest first; a DamagedFile in the place of a damaged one."""
        for path in filter(Path.is_file, (self._state, self._previous_state)):
            try:
                yield read_tensors(path)
            except DamagedFile as damaged:
                yield damaged

    def finish(self, history: dict[str, np.ndarray], provenance: dict) -> None:
        """Write history and description, then done.json; drop the resume state."""
        for left_by_killed in self.path.rglob(f"{PARTIAL}*"):  # locked: none is in use
            left_by_killed.unlink()
        write_bytes(self.path / "history.npz", _npz(history))
        about = {"run": self.run.description(), **provenance}
        write_bytes(self.path / "run.json", json.dumps(about, indent=1).encode())
        snapshots = map(self._snapshot, self.snapshot_epochs())
        files = [self.path / "history.npz", self.path / "run.json", *snapshots]
        sums = {file.relative_to(self.path).as_posix(): _sha256(file) for file in files}
        write_bytes(self.path / "done.json", json.dumps(sums, indent=1).encode())
        for state in (self._state, self._previous_state):
            state.unlink(missing_ok=True)

    def drop_snapshots_after(self, epoch: int) -> None:
        """Remove the weights of later epochs, which are about to be trained again."""
        for later in [kept for kept in self.snapshot_epochs() if kept > epoch]:
            self._snapshot(later).unlink()

    def reopen(self) -> None:
        """Take the mark of a finished run away, so that it is trained again.

        What was measured goes, too, for it may not be true of the new network.
        """
        (self.path / "done.json").unlink(missing_ok=True)
        for file in self._measured("any").parent.glob("*"):
            file.unlink()

    def history(self) -> dict[str, np.ndarray]:
        """Measurements of a finished run, name -> array."""
        with np.load(self.path / "history.npz", allow_pickle=False) as arrays:
            return dict(arrays)

    def _measured(self, name: str) -> Path:
        return self.path / "measured" / f"{name}.safetensors"

    def save_measured(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        """Keep what was measured of the finished network, under a name of its own."""
        held = {
            key: torch.from_numpy(np.asarray(array)) for key, array in arrays.items()
        }
        write_tensors(self._measured(name), held)

    def measured(self, name: str) -> dict[str, np.ndarray] | None:
        """What was kept under a name; None where nothing sound is."""
        try:
            found = read_tensors(self._measured(name))
        except (OSError, DamagedFile):
            return None
        return {key: value.numpy() for key, value in found.items()}

    def about(self) -> dict:
        """Description and provenance of a finished run."""
        return json.loads((self.path / "run.json").read_text())


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **dict(sorted(arrays.items())))  # resumed or not, the same bytes
    return buffer.getvalue()
