"""``nexara-edge enrol``: what a device does at its first boot."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial

from edge_agent.config import load_config
from edge_agent.config.plan import Plan
from edge_agent.config.secret import find_credential
from edge_agent.config.tls import find_papers
from edge_agent.config_argument import add_config_argument
from edge_agent.enrolment.asking import ask_site
from edge_agent.enrolment.enrolment import Papers, enrol
from edge_agent.enrolment.errors import EnrolmentError

TOKEN = "enrol.token"  # noqa: S105 the name of a file
"""The credential that holds a device's one-time token."""


def add_enrol_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``nexara-edge enrol``."""
    add_config_argument(parser)
    parser.add_argument("--url", required=True, help="where the site enrols its devices, https://host:port")
    parser.set_defaults(command=run_enrol)


def run_enrol(arguments: argparse.Namespace) -> int:
    """0: the device has its certificate. Raises ``EnrolmentError``, ``SecretError`` without a folder of credentials,
    and ``SiteUnreachableError``, which may pass."""
    plan = Plan(load_config(arguments.config), os.environ)
    settings = plan.config.settings
    found = find_papers(settings.mqtt)
    if found is None:
        raise EnrolmentError(f"{arguments.config}: mqtt.tls has no ca, certificate and key; all three are needed")
    ca, certificate, key = found
    papers = Papers(
        token=find_credential(TOKEN, os.environ),
        key=plan.locate(key),
        certificate=plan.config.resolve(certificate),
    )
    enrol(settings.device, papers, partial(ask_site, arguments.url, plan.config.resolve(ca)))
    sys.stdout.write(f"{settings.device} of {settings.site} is enrolled\n")
    return 0
