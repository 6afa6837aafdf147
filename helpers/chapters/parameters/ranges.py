"""Ranges of parameters: a notation that people and the check read alike.

It stands once, at the head of a parameter's comment, before what the parameter means:

    1..1000             from 1 to 1,000
    >0..1               above 0, at most 1
    even 2..400         an even number (or: odd)
    auto, cpu or cuda   one of these words; "" is the empty one
    text                any text
    2+ of >0..100       a list of 2 or more different numbers, put in ascending order
    3 of 1..512 in order    a list of 3, which keeps its order
    ... with 1 3        these numbers are among them
    ... in depths       each is among the values of the parameter depths
    ... not noise       each is other than those of the parameter noise
    ... within sigmas   each is at most the second largest of the parameter sigmas
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"
ITEMS = re.compile(r"(\d+)(\+?) of ")
NUMBERS = re.compile(rf"(?:(even|odd) )?(>?)({NUMBER})\.\.({NUMBER})")
ENDS = re.compile(
    rf" (?:(?P<order>in order)|with (?P<among>{NUMBER}(?: {NUMBER})*)"
    r"|(?P<how>in|not|within) (?P<name>\w+))"
)
SECOND = "at most the second largest of"
PARITIES = {"even": 0, "odd": 1}


class Tie(NamedTuple):
    """A condition on a parameter that another one decides."""

    how: str  # "in", "not" or "within"
    name: str

    def holds(self, value: Any, others: Mapping[str, Any]) -> bool:
        """Whether it does, for a value and all parameters."""
        values, other = _listed(value), _listed(others[self.name])
        if self.how == "within":
            return all(one <= sorted(other)[-2:][0] for one in values)
        inside = self.how == "in"
        return all((one in other) == inside for one in values)

    def in_words(self, others: Mapping[str, Any]) -> str:
        """What must be, with the other's value."""
        words = {"in": "among", "not": "other than", "within": SECOND}
        return f"{words[self.how]} {self.name} = {others[self.name]!r}"


class Range(NamedTuple):
    """What a parameter may be: one value, or every item of a list."""

    low: float = 0.0
    high: float = 0.0
    above: bool = False  # the low end itself is left out
    parity: str = ""
    whole: bool = False
    choices: tuple[str, ...] = ()
    text: bool = False
    items: tuple[int, bool] | None = None  # of a list: how many, and whether more
    in_order: bool = False
    among: tuple[float, ...] = ()
    ties: tuple[Tie, ...] = ()

    def normal(self, value: Any) -> Any:
        """The value, a list of numbers ascending; ValueError where it is outside."""
        if self.items is None:
            return self._checked(value)
        found = [self._checked(one) for one in value]
        if not (self.in_order or self.text or self.choices):
            found = sorted(set(found))
        count, more = self.items
        enough = len(found) >= count if more else len(found) == count
        if not enough or not set(self.among) <= set(found):
            raise ValueError(value)
        return found

    def _checked(self, value: Any) -> Any:
        if self.text:
            return value
        if self.choices:
            inside = value in self.choices
        else:
            inside = self.low <= value <= self.high  # NaN is not
            inside = inside and not (self.above and value == self.low)
            inside = inside and (not self.parity or value % 2 == PARITIES[self.parity])
        if not inside:
            raise ValueError(value)
        return value

    @property
    def in_words(self) -> str:
        """What is allowed, in words."""
        one = self._one_in_words
        if self.items is None:
            return one
        count, more = self.items
        different = "" if self.in_order or self.text or self.choices else "different "
        values = "words" if self.text or self.choices else self._noun + "s"
        size = f"{count} or more" if more else f"{count}"
        words = f"a list of {size} {different}{values}"
        each = f"one of {one}" if self.choices else one.removeprefix(self._article)
        words += "" if self.text else f", each {each}"
        among = ", ".join(f"{number:g}" for number in self.among)
        return words + (f", with {among} among them" if among else "")

    @property
    def _noun(self) -> str:
        words = (self.parity, "whole" if self.whole else "", "number")
        return " ".join(filter(None, words))

    @property
    def _article(self) -> str:
        return f"{'an' if self._noun[0] in 'aeio' else 'a'} {self._noun} "

    @property
    def _one_in_words(self) -> str:
        if self.text:
            return "text"
        if self.choices:
            *most, last = [choice or '""' for choice in self.choices]
            return f"{', '.join(most)} or {last}" if most else last
        low, high = (f"{end:,.12g}" for end in (self.low, self.high))
        between = f"above {low}, at most {high}" if self.above else f"{low} to {high}"
        return f"{self._article}{'' if self.above else 'from '}{between}"


def read_range(notation: str, *, whole: bool, text: bool, listed: bool) -> Range:
    """The range that a notation describes, of whole numbers or others, or of text.

    ValueError where it describes none.
    """
    items, rest = None, notation
    if listed:
        found = ITEMS.match(notation)
        if not found:
            raise ValueError(notation)
        items = int(found[1]), bool(found[2])
        rest = notation[found.end() :]
    if text:
        return _read_words(rest)._replace(items=items)
    found = NUMBERS.match(rest)
    if not found:
        raise ValueError(notation)
    parity, above, *ends = found.groups()
    low, high = (int(float(end)) if whole else float(end) for end in ends)
    numbers = Range(low, high, bool(above), parity or "", whole, items=items)
    return _read_ends(numbers, rest[found.end() :])


def _read_words(notation: str) -> Range:
    if notation == "text":
        return Range(text=True)
    words = re.split(r", | or ", notation)
    if len(words) < 2:
        raise ValueError(notation)
    return Range(choices=tuple("" if word == '""' else word for word in words))


def _read_ends(numbers: Range, ends: str) -> Range:
    """The range with the conditions that follow it."""
    while ends:
        found = ENDS.match(ends)
        if not found:
            raise ValueError(ends)
        if found["order"]:
            numbers = numbers._replace(in_order=True)
        elif found["among"]:
            among = tuple(map(float, found["among"].split()))
            numbers = numbers._replace(among=among)
        else:
            tie = Tie(found["how"], found["name"])
            numbers = numbers._replace(ties=(*numbers.ties, tie))
        ends = ends[found.end() :]
    return numbers


def _listed(value: Any) -> list:
    return value if isinstance(value, list) else [value]
