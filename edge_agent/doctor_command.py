"""``nexara-edge doctor``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import msgspec

from edge_agent.config import ConfigError, load_config
from edge_agent.config.plan import Plan
from edge_agent.doctor import Finding, examine


def add_doctor_options(parser: argparse.ArgumentParser) -> None:
    """Declare what ``doctor`` takes."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="also try its bundle, spool, broker and cameras")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=run_doctor)


def run_doctor(arguments: argparse.Namespace) -> int:
    """Print what was found. 0: all is fine; 1: something is not."""
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
