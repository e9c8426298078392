"""What a roll-out is begun with, as somebody types it."""

from __future__ import annotations

import argparse
import re
from itertools import pairwise
from pathlib import Path

import msgspec

from edge_agent.bundles.shelf import digest_of
from fleet.errors import FleetError
from fleet.quantities import count, not_negative, positive
from fleet.rollouts.rollout import Rules, Wanted

_RULES = Rules()


def add_start_options(parser: argparse.ArgumentParser) -> None:
    """Declare what ``start`` takes."""
    parser.add_argument("--url", required=True, help="where devices fetch the bundle's file, https://…")
    parser.add_argument("--sha256", metavar="HEX", help="of that file")
    parser.add_argument("--bundle", type=Path, metavar="FILE", help="the same file here, for its hash")
    parser.add_argument("--again", action="store_true", help="also to devices that had it on trial and left it")
    parser.add_argument(
        "--percent",
        type=_percents,
        default=_RULES.percents,
        metavar="P,…,100",
        help="the shares of the devices that stages end at (default: 5,25,100)",
    )
    parser.add_argument(
        "--max-failures",
        type=_failures,
        default=(0.0, False),
        metavar="N|P%",
        help="how many devices may fail, or which share of those asked (default: 0)",
    )
    _add_times(parser)
    parser.add_argument(
        "--no-withdraw", action="store_true", help="when it stops, leave the wish with those that failed or are at it"
    )


def read_wanted(arguments: argparse.Namespace) -> Wanted:
    """The bundle that is wanted; raises ``FleetError``."""
    digest: str | None = arguments.sha256
    if arguments.bundle is not None:
        found = _digest(arguments.bundle)
        if digest not in {None, found}:
            raise FleetError(f"{arguments.bundle}: its SHA-256 is {found}, not {digest}; give one of the two")
        digest = found
    if digest is None:
        raise FleetError("no hash: give --sha256, or --bundle with the file")
    wanted = {"url": arguments.url, "sha256": digest, "again": arguments.again}
    try:
        return msgspec.convert(wanted, Wanted)
    except msgspec.ValidationError as error:
        raise FleetError(
            f"--url or --sha256: {error}; allowed are an https address and 64 lower-case hexadecimal digits"
        ) from error


def read_rules(arguments: argparse.Namespace) -> Rules:
    """The rules that it goes by."""
    failures, are_percent = arguments.max_failures
    return Rules(
        percents=arguments.percent,
        most_failures=failures,
        failures_are_percent=are_percent,
        soak_s=arguments.soak * 60,
        patience_s=arguments.patience * 60,
        at_once=arguments.at_once,
        withdraw=not arguments.no_withdraw,
    )


def _add_times(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--soak",
        type=not_negative,
        default=_RULES.soak_s / 60,
        metavar="MINUTES",
        help="to watch a stage before the next (default: %(default)g)",
    )
    parser.add_argument(
        "--patience",
        type=positive,
        default=_RULES.patience_s / 60,
        metavar="MINUTES",
        help="that a device has to come to its end (default: %(default)g)",
    )
    parser.add_argument(
        "--at-once", type=count, default=_RULES.at_once, metavar="N", help="devices at it (default: %(default)s)"
    )


def _percents(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if all(part.isascii() and part.isdigit() for part in parts):
        found = tuple(map(int, parts))
        if found[0] > 0 and found[-1] == 100 and all(low < high for low, high in pairwise(found)):  # noqa: PLR2004
            return found
    raise argparse.ArgumentTypeError(f"{text!r} found, rising whole numbers that end with 100 are allowed: 5,25,100")


def _failures(text: str) -> tuple[float, bool]:
    percent = re.fullmatch(r"(\d{1,2}(?:\.\d+)?|100)%", text)
    if percent:
        return float(percent[1]), True
    if re.fullmatch(r"\d{1,9}", text):
        return float(text), False
    raise argparse.ArgumentTypeError(f"{text!r} found, a whole number or a share such as 2% is allowed")


def _digest(path: Path) -> str:
    try:
        return digest_of(path)
    except OSError as error:
        raise FleetError(f"{path}: {error.strerror}; give the bundle's file") from error
