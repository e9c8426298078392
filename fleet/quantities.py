"""Numbers as somebody types them."""

from __future__ import annotations

import argparse
import math


def positive(text: str) -> float:
    """A number above 0; raises ``ArgumentTypeError``."""
    value = _number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} found, a number above 0 is allowed")
    return value


def not_negative(text: str) -> float:
    """A number of 0 or more; raises ``ArgumentTypeError``."""
    value = _number(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} found, a number of 0 or more is allowed")
    return value


def count(text: str) -> int:
    """A whole number of 1 or more; raises ``ArgumentTypeError``."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} found, a whole number of 1 or more is allowed")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
