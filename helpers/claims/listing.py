"""Numbers beside the verdicts: estimates, counts and words, a row each, unjudged."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from helpers.claims.html import describe_number, table_html
from helpers.claims.judging import numbers
from helpers.errors import Mistake
from helpers.estimates import Estimate


class Listing(NamedTuple):
    """A small table as people and programs read it; a notebook shows it as its output.

    The first cell of a row is its name.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def _repr_html_(self) -> str:
        rows = []
        for name, *cells in self.rows:
            own = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
            rows.append(f'<tr><th scope="row">{escape(name)}</th>{own}</tr>')
        return table_html(self.head, rows)

    def __repr__(self) -> str:
        return "\n".join(" | ".join(row) for row in (self.head, *self.rows))


def listing(head: Sequence[str], rows: Mapping) -> Listing:
    """A table below `head`, whose first word is that of the column of names.

    rows: name -> what stands in its row: an estimate, a number or words; with more than
    two columns a sequence of these, or a mapping, of which the values count.
    """
    made = []
    for name, row in rows.items():
        row = [*row.values()] if isinstance(row, Mapping) else row
        cells = row if isinstance(row, list | tuple) else [row]
        cells = [row] if isinstance(row, Estimate) else cells
        if len(cells) + 1 != len(head):
            raise Mistake(
                f"row {name!r} has {len(cells)} cells: give {len(head) - 1}, "
                f"below {', '.join(head[1:])}"
            )
        made.append((str(name), *map(_words, cells)))
    return Listing(tuple(head), tuple(made))


def _words(cell: Any) -> str:
    if isinstance(cell, Estimate):
        return describe_number(numbers(cell))
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool | np.bool_):
        return "yes" if cell else "no"
    if not math.isfinite(cell):
        return "undefined"
    whole = isinstance(cell, Integral) or abs(cell) >= 999.5
    return (f"{cell:,.0f}" if whole else f"{cell:.3g}").replace("-", "−")
