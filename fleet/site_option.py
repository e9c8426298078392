"""The option that bounds a command to one site."""

from __future__ import annotations

import argparse
import re

from edge_agent.delivery.topics import NAME_PATTERN


def add_site_option(parser: argparse.ArgumentParser) -> None:
    """Declare ``--site``."""
    parser.add_argument("--site", type=_site, metavar="SITE", help="the devices of this site alone")


def _site(text: str) -> str:
    if not re.match(NAME_PATTERN, text):
        raise argparse.ArgumentTypeError(f"{text!r} found, a site's name is allowed: letters, digits, '_', '.', '-'")
    return text
