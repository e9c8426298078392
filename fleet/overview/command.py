"""``nexara fleet list``."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from datetime import datetime, timezone

import msgspec

from edge_agent.delivery.broker import Broker
from fleet.access import add_access_options, read_access
from fleet.devices.watching import Watch, watch_devices
from fleet.errors import FleetError
from fleet.overview.board import Board
from fleet.overview.row import Row, order_rows
from fleet.overview.wording import HEADINGS, cells, summary
from fleet.quantities import not_negative
from fleet.site_option import add_site_option
from fleet.table import table_text

TROUBLED = 1
_WAIT_S = 3.0
_REFRESH_S = 1.0


def main(argv: list[str]) -> int:
    """Show all devices on a broker. 0; with ``--check``, 1 when any has trouble or there is none."""
    arguments = _parser().parse_args(argv)
    access = read_access(arguments)
    with watch_devices(access.broker, arguments.site) as watch:
        if arguments.watch:
            return _live(access.broker, watch)
        watch.catch_up(arguments.wait)
        rows = order_rows(Board(watch.book).refresh())
    _print(rows, as_json=arguments.json)
    well = bool(rows) and not any(row.trouble for row in rows)
    return TROUBLED if arguments.check and not well else 0


def _print(rows: list[Row], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n")
        return
    now = datetime.now(timezone.utc)
    for line in table_text(HEADINGS, [cells(row, now) for row in rows]):
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"\n{summary(rows)}\n")


def _live(broker: Broker, watch: Watch) -> int:
    try:
        from rich.console import Console

        from fleet.overview.view import LiveView
    except ImportError as error:
        raise FleetError(f"{error}; install nexaravision[fleet], or leave out --watch") from error
    # What the line has to say is shown in the view, and would tear it.
    logging.getLogger("fleet.line").setLevel(logging.CRITICAL)
    board = Board(watch.book)
    with LiveView(Console(), f"devices at {broker.address}") as view:
        while True:
            end_s = time.monotonic() + _REFRESH_S
            while (left_s := end_s - time.monotonic()) > 0:
                watch.line.step(left_s)
            rows = board.refresh()
            note = "" if watch.line.connected else "the broker is away; trying again"
            view.show(order_rows(rows, view.room), summary(rows), datetime.now(timezone.utc), note)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nexara fleet list", description=main.__doc__)
    add_site_option(parser)
    parser.add_argument(
        "--wait",
        type=not_negative,
        default=_WAIT_S,
        metavar="SECONDS",
        help="to listen for what is not retained: health and incidents (default: %(default)g)",
    )
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="print JSON")
    shown.add_argument("--watch", action="store_true", help="a live view, until Ctrl-C")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless all is well")
    add_access_options(parser)
    return parser
