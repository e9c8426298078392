"""``nexara-edge bundle``: install a bundle beside the one in use, go back, and tell which there are."""

from __future__ import annotations

import argparse
import os
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np

from edge_agent.backoff import BackoffPolicy, wait_s
from edge_agent.bundles.download import Order, redact_query
from edge_agent.bundles.errors import DownloadError, ShelfError
from edge_agent.bundles.record import Record, go_back, put_on_trial
from edge_agent.bundles.shelf import Shelf
from edge_agent.config import load_config
from edge_agent.config.plan import Plan
from models.errors import NexaraError
from runtimes.detector import open_detector

_RESTART = "the agent's next start"


def add_bundle_options(parser: argparse.ArgumentParser) -> None:
    """The subcommands of ``nexara-edge bundle``."""
    commands = parser.add_subparsers(required=True, metavar="ACTION")
    install = commands.add_parser("install", help="test a bundle on this machine and put it on trial")
    install.add_argument("source", metavar="FILE|URL", help="a .nexara file, or its https address")
    install.add_argument("--sha256", metavar="HEX", help="of the file, which has to be told where it is fetched")
    install.add_argument("--again", action="store_true", help="even one that was on trial before and was left")
    install.set_defaults(action=_install)
    rollback = commands.add_parser("rollback", help="leave the bundle on trial, or else the one in use")
    rollback.set_defaults(action=_roll_back)
    listing = commands.add_parser("list", help="tell which bundle is in use, on trial, and was left")
    listing.set_defaults(action=_list)
    for command in (install, rollback, listing):
        command.add_argument("--config", type=Path, required=True, metavar="FILE", help="the device's edge.toml")
    parser.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    plan = Plan(load_config(arguments.config), os.environ)
    shelf = plan.shelf()
    if shelf is None:
        raise ShelfError(f"{arguments.config}: no [updates] in it; add the table with the directory for bundles")
    for line in arguments.action(plan, shelf, arguments):
        sys.stdout.write(f"{line}\n")
    return 0


def _install(plan: Plan, shelf: Shelf, arguments: argparse.Namespace) -> list[str]:
    file = _fetch(plan, arguments) if "://" in arguments.source else Path(arguments.source)
    # Before it is anything to the agent: signature, hashes, the configuration's thresholds, an engine, the self-test.
    bundle = plan.open_bundle(file)
    plan.cameras(bundle.manifest)
    detector = open_detector(bundle, target=plan.config.settings.runtime.target)
    detector.close()
    record = shelf.add(file, partial(put_on_trial, again=arguments.again))
    if file.parent == shelf.incoming:
        file.unlink()
    name = f"{bundle.manifest.name} {bundle.manifest.version}"
    if record.trial is None:
        return [f"{name} is the bundle in use"]
    return [f"{name} passed its self-test on {detector.description}; it is on trial from {_RESTART} on"]


def _fetch(plan: Plan, arguments: argparse.Namespace) -> Path:
    if arguments.sha256 is None:
        raise DownloadError(f"{redact_query(arguments.source)}: fetched only with --sha256, the hash of its file")
    policy, random = BackoffPolicy(first_s=1.0), np.random.default_rng()
    downloader = plan.downloader(lambda failures: time.sleep(wait_s(policy, failures, random)))
    return downloader.fetch(Order(arguments.source, arguments.sha256.lower()))


def _roll_back(_plan: Plan, shelf: Shelf, _arguments: argparse.Namespace) -> list[str]:
    before = shelf.read()
    after = shelf.change(partial(go_back, reason="left by hand"))
    if after == before:
        return ["the configuration's bundle is in use; there is none to go back to"]
    return [f"{_RESTART} has {_name_of(shelf, after)}"]


def _list(plan: Plan, shelf: Shelf, _arguments: argparse.Namespace) -> list[str]:
    record = shelf.read()
    rows = [("in use" if record.trial is None else "kept", record.kept), ("before", record.before)]
    lines = [f"{word:<10} {_describe(plan, shelf, digest)}" for word, digest in rows if digest is not None]
    if record.kept is None:
        lines.insert(0, f"{rows[0][0]:<10} {plan.config.settings.bundle.path}, as configured")
    if record.trial is not None:
        told = f"{record.trial.boots} start(s) so far"
        lines.append(f"{'on trial':<10} {_describe(plan, shelf, record.trial.digest)}, {told}")
    return lines + [f"{'left':<10} {one.digest[:12]}: {one.reason}" for one in record.left]


def _describe(plan: Plan, shelf: Shelf, digest: str) -> str:
    try:
        manifest = plan.open_bundle(shelf.path_of(digest)).manifest
    except NexaraError as error:
        return f"{digest[:12]} (does not open: {error})"
    return f"{manifest.name} {manifest.version} ({digest[:12]})"


def _name_of(shelf: Shelf, record: Record) -> str:
    return "the configuration's bundle" if record.kept is None else str(shelf.path_of(record.kept))
