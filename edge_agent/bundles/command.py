"""``nexara-edge bundle``: install a bundle beside the one in use, go back, and tell which there are."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import datetime, timezone

from edge_agent.bundles.choosing import digest_in_use
from edge_agent.bundles.errors import ShelfError
from edge_agent.bundles.installing import Installed, Installer, plan_installer
from edge_agent.bundles.poll import poll
from edge_agent.bundles.record import Record
from edge_agent.bundles.shelf import Shelf
from edge_agent.bundles.standing import find_state
from edge_agent.bundles.standing_file import StandingFile
from edge_agent.config import load_config
from edge_agent.config.plan import Plan
from edge_agent.config_argument import add_config_argument
from models.errors import NexaraError

_SOON = "the agent, within seconds if it runs, else from its next start on,"


def add_bundle_options(parser: argparse.ArgumentParser) -> None:
    """The subcommands of ``nexara-edge bundle``."""
    commands = parser.add_subparsers(required=True, metavar="ACTION")
    install = commands.add_parser("install", help="test a bundle on this machine and put it on trial")
    install.add_argument("source", metavar="FILE|URL", help="a .nexara file, or its https address")
    install.add_argument("--sha256", metavar="HEX", help="of the file, which has to be told where it is fetched")
    install.add_argument("--again", action="store_true", help="even one that was on trial before and was left")
    install.set_defaults(action=_install)
    update = commands.add_parser("update", help="have the bundle that the document at updates.manifest desires")
    update.set_defaults(action=_update)
    rollback = commands.add_parser("rollback", help="leave the bundle on trial, or else the one in use")
    rollback.set_defaults(action=_roll_back)
    listing = commands.add_parser("list", help="tell which bundle is in use, on trial, and was left")
    listing.set_defaults(action=_list)
    for command in (install, update, rollback, listing):
        add_config_argument(command)
    parser.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    plan = Plan(load_config(arguments.config), os.environ)
    installer = plan_installer(plan)
    if installer is None:
        raise ShelfError(f"{arguments.config}: no [updates] in it; add the table with the directory for bundles")
    for line in arguments.action(installer, arguments):
        sys.stdout.write(f"{line}\n")
    return 0


def _install(installer: Installer, arguments: argparse.Namespace) -> list[str]:
    return _tell_installed(installer.install(arguments.source, arguments.sha256, again=arguments.again))


def _update(installer: Installer, arguments: argparse.Namespace) -> list[str]:
    updates = installer.plan.config.settings.updates
    if updates is None or updates.manifest is None:
        raise ShelfError(f"{arguments.config}: no manifest in [updates]; give it the address to look at")
    found = poll(installer, updates.manifest, datetime.now(timezone.utc))
    return ["the desired bundle is in use"] if found is None else _tell_installed(found)


def _tell_installed(found: Installed) -> list[str]:
    name = f"{found.manifest.name} {found.manifest.version}"
    if not found.trial:
        return [f"{name} is the bundle in use"]
    return [f"{name} passed its self-test on {found.runtime}; {_SOON} has it on trial"]


def _roll_back(installer: Installer, _arguments: argparse.Namespace) -> list[str]:
    after = installer.roll_back("left by hand")
    if after is None:
        return ["the configuration's bundle is in use; there is none to go back to"]
    return [f"{_SOON} has {_name_of(installer.shelf, after)}"]


def _list(installer: Installer, _arguments: argparse.Namespace) -> list[str]:
    plan, shelf = installer.plan, installer.shelf
    record = shelf.read()
    rows = [("in use" if record.trial is None else "kept", record.kept), ("before", record.before)]
    lines = [f"{word:<10} {_describe(plan, shelf, digest)}" for word, digest in rows if digest is not None]
    if record.kept is None:
        lines.insert(0, f"{rows[0][0]:<10} {plan.config.settings.bundle.path}, as configured")
    if record.trial is not None:
        told = f"{record.trial.boots} start(s) so far"
        lines.append(f"{'on trial':<10} {_describe(plan, shelf, record.trial.digest)}, {told}")
    lines += [f"{'left':<10} {one.digest[:12]}: {one.reason}" for one in record.left]
    return lines + _list_desired(plan, shelf, record)


def _list_desired(plan: Plan, shelf: Shelf, record: Record) -> list[str]:
    standing = StandingFile(shelf.directory).read()
    if standing.desired is None:
        return []
    state, reason = find_state(record, standing, digest_in_use(record, plan.configured_bundle()))
    told = f"{standing.desired.sha256[:12]} by {standing.desired.id!r}, {state}"
    return [f"{'desired':<10} {told}{f': {reason}' if reason else ''}"]


def _describe(plan: Plan, shelf: Shelf, digest: str) -> str:
    try:
        manifest = plan.open_bundle(shelf.path_of(digest)).manifest
    except NexaraError as error:
        return f"{digest[:12]} (does not open: {error})"
    return f"{manifest.name} {manifest.version} ({digest[:12]})"


def _name_of(shelf: Shelf, record: Record) -> str:
    return "the configuration's bundle" if record.kept is None else str(shelf.path_of(record.kept))
