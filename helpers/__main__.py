"""The command line. Imports wait until a command needs them: --help answers at once."""

import os
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import click

from helpers.chapters import surroundings
from helpers.chapters.arguments import CPU, FILES, on_budget, on_editions
from helpers.chapters.checking import check
from helpers.chapters.outcomes import EXPECTED, complain, exit_status, for_each
from helpers.chapters.packing import fetch_data, pack_folder
from helpers.cluster.commands import job, on_jobs, show_jobs, tell_standing
from helpers.environment.turns import one_at_a_time
from helpers.system.roots import fix_folders
from helpers.system.terminal import ENDED, open_streams

PROGRAM = "python -m helpers"
FOLDER = click.Path(path_type=Path)


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    commands=[check, fetch_data, pack_folder, job],
)
@click.pass_context
def commands(context) -> None:
    """Executable reproductions of three papers on memorization.

    Without CHAPTER a command takes all chapters of the scale.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@commands.command()
@on_editions
@CPU
@click.option("--force", is_flag=True, help="Execute what is up to date, too.")
@click.option("--finished", is_flag=True, help="Train nothing; show what is finished.")
@click.option("--cell-seconds", type=int, help="End a cell that takes longer.")
@click.option("--site", is_flag=True, help="Build the site afterwards.")
@click.option("--jobs", default=1, type=click.IntRange(1), help="Chapters at once.")
def run(root, editions, custom, *, site, **how) -> int:
    """Train and execute chapters; each copy that passes the gate enters the book."""
    from helpers.chapters.children import run_each

    status = run_each(root, editions, custom, **how, say=click.echo)
    if site and status < 2:
        build_book()
    return status


@commands.command()
@on_editions
@on_jobs
def plan(root, editions, custom, *, as_json, **how) -> int:
    """Show what run would do; trains nothing."""
    if as_json:
        return show_jobs(root, editions, custom, **how)
    from helpers.chapters.plans import plan_edition
    from helpers.chapters.report import PLANNED, align, describe_plan

    rows: list[Sequence] = [PLANNED]
    status = for_each(
        editions,
        lambda edition: rows.append(describe_plan(plan_edition(root, edition, custom))),
    )
    if len(rows) > 1:
        click.echo(align(rows))
    return status


@commands.command()
@on_editions
@CPU
@on_budget
def train(root, editions, custom, *, budget) -> int:
    """Train the runs of chapters; with --seconds measure them, too."""
    if budget:
        from helpers.budget import spend

        how = {"begun": click.get_current_context().obj, "say": click.echo}
        return spend(root, editions.values(), custom, **how, **budget)
    from helpers.chapters.execute import train_edition as one

    return for_each(editions, lambda e: one(root, e, custom, say=click.echo))


@commands.command()
@click.option("--scale", help="How the jobs of a scale's last plan stand instead.")
def status(scale) -> None:
    """Show the executed copies, their verdicts, and the results on disk."""
    if scale:
        tell_standing(scale)
        return
    from helpers.chapters import report
    from helpers.system.roots import project_root

    root = project_root()
    click.echo(report.align([report.AT_HAND, *report.describe_copies(root)]))
    for line in [*report.describe_failures(root), *report.describe_results()]:
        click.echo(line)


@commands.command()
@click.option("--pdf", is_flag=True, help="Print it to _build/book.pdf as well.")
def build(pdf: bool) -> None:
    """Build the site from the executed copies that are there."""
    build_book()
    if pdf:
        from helpers.chapters.pages.exports import title_of
        from helpers.chapters.pdf import write_pdf
        from helpers.system.roots import project_root

        root = project_root()
        click.echo(f"The book is printed: {write_pdf(root, title_of(root))}")


def build_book() -> None:
    """The same, as other commands ask for it."""
    from helpers.chapters.gate import clear_book
    from helpers.chapters.site import build_site
    from helpers.system.roots import project_root

    root = project_root()
    with one_at_a_time(root / "_build" / "lock", "builds the site"):
        clear_book(root, say=click.echo)
        index = build_site()
    click.echo(f"The site is built. Open {index}\nor {index.resolve().as_uri()}")


@commands.command()
@on_editions
@click.option("--output", type=FOLDER, help="A folder for them.")
def export(root, editions, custom, *, output) -> int:
    """Write what is finished of chapters to archives, which hold no weights."""
    from helpers.chapters import archives
    from helpers.chapters.plans import plan_edition

    def export_edition(edition):
        archives.export(plan_edition(root, edition, custom), output, say=click.echo)

    return for_each(editions, export_edition)


@commands.command("import")
@FILES
def import_files(files) -> int:
    """Merge archives into the results; what is there stays."""
    from helpers.chapters.archives import import_file

    if not files:
        raise click.UsageError("name the archives to import")

    def import_one(path):
        import_file(path, say=click.echo, complain=complain)

    return for_each({str(path): path for path in files}, import_one)


@commands.command()
@FILES
@click.option("--scale", help="Those of the book of one scale (default: of all).")
def verify(files, scale) -> int:
    """Check archives to the last byte: those named, or the book's.

    And that no two of them hold other trainings of one run.
    """
    from helpers.chapters import archives

    chosen = {str(path): path for path in files or archives.archives_of(scale)}
    status = for_each(chosen, lambda path: archives.verify(path, say=click.echo))
    together = {"archives": chosen.values()}
    return status or for_each(together, archives.check_together)


def main(arguments: list[str] | None = None) -> int:
    """Exit status of a command line; only our own errors show a traceback."""
    warnings.showwarning = lambda message, *_, **__: complain(message, kind="warning")
    try:
        fix_folders()
        how = {"prog_name": PROGRAM, "standalone_mode": False, "obj": time.monotonic()}
        return commands(arguments, **how) or 0
    except click.ClickException as error:
        complain(f"{error.format_message()} (see {PROGRAM} --help)")
        return exit_status(error)
    except EXPECTED as error:
        complain(error)
        return exit_status(error)
    except (KeyboardInterrupt, click.Abort):
        complain("interrupted: what is saved stays, the same command goes on from it")
        return ENDED.status


def run_as_program() -> None:
    """Run the command line of this process; a signal ends it in good order."""
    ENDED.listen()
    open_streams()
    surroundings.settle()
    status = main()
    if status == ENDED.status:
        os._exit(status)  # at once: no thread that is left is waited for
    sys.exit(status)


if __name__ == "__main__":
    run_as_program()
