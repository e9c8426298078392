"""``nexara-edge accept``: try everything as ``doctor`` does, and leave a page that can be printed and signed."""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from edge_agent.acceptance.camera_pictures import CameraPictures
from edge_agent.acceptance.page import render
from edge_agent.acceptance.report import Report
from edge_agent.bundles.choosing import current_bundle
from edge_agent.bundles.errors import ShelfError
from edge_agent.config import load_config
from edge_agent.config.overlay import OverlayFile, lay_over
from edge_agent.config.plan import Plan
from edge_agent.config.walls import list_views
from edge_agent.config_argument import add_config_argument
from edge_agent.doctor import examine
from edge_agent.state_file import StateError, StateFile
from edge_agent.version import read_version
from models.errors import BundleError
from models.signing import SIGNATURE, bundle_digest


def add_accept_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``nexara-edge accept``."""
    add_config_argument(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the page, HTML; for its owner alone")
    parser.set_defaults(command=run_accept)


def run_accept(arguments: argparse.Namespace) -> int:
    """0: accepted; 1: something is wrong, and the page says what. Raises ``ConfigError`` for a configuration with
    faults, and ``StateError`` when masks that were set by command cannot be read or the page cannot be written."""
    plan = _with_masks(Plan(load_config(arguments.config), os.environ))
    report = _make_report(plan, time.time())
    _write(arguments.out, render(report))
    faults = report.faults
    told = f"not accepted: {', '.join(faults)}" if faults else "accepted"
    sys.stdout.write(f"{told}\n{arguments.out}: print it on one A4 page; it shows people, so keep it as such\n")
    return 1 if faults else 0


def _with_masks(plan: Plan) -> Plan:
    """With the masks that were set by command: nothing is shown here that the agent hides."""
    overlay = OverlayFile(StateFile(plan.state_directory() / "overlay.json")).read()
    return replace(plan, config=lay_over(plan.config, overlay.only_masks()))


def _make_report(plan: Plan, now: float) -> Report:
    """``now`` is seconds since the epoch."""
    settings = plan.config.settings
    pictures = CameraPictures()
    findings = examine(plan, now, pictures.look)
    views = [view.id for camera in settings.camera for view in list_views(camera)]
    return Report(
        site=settings.site,
        device=settings.device,
        at=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now)),
        facts=(("software", f"nexara-edge {read_version()}"), ("bundle", _describe_bundle(plan))),
        findings=tuple(findings),
        pictures=tuple(pictures.of(id_) for id_ in views),
    )


def _describe_bundle(plan: Plan) -> str:
    try:
        bundle = current_bundle(plan.shelf(), plan.open_bundle)
    except (BundleError, ShelfError):
        return "none that opens; see below"
    files = {name: content for name, content in bundle.files.items() if name != SIGNATURE}
    return f"{bundle.manifest.name} {bundle.manifest.version}, SHA-256 {bundle_digest(files)}"


def _write(path: Path, page: str) -> None:
    """For its owner alone: it has pictures of people."""
    try:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(page)
    except OSError as error:
        raise StateError(f"{path}: cannot be written: {error.strerror}; choose another file") from error
