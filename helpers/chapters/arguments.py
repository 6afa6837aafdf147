"""Arguments of the commands: which editions they are about, checked beforehand."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path

import click

SCALE = click.option(
    "--scale",
    default="laptop",
    show_default=True,
    help="smoke, laptop, workstation or paper.",
)
VARIANT = click.option(
    "--variant", multiple=True, help="A variant of scales.yaml (default: all)."
)
CHAPTERS = click.argument("chapters", nargs=-1, metavar="[CHAPTER]...")
CUSTOM = click.option(
    "-p",
    "custom",
    nargs=2,
    multiple=True,
    metavar="NAME VALUE",
    help="A parameter of the chapter; the copy is then kept out of the book. "
    "The path in folder:./mine starts at the current folder.",
)
CPU = click.option("--cpu", is_flag=True, help="Run on a CPU what asks for a GPU.")
FOLDER = click.Path(path_type=Path)
FILES = click.argument(
    "files",
    nargs=-1,
    metavar="[FILE]...",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)


def on_editions(command: Callable) -> Callable:
    """A command that is given the editions asked for, checked as far as they can be.

    It is called with the project's root, the editions by their description, and the
    parameters of the user.
    """

    @CHAPTERS
    @SCALE
    @VARIANT
    @CUSTOM
    @wraps(command)
    def checked(chapters, scale, variant, custom, cpu=True, **options):
        from helpers.chapters import editions, plans
        from helpers.datasets.root import fix_paths
        from helpers.system.roots import project_root

        root, custom = project_root(), {name: fix_paths(text) for name, text in custom}
        chosen = editions.choose_editions(root, scale, chapters, wanted=variant)
        for edition in chosen:
            plans.check_values(root, edition, custom)
        if not cpu and not options.get("finished"):  # which trains nothing
            editions.check_device(root, scale)
        described = {editions.describe(edition): edition for edition in chosen}
        return command(root, described, custom, **options)

    return checked


def on_budget(command: Callable) -> Callable:
    """A command that may be given seconds to spend, and how; else an empty budget."""

    @click.option("--seconds", type=float, help="End by then, most valuable first.")
    @click.option("--export", "output", type=FOLDER, help="Of what is carried home.")
    @click.option(
        "--most", type=click.FloatRange(2), help="Of that, MiB (default: 40)."
    )
    @click.option("--drop-weights/--keep-weights", default=None, help="Once measured.")
    @click.option("--check/--no-check", default=None, help="The machine, beforehand.")
    @wraps(command)
    def checked(*given, seconds, output, most, drop_weights, check, **others):
        options = {"seconds": seconds, "output": output, "most": most}
        options |= {"drop_weights": drop_weights, "check": check}
        budget = {name: v for name, v in options.items() if v is not None}
        if budget and seconds is None:
            what = "--export goes" if output else "--most, --check and the like go"
            raise click.UsageError(f"{what} with --seconds; else use `export`")
        return command(*given, budget=budget, **others)

    return checked
