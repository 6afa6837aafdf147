"""The commands of a cluster: jobs planned for a scheduler, one of them done."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from helpers.chapters.arguments import SCALE
from helpers.chapters.outcomes import for_each
from helpers.errors import Mistake
from helpers.system.roots import project_root


def on_jobs(command: Callable) -> Callable:
    """A command that may be asked for jobs as JSON."""
    for option in (
        click.option(
            "--json", "as_json", is_flag=True, help="As jobs, kept and shown."
        ),
        click.option(
            "--device",
            type=click.Choice(["auto", "cpu", "cuda"]),
            default="auto",
            help="Of the jobs (default: what the scale needs).",
        ),
        click.option(
            "--job-seconds",
            type=click.FloatRange(1),
            help="A job takes at least (default: 120), and five times more at most.",
        ),
        click.option("--scratch", is_flag=True, help="Jobs keep no weights."),
    ):
        command = option(command)
    return command


def show_jobs(
    root: Path,
    editions: Mapping[str, Any],
    custom: Mapping[str, Any],
    *,
    device: str,
    job_seconds: float | None,
    scratch: bool,
) -> int:
    """Keep the jobs of some editions beside the results, and show them as JSON."""
    from helpers.chapters.plans import plan_edition
    from helpers.cluster.jobs import SHORTEST, device_of, jobs_of
    from helpers.cluster.kept import keep_plan, seconds_taken

    if custom:
        raise Mistake("-p goes not with --json: jobs make the book's own editions")
    plans: list = []

    def add(edition) -> None:  # a job looks whether its own networks fit
        plans.append(plan_edition(root, edition, fits=False))

    status = for_each(editions, add)
    if not plans:
        return status
    scale = plans[0].edition.scale
    how: dict = {"shortest": job_seconds or SHORTEST, "took": seconds_taken(scale)}
    how["asks"] = True if scratch else None
    jobs = jobs_of(plans, device_of(root, scale, device), **how)
    click.echo(json.dumps(keep_plan(scale, jobs), indent=1))
    return status


@click.command()
@click.argument("name")
@SCALE
@click.option(
    "--scratch",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder of this machine for networks that are being trained.",
)
def job(name, scale, scratch) -> int:
    """Do one job of `plan --json`: train, measure and pack, or execute pages."""
    from helpers.cluster.kept import find_job
    from helpers.cluster.working import work

    wanted = find_job(scale, name)
    folder = scratch.absolute() if scratch else None
    return work(project_root(), wanted, scratch=folder, say=click.echo)


def tell_standing(scale: str) -> None:
    """Show how the jobs of the last plan of a scale stand."""
    from helpers.cluster.standing import describe_standing

    for line in describe_standing(scale):
        click.echo(line)
