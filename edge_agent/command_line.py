"""``nexara-edge``: what an installer and systemd type.

A command's module is imported only when it is asked for: an agent starts sooner and stays smaller without the others'.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import EntryPoint
from types import MappingProxyType
from typing import NamedTuple

from edge_agent.bundles.errors import ShelfDiskError, TrialFailedError
from edge_agent.delivery.errors import SpoolError
from edge_agent.enrolment.errors import SiteUnreachableError
from edge_agent.logs import tell_failure
from edge_agent.state_file import StateError
from models.errors import NexaraError

FAILED, INTERRUPTED = 2, 130
# A disk that is full or mounted read-only while a machine boots may be fine a minute later.
TRY_AGAIN = os.EX_TEMPFAIL
_PASSING = (SpoolError, StateError, ShelfDiskError, TrialFailedError, SiteUnreachableError)


class _Command(NamedTuple):
    """What the list of commands says of one, and the function ``module:name`` that declares what it takes, its
    ``command`` among that."""

    help: str
    options: str


_COMMANDS: Mapping[str, _Command] = MappingProxyType(
    {
        "run": _Command(
            "watch the configured cameras until SIGTERM or Ctrl-C", "edge_agent.run_command:add_run_options"
        ),
        "check": _Command(
            "validate a configuration and tell every fault in it", "edge_agent.check_command:add_check_options"
        ),
        "schema": _Command(
            "print the JSON Schema of the configuration", "edge_agent.schema_command:add_schema_options"
        ),
        "doctor": _Command(
            "say what this machine offers and whether a configuration works on it",
            "edge_agent.doctor_command:add_doctor_options",
        ),
        "accept": _Command(
            "try everything and leave a page to print and sign", "edge_agent.acceptance.command:add_accept_options"
        ),
        "enrol": _Command(
            "have a key of this device vouched for by its site", "edge_agent.enrolment.command:add_enrol_options"
        ),
        "find-grid": _Command(
            "find the cells of a wall of cameras and write its configuration",
            "edge_agent.grid_finding.command:add_find_grid_options",
        ),
        "bench": _Command(
            "measure the bundle on this machine, and let the agent choose by that",
            "edge_agent.bench_command:add_kept_bench_options",
        ),
        "bundle": _Command(
            "install a bundle beside the one in use, go back, list them",
            "edge_agent.bundles.command:add_bundle_options",
        ),
        "top": _Command(
            "show a running agent in the terminal, from its metrics", "edge_agent.top.command:add_top_options"
        ),
        "trace": _Command(
            "time what becomes of a camera's frames, stage by stage", "edge_agent.trace.command:add_trace_options"
        ),
    }
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand. 0: it succeeded, or all is fine; 1: ``doctor`` or ``accept`` found a fault, ``find-grid`` no
    grid; 2: an error, told on stderr; 75: one that may pass by itself, so that a service manager should start it again;
    130: Ctrl-C."""
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser(words).parse_args(words)
    try:
        return int(arguments.command(arguments))
    except NexaraError as error:
        tell_failure(error)
        return TRY_AGAIN if isinstance(error, _PASSING) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """A parser that knows all commands by name, and what the one takes that ``words`` ask for."""
    parser = argparse.ArgumentParser(prog="nexara-edge", description="The agent that watches cameras on a device.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    asked = next((word for word in words if not word.startswith("-")), None)
    for name, command in _COMMANDS.items():
        own = commands.add_parser(name, help=command.help)
        if name == asked:
            _load(command.options)(own)
    return parser


def _load(options: str) -> Callable[[argparse.ArgumentParser], None]:
    # What is imported stays, and looking for rubbish in it meanwhile takes a tenth of the time.
    looked = gc.isenabled()
    gc.disable()
    try:
        declare: Callable[[argparse.ArgumentParser], None] = EntryPoint("options", options, "").load()
        return declare
    finally:
        if looked:
            gc.enable()
