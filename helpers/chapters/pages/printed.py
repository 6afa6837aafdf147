"""What a chapter printed, as a page shows it: sentences, and tables in their place."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from helpers.chapters.pages.beside import spoken
from helpers.claims.html import table_html

MEASURED = re.compile(r"(.+): (\S+) \[(\S+), (\S+)\], n = (\d+)")
DICTIONARY = re.compile(r"([^{]*?):?\s*(\{.+\})\s*(.*)")
ARRAY = re.compile(r"array\((\[[^]]*\])[^)]*\)")
DATA = re.compile(r"folder:[\w-]+|glyphs:\d+x\d+")  # a data set by its name here
FEWEST = 4  # networks from which on an interval says something


def tell_prints(notebook: Mapping) -> None:
    """Put sentences and tables in the place of printed text, in place."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if output["output_type"] == "stream" and output.get("name") == "stdout":
                text = "".join(output["text"])
                html = "\n".join(_told(text.strip().splitlines()))
                data = {"text/html": f'<div class="told">{html}</div>'}
                output.clear()
                output.update(output_type="display_data", metadata={}, data=data)


def _told(lines: Sequence[str]) -> Iterator[str]:
    """HTML of printed lines, those of measurements that follow each other together."""
    rows: list[tuple[str, ...]] = []
    for printed in [*lines, ""]:
        line = DATA.sub(lambda name: spoken(name.group()), printed)
        if found := MEASURED.fullmatch(line):
            rows.append(_row(*found.groups()))
            continue
        if rows:
            head = ["", "Mean", "95 % interval", "Networks"]
            yield table_html(head, [_cells(row) for row in rows])
            rows = []
        if line:
            yield _of_dictionary(line) or f"<p>{escape(line)}</p>"


def _row(name: str, value: str, low: str, high: str, n: str) -> tuple[str, ...]:
    """Name, value, interval and n of a measurement in words."""
    shown = "undefined" if value == "nan" else value.replace("-", "−")
    known = int(n) >= FEWEST and not {low, high} & {"nan", "-inf", "inf"}
    ends = f"{low} to {high}".replace("-", "−") if known else "too few networks"
    return name, shown, ends, n


def _of_dictionary(line: str) -> str:
    """A table of what a line prints as a dictionary of Python's; "" if it prints none.

    A dictionary of dictionaries has a column for each of their keys.
    """
    found = DICTIONARY.fullmatch(line)
    if not found:
        return ""
    before, text, after = found.groups()
    try:
        values = ast.literal_eval(ARRAY.sub(r"\1", text))
    except (ValueError, SyntaxError):
        return ""
    if not isinstance(values, dict):  # a set
        return ""
    words = " ".join(filter(None, [before.strip(), after.strip()]))
    caption = f"<p>{escape(words)}</p>" if words else ""
    nested = [value for value in values.values() if isinstance(value, dict)]
    columns = list(dict.fromkeys(key for value in nested for key in value))
    rows = [
        _cells((key, *(value.get(c, "") for c in columns)) if columns else (key, value))
        for key, value in values.items()
    ]
    head = ["", *map(_said, columns)] if columns else ["", "Value"]
    return caption + table_html(head, rows)


def _cells(row: Sequence[Any]) -> str:
    first, *others = map(_said, row)
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in others)
    return f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>'


def _said(value: Any) -> str:
    """A value in words: lists by commas, numbers with their thousands apart."""
    if isinstance(value, list | tuple):
        return ", ".join(map(_said, value))
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value).replace("nan of", "none known of")
