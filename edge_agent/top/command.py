"""``nexara-edge top``."""

from __future__ import annotations

import argparse
import sys
import time

from edge_agent.top.errors import TopError
from edge_agent.top.picture import Picture, compare
from edge_agent.top.reading import Reading, read_metrics
from edge_agent.top.wording import plain

DEFAULT_URL = "http://127.0.0.1:9464/metrics"


def add_top_options(parser: argparse.ArgumentParser) -> None:
    """Declare what ``top`` takes."""
    parser.add_argument("--url", default=DEFAULT_URL, help="an agent's metrics (default: %(default)s)")
    parser.add_argument(
        "--interval", type=_seconds, default=2.0, metavar="SECONDS", help="between readings (default: %(default)g)"
    )
    parser.add_argument("--once", action="store_true", help="print one plain table, of one interval, and end")
    parser.set_defaults(command=run_top)


def run_top(arguments: argparse.Namespace) -> int:
    """Show a running agent until Ctrl-C, or once; raises ``TopError`` when there is nothing to show."""
    before = read_metrics(arguments.url, time.monotonic)
    if arguments.once:
        _, picture = _look(arguments, before)
        sys.stdout.write(plain(picture))
        return 0
    _live(arguments, before)
    return 0


def _live(arguments: argparse.Namespace, before: Reading) -> None:
    try:
        from rich.console import Console

        from edge_agent.top.view import LiveView
    except ImportError as error:
        raise TopError(f"{error}; install nexaravision[top], or use --once") from error
    picture = compare(before, before, time.time())
    note = "reading"
    with LiveView(Console(), f"nexara-edge at {arguments.url}") as view:
        while True:
            view.show(picture, note)
            note = ""
            try:
                before, picture = _look(arguments, before)
            except TopError as error:
                note = str(error)


def _look(arguments: argparse.Namespace, before: Reading) -> tuple[Reading, Picture]:
    time.sleep(arguments.interval)
    now = read_metrics(arguments.url, time.monotonic)
    return now, compare(before, now, time.time())


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 3600:  # noqa: PLR2004 - the limits stand in the message
        raise argparse.ArgumentTypeError(f"{text!r} found, a number of seconds from 0.1 to 3600 is allowed")
    return seconds
