"""``nexara-edge``: what an installer and systemd type."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import msgspec

from edge_agent.acceptance.command import add_accept_options
from edge_agent.bundles.choosing import current_bundle
from edge_agent.bundles.command import add_bundle_options
from edge_agent.bundles.errors import ShelfDiskError, TrialFailedError
from edge_agent.config import ConfigError, Settings, load_config
from edge_agent.config.plan import Plan
from edge_agent.config.walls import list_views
from edge_agent.delivery.asyncapi import generate_asyncapi
from edge_agent.delivery.errors import SpoolError
from edge_agent.delivery.message_schemas import DIALECT, generate_schemas, render_schema
from edge_agent.doctor import Finding, examine
from edge_agent.enrolment.command import add_enrol_options
from edge_agent.enrolment.errors import SiteUnreachableError
from edge_agent.grid_finding.command import add_find_grid_options, find_grid
from edge_agent.logs import LogFormat, tell_failure
from edge_agent.mqtt_contract import ALL_CHANNELS, ALL_PAYLOADS
from edge_agent.run_command import run
from edge_agent.sources import explain_absence
from edge_agent.state_file import StateError
from edge_agent.top.command import add_top_options, run_top
from edge_agent.trace.command import add_trace_options, run_trace
from models.errors import NexaraError
from runtimes.bench.command import add_bench_options, run_bench
from runtimes.bench.kept import keep_bench

FAILED, INTERRUPTED = 2, 130
# A disk that is full or mounted read-only while a machine boots may be fine a minute later.
TRY_AGAIN = os.EX_TEMPFAIL
_PASSING = (SpoolError, StateError, ShelfDiskError, TrialFailedError, SiteUnreachableError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand. 0: it succeeded, or all is fine; 1: ``doctor`` or ``accept`` found a fault, ``find-grid`` no
    grid; 2: an error, told on stderr; 75: one that may pass by itself, so that a service manager should start it again;
    130: Ctrl-C."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except NexaraError as error:
        tell_failure(error)
        return TRY_AGAIN if isinstance(error, _PASSING) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nexara-edge", description="The agent that watches cameras on a device.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    running = commands.add_parser("run", help="watch the configured cameras until SIGTERM or Ctrl-C")
    running.add_argument(
        "--log-format", choices=get_args(LogFormat), help="how to log, whatever the configuration says"
    )
    running.set_defaults(command=_run)
    checking = commands.add_parser("check", help="validate a configuration and tell every fault in it")
    checking.set_defaults(command=_check)
    for command in (running, checking):
        command.add_argument("--config", type=Path, required=True, metavar="FILE", help="the device's edge.toml")
    schema = commands.add_parser("schema", help="print the JSON Schema of the configuration")
    shown = schema.add_mutually_exclusive_group()
    shown.add_argument("--messages", action="store_true", help="print those of the MQTT payloads instead, by name")
    shown.add_argument("--asyncapi", action="store_true", help="print the AsyncAPI document of all MQTT topics instead")
    schema.set_defaults(command=_schema)
    doctor = commands.add_parser("doctor", help="say what this machine offers and whether a configuration works on it")
    doctor.add_argument("--config", type=Path, metavar="FILE", help="also try its bundle, spool, broker and cameras")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.set_defaults(command=_doctor)
    add_accept_options(commands.add_parser("accept", help="try everything and leave a page to print and sign"))
    add_enrol_options(commands.add_parser("enrol", help="have a key of this device vouched for by its site"))
    finding = commands.add_parser("find-grid", help="find the cells of a wall of cameras and write its configuration")
    add_find_grid_options(finding)
    finding.set_defaults(command=find_grid)
    bench = commands.add_parser("bench", help="measure the bundle on this machine, and let the agent choose by that")
    bench.add_argument("--config", type=Path, required=True, metavar="FILE", help="the device's edge.toml")
    add_bench_options(bench)
    bench.set_defaults(command=_bench)
    bundles = commands.add_parser("bundle", help="install a bundle beside the one in use, go back, list them")
    add_bundle_options(bundles)
    top = commands.add_parser("top", help="show a running agent in the terminal, from its metrics")
    add_top_options(top)
    top.set_defaults(command=run_top)
    trace = commands.add_parser("trace", help="time what becomes of a camera's frames, stage by stage")
    add_trace_options(trace)
    trace.set_defaults(command=run_trace)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    run(arguments.config, arguments.log_format)
    return 0


def _check(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    Plan(config, os.environ).head_finder()
    cameras = sum(len(list_views(camera)) for camera in config.settings.camera)
    sys.stdout.write(f"{config.path}: valid; {cameras} camera(s). Try them with: nexara-edge doctor --config ...\n")
    for camera in config.settings.camera:
        absence = explain_absence(camera.source)
        if absence:
            sys.stdout.write(f"camera {camera.id} cannot be opened on this machine: {absence}\n")
    return 0


def _schema(arguments: argparse.Namespace) -> int:
    if arguments.asyncapi:
        shown = generate_asyncapi(ALL_CHANNELS, ALL_PAYLOADS)
    elif arguments.messages:
        shown = generate_schemas(ALL_PAYLOADS)
    else:
        shown = {"$schema": DIALECT, "title": "nexara-edge configuration", **msgspec.json.schema(Settings)}
    sys.stdout.write(render_schema(shown).decode())
    return 0


def _bench(arguments: argparse.Namespace) -> int:
    plan = Plan(load_config(arguments.config), os.environ)
    bundle = current_bundle(plan.shelf(), plan.open_usable)
    place = keep_bench(run_bench(bundle, arguments), bundle.path)
    sys.stdout.write(f"kept in {place}; the agent's next start chooses by it\n")
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    faults: list[Finding] = []
    plan = None
    if arguments.config is not None:
        try:
            plan = Plan(load_config(arguments.config), os.environ)
        except ConfigError as error:
            faults = [Finding(name="configuration", outcome="failed", detail=str(error))]
    findings = [*examine(plan, time.time()), *faults]
    healthy = all(finding.outcome != "failed" for finding in findings)
    if arguments.json:
        report = msgspec.json.encode({"healthy": healthy, "findings": findings})
        sys.stdout.write(msgspec.json.format(report, indent=2).decode() + "\n")
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            sys.stdout.write(f"{finding.outcome:<8} {finding.name:<{width}}  {finding.detail}\n")
    return 0 if healthy else 1
