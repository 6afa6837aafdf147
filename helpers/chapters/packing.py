"""The commands about data; what they need is imported when they are called."""

from pathlib import Path

import click

from helpers.chapters.outcomes import for_each

PATH = click.Path(path_type=Path)


@click.command("fetch")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def fetch_data(names) -> int:
    """Download data sets (default: all that can be), or make them, and check them."""
    from helpers import datasets
    from helpers.datasets.root import fix_paths

    def fetch_one(name):
        click.echo(f"{name}: {datasets.fetch(fix_paths(name))}")

    return for_each({name: name for name in names or datasets.PUBLISHED}, fetch_one)


@click.command("pack")
@click.argument("out", type=PATH)
@click.option("--data", multiple=True, metavar="NAME", help="A data set to carry.")
@click.option("--wheels", is_flag=True, help="Carry wheels of what is missing there.")
@click.option("--have", type=PATH, help="The machine's `pip list`, for --wheels.")
@click.option("--python", default="3.12", show_default=True, help="Its Python.")
@click.option("--without", multiple=True, metavar="PART", help="tests, benchmarks, …")
@click.option("--limit", default=62.0, show_default=True, help="MiB, at most.")
def pack_folder(out, data, *, wheels, have, python, without, limit) -> int:
    """Make the one folder that travels to a GPU machine without a network."""
    from helpers.chapters import pack as packs
    from helpers.chapters.wheels import fetch_wheels, missing
    from helpers.system.names import refuse
    from helpers.system.roots import project_root

    root = project_root()
    for part in without:
        if part not in packs.OPTIONAL:
            refuse("part", part, packs.OPTIONAL)
    lock = root / "requirements.lock"
    carried = (
        fetch_wheels(missing(have), lock, python, say=click.echo) if wheels else {}
    )
    packs.write_pack(
        root,
        out.absolute(),
        data=data or packs.CARRIED,
        without=without,
        wheels=carried,
        limit=limit,
        say=click.echo,
    )
    return 0
