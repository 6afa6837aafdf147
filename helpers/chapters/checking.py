"""`check`: every claim at a scale, held against the published edition."""

import json

import click

from helpers.chapters.arguments import SCALE
from helpers.chapters.outcomes import complain


@click.command()
@SCALE
@click.option("--json", "as_json", is_flag=True, help="A list of objects.")
@click.option("--record", is_flag=True, help="Expect these verdicts from now on.")
def check(scale, as_json, record) -> int:
    """Show every claim; exit with 1 where one is not as the edition had it."""
    from helpers.chapters import expected
    from helpers.chapters.report import CLAIMED, align, describe_claim
    from helpers.chapters.scorecard import check as check_claims
    from helpers.system.roots import project_root

    rows, (wrong, told) = check_claims(scale)
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    else:
        click.echo(align([CLAIMED, *map(describe_claim, rows)]))
    if record:
        root = project_root()
        path = expected.record(root, scale, rows)
        click.echo(f"Recorded in {path.relative_to(root)}")
        return 0
    for line in told:
        complain(line, kind="changed")
    for line in wrong:
        complain(line)
    return 1 if wrong else 0
