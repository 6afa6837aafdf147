"""Plain values: which are numbers, and a digest of what JSON can write."""

import hashlib
import json
from numbers import Integral, Real
from typing import Any

import yaml

# Of plain YAML; where libyaml is, ten times as fast.
SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def is_number(value: object) -> bool:
    """Whether it is a real number of any type, no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_whole(value: object) -> bool:
    """Whether it is a whole number of any integer type, no truth value."""
    return isinstance(value, Integral) and is_number(value)


def digest_of(value: Any, separators: tuple[str, str] = (", ", ": ")) -> str:
    """12 hex digits of sha256 over a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=separators)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
