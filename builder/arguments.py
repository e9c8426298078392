"""Kinds of values that commands take."""

from __future__ import annotations

import argparse


def at_least_one(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} found, a whole number from 1 is needed")
    return int(text)


def at_least_two(text: str) -> int:
    """A whole number from 2."""
    if not text.isdecimal() or int(text) < 2:  # noqa: PLR2004 - the name says it
        raise argparse.ArgumentTypeError(f"{text!r} found, a whole number from 2 is needed")
    return int(text)


def probability(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} found, a number from 0 to 1 is allowed")
    return value
