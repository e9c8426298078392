"""``nexara fleet ca``: the certificates of a site's devices and of its broker."""

from __future__ import annotations

import argparse
from datetime import datetime, timezone
from pathlib import Path

from fleet.authority.site_authority import SiteAuthority, require_name


def main(argv: list[str]) -> int:
    """Keep the certificates of a site's devices and broker."""
    parser = argparse.ArgumentParser(prog="nexara fleet ca", description="Keep a site's certificates.")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    init = actions.add_parser("init", help="make the site's authority")
    init.set_defaults(action=_init)
    device = actions.add_parser("device", help="a device's certificate, made if it has no good one")
    device.add_argument("name", help="the device, as in its edge.toml")
    device.set_defaults(action=_device)
    broker = actions.add_parser("broker", help="a new certificate of the broker")
    broker.add_argument("host", nargs="+", help="names and addresses that the broker is reached by")
    broker.set_defaults(action=_broker)
    revoke = actions.add_parser("revoke", help="withdraw a device's certificate, for good")
    revoke.add_argument("name", help="the device")
    revoke.set_defaults(action=_revoke)
    listing = actions.add_parser("list", help="tell all certificates, and until when they are good")
    listing.set_defaults(action=_list)
    for action in (init, device, broker, revoke, listing):
        add_site_options(action)
    arguments = parser.parse_args(argv)
    for line in arguments.action(arguments):
        print(line)
    return 0


def add_site_options(parser: argparse.ArgumentParser) -> None:
    """``--site`` and where its authority is kept."""
    parser.add_argument("--site", required=True, help="the site, as in edge.toml")
    parser.add_argument(
        "--directory", type=Path, metavar="DIR", help="where its authority is; by default ~/.config/nexara/sites/SITE"
    )


def site_directory(arguments: argparse.Namespace) -> Path:
    """Where the authority of ``--site`` is kept; raises ``AuthorityError`` for a name that no site may have."""
    require_name(arguments.site, "site")
    own = Path.home() / ".config" / "nexara" / "sites" / arguments.site
    return own if arguments.directory is None else Path(arguments.directory)


def open_authority(arguments: argparse.Namespace) -> SiteAuthority:
    """The authority of ``--site``; raises ``AuthorityError`` where there is none."""
    return SiteAuthority(site_directory(arguments), _now)


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _init(arguments: argparse.Namespace) -> list[str]:
    directory = site_directory(arguments)
    authority = SiteAuthority.found(directory, arguments.site, _now)
    return [
        f"authority    {authority.certificate_path}  (give it to whoever is to know the broker)",
        f"key          {directory / 'ca.key'}  (whoever has it can be any device: keep it secret, and a copy apart)",
        f"withdrawn    {authority.list_path}  (the broker's crlfile)",
    ]


def _device(arguments: argparse.Namespace) -> list[str]:
    open_authority(arguments).device(arguments.name)
    path = site_directory(arguments) / "devices" / arguments.name
    return [f"certificate  {path}.pem", f"key          {path}.key  (for this device alone)"]


def _broker(arguments: argparse.Namespace) -> list[str]:
    open_authority(arguments).broker(arguments.host)
    path = site_directory(arguments) / "broker"
    return [f"certificate  {path}.pem", f"key          {path}.key  (for the broker alone)"]


def _revoke(arguments: argparse.Namespace) -> list[str]:
    authority = open_authority(arguments)
    authority.revoke(arguments.name)
    return [f"{arguments.name} is withdrawn; copy {authority.list_path} to the broker and restart it"]


def _list(arguments: argparse.Namespace) -> list[str]:
    issued = open_authority(arguments).issued()
    width = max((len(one.name) for one in issued), default=0)
    return [f"{one.role:<6}  {one.name:<{width}}  {one.state:<7}  until {one.until:%Y-%m-%d}" for one in issued]
