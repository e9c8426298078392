"""``--config``, which most commands take."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_config_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the device's configuration, without which the command does nothing."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the device's edge.toml")
