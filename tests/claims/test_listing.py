"""Tables of unjudged numbers."""

import math

import numpy as np
import pytest

from helpers.claims import listing
from helpers.errors import Mistake
from helpers.estimates import Estimate

FOUND = Estimate(0.5, 0.25, 0.75, 5)


def test_estimates_numbers_and_words_stand_in_rows():
    rows = {
        "a": FOUND,
        "b": np.int64(12345),
        "c": np.float32(-0.12345),
        "d < e": "none",
    }
    table = listing(["Name", "Value"], rows)
    assert table.rows == (
        ("a", "0.5 [0.25, 0.75], n = 5"),
        ("b", "12,345"),
        ("c", "−0.123"),
        ("d < e", "none"),
    )
    html = table._repr_html_()
    assert '<th scope="row">d &lt; e</th><td>none</td>' in html
    assert '<th scope="col">Value</th>' in html
    assert repr(table).splitlines()[:2] == [
        "Name | Value",
        "a | 0.5 [0.25, 0.75], n = 5",
    ]


def test_numbers_are_written_like_those_in_other_tables():
    rows = {"a": 12345.6, "b": True, "c": math.nan, "d": np.array(2)}
    found = [cell for _, cell in listing(["", "x"], rows).rows]
    assert found == ["12,346", "yes", "undefined", "2"]


def test_rows_of_several_cells_are_sequences_or_mappings():
    rows = {64: [1, FOUND], 128: {"x": 2, "y": "none"}}
    found = listing(["Width", "x", "y"], rows).rows
    assert found == (("64", "1", "0.5 [0.25, 0.75], n = 5"), ("128", "2", "none"))
    undefined = listing(["", "x"], {"a": Estimate(np.nan, np.nan, np.nan, 3)})
    assert undefined.rows == (("a", "undefined, n = 3"),)
    with pytest.raises(Mistake, match="row 'a' has 2 cells: give 1, below x"):
        listing(["", "x"], {"a": [1, 2]})
