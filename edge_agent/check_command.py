"""``nexara-edge check``."""

from __future__ import annotations

import argparse
import os
import sys

from edge_agent.config import load_config
from edge_agent.config.plan import Plan
from edge_agent.config.walls import list_views
from edge_agent.config_argument import add_config_argument
from edge_agent.sources import explain_absence


def add_check_options(parser: argparse.ArgumentParser) -> None:
    """Declare what ``check`` takes."""
    add_config_argument(parser)
    parser.set_defaults(command=check)


def check(arguments: argparse.Namespace) -> int:
    """Say that a configuration is valid, and what in it this machine lacks; raises ``ConfigError`` with every fault."""
    config = load_config(arguments.config)
    Plan(config, os.environ).head_finder()
    cameras = sum(len(list_views(camera)) for camera in config.settings.camera)
    sys.stdout.write(f"{config.path}: valid; {cameras} camera(s). Try them with: nexara-edge doctor --config ...\n")
    for camera in config.settings.camera:
        absence = explain_absence(camera.source)
        if absence:
            sys.stdout.write(f"camera {camera.id} cannot be opened on this machine: {absence}\n")
    return 0
