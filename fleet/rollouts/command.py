"""``nexara fleet rollout``."""

from __future__ import annotations

import argparse
import sys
import uuid
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from fleet.access import add_access_options, read_access
from fleet.devices.device import Device
from fleet.devices.watching import Watch, watch_devices
from fleet.errors import FleetError
from fleet.rollouts.ending import end, revert
from fleet.rollouts.options import add_start_options, read_rules, read_wanted
from fleet.rollouts.record import ENDED, Record, RolloutHeldError
from fleet.rollouts.rollout import Rollout
from fleet.rollouts.running import Runner
from fleet.rollouts.stages import plan_members
from fleet.rollouts.verdict import DEAF, is_deaf
from fleet.rollouts.wording import changes, headline, passed_over, report
from fleet.settings import state_folder
from fleet.site_option import add_site_option

NOT_DONE = 1


def main(argv: list[str]) -> int:
    """Bring a bundle to many devices, stage by stage. 0 when it succeeded; for start and resume 1 when the roll-out
    stopped."""
    arguments = _parser().parse_args(argv)
    record = Record(arguments.state or state_folder() / "rollout.json")
    return int(arguments.act(arguments, record))


def _start(arguments: argparse.Namespace, record: Record) -> int:
    wanted, rules = read_wanted(arguments), read_rules(arguments)
    access = read_access(arguments)
    with record.held(), watch_devices(access.broker, arguments.site) as watch:
        watch.catch_up()
        devices = watch.book.devices
        left_out = {name: why for name, device in devices.items() if (why := _why_left_out(device))}
        id_ = str(uuid.uuid4())
        members = plan_members(id_, devices, rules.percents, left_out)
        if len(left_out) == len(devices):
            raise FleetError(
                "found no device that is online and hears what is desired; it needs [updates] with desired = true"
            )
        rollout = Rollout(id=id_, wanted=wanted, rules=rules, started_at=_now(), members=members)
        record.begin(rollout)
        record.forget_note()
        for line in passed_over(rollout):
            _say(line)
        _say(f"roll-out {id_}: {len(members) - len(left_out)} device(s) in {rollout.stages} stage(s); {record.path}")
        return _run(arguments, record, watch, rollout)


def _resume(arguments: argparse.Namespace, record: Record) -> int:
    with record.held():
        rollout = record.read()
        if rollout.phase in ENDED:
            raise FleetError(f"{headline(rollout)}; there is nothing to go on with")
        return _go_on(arguments, record, rollout)


def _stop(arguments: argparse.Namespace, record: Record) -> int:
    try:
        with record.held():
            rollout = record.read()
            if rollout.phase in ENDED:
                raise FleetError(f"{headline(rollout)}; there is nothing to stop")
            if rollout.phase == "running":
                rollout = end(rollout, "stopped by an operator", _now())
                record.write(rollout)
            _go_on(arguments, record, rollout)
    except RolloutHeldError:
        record.ask_to_stop()
        _say("the process that runs it was asked to stop, and tells of it")
    return 0


def _revert(arguments: argparse.Namespace, record: Record) -> int:
    with record.held():
        rollout = revert(record.read(), _now())
        record.write(rollout)
        _go_on(arguments, record, rollout)
        for line in report(record.read()):
            sys.stdout.write(f"{line}\n")
    return 0


def _status(arguments: argparse.Namespace, record: Record) -> int:
    rollout = record.read()
    if arguments.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(rollout), indent=2).decode() + "\n")
    else:
        for line in report(rollout):
            sys.stdout.write(f"{line}\n")
    return 0


def _go_on(arguments: argparse.Namespace, record: Record, rollout: Rollout) -> int:
    with watch_devices(read_access(arguments).broker, None) as watch:
        watch.catch_up()
        return _run(arguments, record, watch, rollout)


def _run(arguments: argparse.Namespace, record: Record, watch: Watch, rollout: Rollout) -> int:
    def tell(before: Rollout, after: Rollout) -> None:
        for line in changes(before, after):
            _say(line)

    try:
        ended = Runner(record, watch, read_access(arguments).operator, tell, utc=_now).run(rollout)
    except KeyboardInterrupt:
        _say(f"left where it is, in {record.path}; go on with: nexara fleet rollout resume")
        raise
    return 0 if ended.phase == "done" else NOT_DONE


def _why_left_out(device: Device) -> str | None:
    if not device.online:
        return "away when it began"
    if device.bundle is None:
        return "it does not tell of its bundle; it needs [updates] with desired = true"
    return DEAF if is_deaf(device.bundle) else None


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nexara fleet rollout", description=main.__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    start = commands.add_parser("start", help="begin one, and run it until it has ended")
    add_start_options(start)
    add_site_option(start)
    start.set_defaults(act=_start)
    for name, act, about in (
        ("resume", _resume, "go on with one whose process ended"),
        ("stop", _stop, "ask nobody further"),
        ("revert", _revert, "have every device go back to what was desired of it before"),
    ):
        commands.add_parser(name, help=about).set_defaults(act=act)
    status = commands.add_parser("status", help="how far each device is, from the file alone")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.set_defaults(act=_status)
    for name, command in commands.choices.items():
        command.add_argument(
            "--state", type=Path, metavar="FILE", help="what keeps it (default: ~/.local/state/nexara/rollout.json)"
        )
        if name != "status":
            add_access_options(command)
    return parser
