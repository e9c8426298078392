"""``nexara fleet enrol``: enrol a site's devices as they start for the first time."""

from __future__ import annotations

import argparse

from fleet.authority.command import add_site_options, open_authority, site_directory
from fleet.authority.enrolment_server import EnrolmentServer
from fleet.authority.errors import AuthorityError

_PORT = 8443


def main(argv: list[str]) -> int:
    """Enrol a site's devices as they start for the first time."""
    parser = argparse.ArgumentParser(prog="nexara fleet enrol", description="Enrol devices until Ctrl-C.")
    add_site_options(parser)
    parser.add_argument("--name", action="append", required=True, help="a name or address that devices reach it by")
    parser.add_argument("--listen", default=f"0.0.0.0:{_PORT}", metavar="HOST:PORT", help="by default on all, 8443")
    arguments = parser.parse_args(argv)
    host, colon, port = arguments.listen.rpartition(":")
    if not colon or not port.isdigit():
        raise AuthorityError(f"--listen: found {arguments.listen!r}; allowed is HOST:PORT, such as 0.0.0.0:{_PORT}")
    authority = open_authority(arguments)
    authority.server("enrol", arguments.name)
    certificate = site_directory(arguments) / "enrol.pem"
    server = EnrolmentServer(
        (host.strip("[]"), int(port)), certificate, authority, lambda line: print(line, flush=True)
    )
    print(f"enrolling devices of {arguments.site} at {arguments.listen}; Ctrl-C ends it", flush=True)
    server.serve()
    return 0
