"""One job done: its networks trained, measured and packed, or its pages executed.

Done twice it does nothing the second time, and of two at once one waits for the other:
a scheduler that was killed, or has lost sight of a job, may start it again at any time.
"""

import contextlib
import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from helpers.archive import Archive, Found, asked_all, fault, merge_archive, pack
from helpers.archive import unasked as as_unasked
from helpers.budget.asking import ask_edition
from helpers.budget.units import Batch
from helpers.chapters.editions import describe
from helpers.chapters.execute import run_edition
from helpers.chapters.outcomes import EXPECTED, as_words, complain, for_each
from helpers.chapters.plans import Plan, plan_edition
from helpers.cluster.jobs import TRAIN, Job
from helpers.cluster.kept import Diary, cluster_folder
from helpers.cluster.scratch import carry, results_in, view_of
from helpers.cluster.slots import one_gpu, visible_gpus
from helpers.errors import Failure
from helpers.runs.run import fingerprint
from helpers.runs.store import RunFolder
from helpers.system.files import write_bytes
from helpers.system.locks import lock_all, wait_for
from helpers.system.progress import listening
from helpers.system.roots import results_root
from helpers.system.terminal import Say
from helpers.training import train_until


def work(root: Path, job: Job, *, scratch: Path | None = None, say: Say = print) -> int:
    """Exit status of doing a job; its output is there afterwards, if it is 0.

    scratch: a folder of this machine in which networks lie while they are trained.
    """
    with _alone(job, say):
        diary = Diary(job)
        diary.write("begun")
        try:
            with _device(job, say):
                status = (_train if job.kind == TRAIN else _pages)(
                    root, job, diary, scratch, say
                )
        except EXPECTED as error:
            diary.write("failed", why=" ".join(as_words(error).split()))
            raise
        except Exception as error:
            diary.write("failed", why=f"{type(error).__name__}: {error}"[:500])
            raise
        if status:
            diary.write("failed", why="see above: an edition failed")
        else:
            diary.write("done")
    return status


@contextlib.contextmanager
def _alone(job: Job, say: Say) -> Iterator[None]:
    """Hold a job; whoever does it already is waited for."""
    folder = results_root() / "locks"
    with contextlib.ExitStack() as held:
        if not held.enter_context(lock_all(folder, [job.name])):
            say(f"waiting: another process does {job.name}")
            held.enter_context(wait_for(folder, job.name))
        yield


@contextlib.contextmanager
def _device(job: Job, say: Say) -> Iterator[None]:
    """The GPU that a job needs, for it alone; or none."""
    if not job.needs["gpu"]:
        yield
        return
    with one_gpu(visible_gpus(), say=say) as gpu:
        say(f"{job.name}: on GPU {gpu}")
        yield


def _train(root: Path, job: Job, diary: Diary, scratch: Path | None, say: Say) -> int:
    """Train, measure and pack the networks of a job."""
    plans = [plan_edition(root, edition) for edition in job.editions]
    batches = _left(job, plans)
    say(
        f"{job.name}: {sum(len(b.chosen) for b in batches)} of {len(job.runs)} to train"
    )
    home, asked = results_root(), set[str]()
    with contextlib.ExitStack() as stack:
        if scratch:
            carry(job.runs, home, scratch, asked=())
            stack.enter_context(results_in(scratch))
            stack.callback(lambda: carry(job.runs, scratch, home, asked=asked))
        _train_batches(job, batches, diary)
        if job.asks or scratch:
            diary.write("asking")
            asked |= _measure(root, job, plans)
    _write_piece(job, asked)
    return 0


def _left(job: Job, plans: Sequence[Plan]) -> list[Batch]:
    """What of a job is to be trained, a batch for each study."""
    found, taken = [], set[str]()
    for study in (study for plan in plans for study in plan.studies):
        wanted = []
        for run in study.runs():
            name = fingerprint(run)
            if name in job.runs and name not in taken:
                taken.add(name)
                folder = RunFolder(run)
                if fault(folder) or not asked_all(folder):
                    wanted.append(run)
        if wanted:
            found.append(Batch(study.data, tuple(wanted)))
    if lost := set(job.runs) - taken:
        raise Failure(
            f"{len(lost)} of the {len(job.runs)} networks of {job.name} are of another "
            "version of the book, or of other data: plan anew"
        )
    return found


def _train_batches(job: Job, batches: Sequence[Batch], diary: Diary) -> None:
    """Train what is left, and note the seconds that it took."""
    device = "cuda" if job.needs["gpu"] else "cpu"
    begun = diary.seconds
    with listening(diary.hear):
        studies: list = list(batches)  # a Batch is a study to all who train
        train_until(math.inf, studies, device=device)
    diary.write("trained", trained=round(diary.seconds - begun, 2))


def _measure(root: Path, job: Job, plans: Sequence[Plan]) -> set[str]:
    """Have chapters ask the networks of a job; those that were asked all there is."""
    os.environ["MPLBACKEND"] = "Agg"  # figures are drawn for nobody
    asked = {*job.runs}
    for plan in plans:
        ours = [fingerprint(run) for run in plan.runs if fingerprint(run) in job.runs]
        told: list[Mapping] = []
        with tempfile.TemporaryDirectory() as folder, view_of(ours, Path(folder)):
            given = {"root": str(root), "edition": plan.edition, "custom": {}}
            ask_edition(given, told.append)
        shown = {name for line in told for name in line.get("whole", ())}
        if not any("failed" in line for line in told):
            shown |= {name for line in told for name in line.get("others", ())}
        asked -= {*ours} - shown
    return asked


def _write_piece(job: Job, asked: set[str]) -> None:
    """Write the archive of a job, which is whole or not there.

    Of a network that was not asked everything it says so: where no weights are, one
    that was asked takes its place.
    """
    found = {name: Found(results_root() / name).portable() for name in job.runs}
    if missing := [name for name, files in found.items() if not files]:
        raise Failure(f"{len(missing)} networks of {job.name} are not finished")
    whole = {n: f if n in asked else as_unasked(f) for n, f in sorted(found.items())}
    about = {"chapter": "several", "scale": job.scale, "variant": "main"}
    content = pack({**about, "planned": len(whole)}, whole)
    write_bytes(cluster_folder(job.scale) / job.output, content)


def _pages(root: Path, job: Job, diary: Diary, _: Path | None, say: Say) -> int:
    """Bring a job's archives in, and execute its editions, of which each is gated."""
    for name in job.inputs:
        piece = cluster_folder(job.scale) / TRAIN / f"{name}.zip"
        _bring_in(piece, say)
    made: dict[str, str] = {}

    def execute(edition) -> None:
        made[describe(edition)] = str(run_edition(root, edition, say=say))

    status = for_each({describe(e): e for e in job.editions}, execute)
    if not status:
        content = json.dumps(made, indent=1).encode()
        write_bytes(cluster_folder(job.scale) / job.output, content)
    return status


def _bring_in(piece: Path, say: Say) -> None:
    """Merge an archive, unless all that it has is here."""
    archive = Archive(piece)
    here = [Found(results_root() / name) for name in archive.runs]
    lacking = [f for f in here if not f.done() or f.lacks(archive.runs[f.name])]
    if lacking:
        merge_archive(archive, say=say, complain=complain)
