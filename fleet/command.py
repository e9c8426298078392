"""``nexara fleet``: what an operator types, as a table of subcommands that are imported when they run."""

from __future__ import annotations

import argparse
from importlib import import_module

_SUBCOMMANDS = {
    "list": ("fleet.overview.command:main", "all devices on a broker and how they are"),
    "command": ("fleet.commanding.command:main", "have devices do something, and see their answers"),
    "rollout": ("fleet.rollouts.command:main", "a bundle to many devices, stage by stage"),
    "ca": ("fleet.authority.command:main", "certificates of a site's devices and of its broker"),
    "enrol": ("fleet.authority.enrol_command:main", "certify devices that come with a one-time token"),
}


def main(argv: list[str]) -> int:
    """See all devices on a broker, command many, roll a bundle out; keep a site's certificates."""
    arguments = _parser().parse_args(argv[:1])
    module, _, function = _SUBCOMMANDS[arguments.subcommand][0].partition(":")
    return int(getattr(import_module(module), function)(argv[1:]))


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, _SUBCOMMANDS))
    parser = argparse.ArgumentParser(
        prog="nexara fleet",
        usage="nexara fleet SUBCOMMAND ...",
        description=main.__doc__,
        epilog="\n".join(f"  {name:<{width}}  {about}" for name, (_, about) in _SUBCOMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("subcommand", choices=_SUBCOMMANDS, metavar="SUBCOMMAND", help="one of those below")
    return parser
