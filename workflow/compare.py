"""Two lists of verdicts (`check --json`), value by value: equal up to rounding.

Networks in other company are computed in products of other sizes, whose sums round in
another order: float32 has a relative spacing of 6e-8, some hundred steps of training
enlarge it. RELATIVE is fixed for that, ABSOLUTE for values that are differences near 0.
"""

import json
import math
import operator
import sys
from pathlib import Path

RELATIVE, ABSOLUTE = 1e-5, 1e-6
NUMBERS = ("value", "low", "high")


def differences(one, other, chapters=()):
    """A line for each verdict or number that differs; and how many were compared."""
    keyed = [{(r["id"], r["variant"]): r for r in rows} for rows in (one, other)]
    wanted = [
        key
        for key in sorted({*keyed[0], *keyed[1]}, key=str)
        if not chapters or any(k[key]["chapter"] in chapters for k in keyed if key in k)
    ]
    found = []
    for key in wanted:
        if not all(key in rows for rows in keyed):
            found.append(f"{key}: only on one side")
            continue
        rows = [side[key] for side in keyed]
        found += [f"{key}: {line}" for line in _apart(*rows)]
        each = [{part["name"]: part for part in row["parts"]} for row in rows]
        for name in sorted({*each[0], *each[1]}):
            if not all(name in parts for parts in each):
                found.append(f"{key}, {name}: only on one side")
                continue
            lines = _apart(*(parts[name] for parts in each))
            found += [f"{key}, {name}: {line}" for line in lines]
    return found, len(wanted)


def _apart(one, other):
    """What two records say otherwise: verdict, n, numbers."""
    for name in ("verdict", "n", *NUMBERS):
        near = _near if name in NUMBERS else operator.eq
        if not near(one[name], other[name]):
            yield f"{name} {one[name]} against {other[name]}"


def _near(one, other):
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


if __name__ == "__main__":
    first, second, *chapters = sys.argv[1:]
    rows = [json.loads(Path(name).read_text()) for name in (first, second)]
    lines, count = differences(*rows, chapters)
    print("\n".join([*lines, f"{count} verdicts compared, {len(lines)} differences"]))
    sys.exit(bool(lines) or not count)
