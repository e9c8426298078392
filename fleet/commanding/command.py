"""``nexara fleet command``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import get_args

import msgspec

from edge_agent.commands.name import CommandName
from edge_agent.delivery.topics import ROOT
from fleet.access import Access, add_access_options, read_access
from fleet.commanding.arguments import read_json, read_pairs
from fleet.commanding.asking import Asker
from fleet.commanding.round import Outcome, Round
from fleet.devices.book import Book
from fleet.devices.name import DeviceName, parse_name
from fleet.devices.watching import watch_presence
from fleet.errors import FleetError
from fleet.quantities import count, positive
from fleet.site_option import add_site_option
from fleet.table import plain, table_text

NOT_ALL = 1
_DISRUPTIVE = ("restart", "update", "rollback")
"""A device does not watch for a moment after these, so not all of them do them at once."""
_AT_ONCE, _DISRUPTIVE_AT_ONCE = 50, 5
_DEADLINE_S, _UPDATE_DEADLINE_S = 30.0, 900.0


def main(argv: list[str]) -> int:
    """Have devices do something and show what each answered. 0 when all did it, 1 when any did not."""
    parser = _parser()
    arguments = parser.parse_intermixed_args(argv)
    names, pairs = _split(arguments.words)
    if bool(names) is arguments.all or (arguments.json_arguments is not None and pairs):
        parser.error("name devices or say --all, and give arguments as key=value or as --json-arguments")
    command: CommandName = arguments.name
    given = arguments.json_arguments
    payload = read_pairs(command, pairs) if given is None else read_json(command, given)
    wanted = [parse_name(name, arguments.site) for name in names]
    outcomes = _ask(arguments, command, payload, wanted, read_access(arguments))
    _print(outcomes, as_json=arguments.json)
    return 0 if all(outcome.kind == "done" for outcome in outcomes) else NOT_ALL


def _ask(
    arguments: argparse.Namespace, command: CommandName, payload: bytes, wanted: list[DeviceName], access: Access
) -> list[Outcome]:
    asker = Asker(command, payload, access.operator, lambda: datetime.now(timezone.utc))
    answers = f"{ROOT}/{arguments.site or '+'}/+/answer/{asker.mark}"
    with watch_presence(access.broker, arguments.site, answers, asker.receive) as watch:
        watch.catch_up()
        chosen = wanted or sorted(watch.book.devices)
        if not chosen:
            raise FleetError("found no device at this broker; see `nexara fleet list`, and the broker's ACL")
        there = [name for name in chosen if _is_online(watch.book, name)]
        round_ = Round(there, _at_once(arguments, command), _deadline_s(arguments, command))
        asker.ask(watch, round_, lambda ended: _tell(ended, len(there)))
    away = {name: Outcome(name, "offline", "not asked: a request that finds it away is lost") for name in chosen}
    return [{**away, **round_.outcomes}[name] for name in chosen]


def _is_online(book: Book, name: DeviceName) -> bool:
    device = book.devices.get(name)
    return device is not None and device.online


def _at_once(arguments: argparse.Namespace, command: CommandName) -> int:
    if arguments.at_once is not None:
        return int(arguments.at_once)
    return _DISRUPTIVE_AT_ONCE if command in _DISRUPTIVE else _AT_ONCE


def _deadline_s(arguments: argparse.Namespace, command: CommandName) -> float:
    if arguments.deadline is not None:
        return float(arguments.deadline)
    return _UPDATE_DEADLINE_S if command == "update" else _DEADLINE_S


def _tell(ended: int, asked: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{ended} of {asked} answered" + ("\n" if ended == asked else ""))
        sys.stderr.flush()


def _print(outcomes: Sequence[Outcome], *, as_json: bool) -> None:
    if as_json:
        listed = [
            {"site": one.name.site, "device": one.name.device, "outcome": one.kind, "text": one.text}
            for one in outcomes
        ]
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(listed), indent=2).decode() + "\n")
        return
    rows = [(str(one.name), one.kind, plain(one.text)) for one in outcomes]
    for line in table_text(("device", "outcome", "answer"), rows):
        sys.stdout.write(f"{line}\n")


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Devices and ``key=value`` pairs; no device has a ``=`` in its name."""
    names = [word for word in words if "=" not in word]
    return list(dict.fromkeys(names)), [word for word in words if "=" in word]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nexara fleet command",
        usage="nexara fleet command NAME (DEVICE ... | --all) [KEY=VALUE ...] [options]",
        description=main.__doc__,
    )
    parser.add_argument("name", choices=get_args(CommandName), metavar="NAME", help=", ".join(get_args(CommandName)))
    parser.add_argument(
        "words", nargs="*", metavar="DEVICE | KEY=VALUE", help="site/device, or device with --site; and its arguments"
    )
    add_site_option(parser)
    parser.add_argument("--all", action="store_true", help="all devices, of --site where that is given")
    parser.add_argument(
        "--json-arguments", metavar="JSON", help="the arguments as an object, in the place of KEY=VALUE"
    )
    parser.add_argument(
        "--deadline",
        type=positive,
        metavar="SECONDS",
        help=f"for each answer (default: {_DEADLINE_S:g}, for update {_UPDATE_DEADLINE_S:g})",
    )
    parser.add_argument(
        "--at-once",
        type=count,
        metavar="N",
        help=f"how many are asked at a time (default: {_AT_ONCE}; {', '.join(_DISRUPTIVE)}: {_DISRUPTIVE_AT_ONCE})",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_access_options(parser)
    return parser
