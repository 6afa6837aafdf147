"""One estimate held against one criterion."""

import math
from typing import NamedTuple

from helpers.claims.claim import Criterion
from helpers.estimates import Estimate
from helpers.estimates.settings import joint, stretched

ROUNDING = 1e-9  # of a bound: what lies nearer to it is the bound


class Part(NamedTuple):
    """One criterion, the estimate held against it, and the verdict.

    reason: why the interval alone does not decide, in words.
    """

    criterion: Criterion
    estimate: Estimate | None
    verdict: str
    reason: str = ""

    @property
    def record(self) -> dict:
        """As JSON: a number that is not finite becomes null."""
        return {
            "name": self.criterion.name,
            **numbers(self.estimate),
            "text": self.criterion.text,
            "verdict": self.verdict,
            "reason": self.reason,
            "criterion": str(self.criterion),
            "at_least": self.criterion.at_least,
            "at_most": self.criterion.at_most,
        }


def judge_part(
    criterion: Criterion, estimate: Estimate | None, *, planned: int = 0, parts: int = 1
) -> Part:
    """Is the whole interval of an estimate within the bounds, or outside?

    An infinite interval (one seed) or an undefined value (a diverged run) is undecided,
    and so are fewer networks than were planned. Outside is asked of the interval at
    1 - .05/parts, for a claim fails by any one of its parts. A value that rounding
    alone keeps from a bound has reached it.
    """
    if estimate is None:
        return Part(criterion, None, "not tested")
    if estimate.n < planned:
        return Part(criterion, estimate, "undecided", f"planned {planned}")
    verdict, reason = _against_bounds(criterion, estimate), ""
    if verdict == "not reproduced":
        verdict = _against_bounds(criterion, stretched(estimate, parts))
        if verdict != "not reproduced":
            verdict = "undecided"
            asked = f"{100 * joint(parts):.3g} %"
            reason = f"outside at 95 %, not at the {asked} that {parts} parts ask"
    return Part(criterion, estimate, verdict, reason)


def _against_bounds(criterion: Criterion, estimate: Estimate) -> str:
    value, low, high, _ = estimate
    if not all(map(math.isfinite, (value, low, high))):
        return "undecided"
    least = -math.inf if criterion.at_least is None else criterion.at_least
    most = math.inf if criterion.at_most is None else criterion.at_most
    least -= 0 if math.isinf(least) else ROUNDING * abs(least)
    most += 0 if math.isinf(most) else ROUNDING * abs(most)
    if least <= low and high <= most:
        return "reproduced"
    return "not reproduced" if high < least or most < low else "undecided"


def numbers(estimate: Estimate | None) -> dict:
    """The fields of an estimate as JSON: null for what is not finite or not there."""
    if estimate is None:
        return dict.fromkeys(Estimate._fields)
    value, low, high, n = estimate
    finite = {"value": value, "low": low, "high": high}
    safe = {k: float(v) if math.isfinite(v) else None for k, v in finite.items()}
    return {**safe, "n": int(n)}
