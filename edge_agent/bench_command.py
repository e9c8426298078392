"""``nexara-edge bench``."""

from __future__ import annotations

import argparse
import os
import sys

from edge_agent.bundles.choosing import current_bundle
from edge_agent.config import load_config
from edge_agent.config.plan import Plan
from edge_agent.config_argument import add_config_argument
from runtimes.bench.command import add_bench_options, run_bench
from runtimes.bench.kept import keep_bench


def add_kept_bench_options(parser: argparse.ArgumentParser) -> None:
    """Declare what ``bench`` takes."""
    add_config_argument(parser)
    add_bench_options(parser)
    parser.set_defaults(command=run_kept_bench)


def run_kept_bench(arguments: argparse.Namespace) -> int:
    """Measure the bundle in use and keep that for the agent; raises ``NexaraError`` where either fails."""
    plan = Plan(load_config(arguments.config), os.environ)
    bundle = current_bundle(plan.shelf(), plan.open_usable)
    place = keep_bench(run_bench(bundle, arguments), bundle.path)
    sys.stdout.write(f"kept in {place}; the agent's next start chooses by it\n")
    return 0
