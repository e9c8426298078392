"""``nexara kit``: an offline install kit of one device, packed or written straight into a root file system."""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from edge_agent.config.tls import find_papers
from edge_agent.privacy.weights import FASTEST_DET
from fleet.authority.command import add_site_options, open_authority
from fleet.authority.site_authority import require_name
from fleet.authority.tokens import LIFE
from fleet.kit.archive import pack_kit
from fleet.kit.cloud_init import write_user_data
from fleet.kit.configuration import CA, Configuration, fill
from fleet.kit.debian_package import pack_debian
from fleet.kit.device_kind import DROP_IN_GROUPS, KINDS
from fleet.kit.errors import KitError
from fleet.kit.order import Order
from fleet.kit.package_index import build_own_wheel, fetch_wheels
from fleet.kit.secret import read_secrets
from fleet.kit.staging import stage_kit
from fleet.kit.target import MACHINES, PYTHONS, Target
from fleet.kit.wheel import Wheel
from fleet.kit.wheelhouse import OWN, Wheelhouse
from models.bundle import Bundle, open_bundle
from models.signing_key import public_pem
from models.trust import TrustStore, read_key
from models.whole_file import write_whole

_CHECKOUT = Path(__file__).parents[2]
_INTERPRETER = re.compile(r"(/[A-Za-z0-9_.+-]+)+")
_ENROL_URL = re.compile(r"https://[A-Za-z0-9.\[\]:-]+")


def main(argv: list[str]) -> int:
    """Make an offline install kit of a device."""
    arguments = _parser().parse_args(argv)
    require_name(arguments.device_name, "device")
    if (arguments.cloud_init is None) != (arguments.kit_url is None):
        raise KitError("--cloud-init and --kit-url go together: a machine must know where its kit is")
    with _own_or_fetched(arguments) as folder:
        order = _order(arguments, folder)
        told = _write_into(order, arguments.rootfs) if arguments.rootfs else _pack(order, arguments)
    for line in told:
        print(line)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nexara kit", description="Make the install kit of one device.")
    parser.add_argument("--target", choices=list(MACHINES), required=True, help="the device's processor")
    parser.add_argument("--device", choices=list(KINDS), required=True, help="what kind of device it is")
    parser.add_argument("--device-name", required=True, metavar="NAME", help="what it is called at its site")
    add_site_options(parser)
    parser.add_argument("--bundle", type=Path, required=True, help="bundle directory or .nexara file")
    parser.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="the site's edge.toml, with {site} and {device}"
    )
    parser.add_argument("--python", choices=PYTHONS, help="the device's own Python; by default that of its kind")
    parser.add_argument("--interpreter", metavar="PATH", help="where it is there; by default /usr/bin/python3.X")
    parser.add_argument(
        "--wheels", type=Path, metavar="DIR", help="take wheels from there, ours too, and fetch none; see docs"
    )
    parser.add_argument(
        "--secret", action="append", default=[], metavar="NAME=FILE", help="what edge.toml calls credential:NAME"
    )
    parser.add_argument("--trusted-key", type=Path, action="append", default=[], metavar="FILE", help="a public key")
    parser.add_argument(
        "--drop-in",
        action="append",
        choices=sorted(DROP_IN_GROUPS),
        help="of systemd/drop-ins, in the place of those of its kind",
    )
    parser.add_argument(
        "--enrol", metavar="URL", help="the device makes its own key and has it vouched for there: nexara fleet enrol"
    )
    parser.add_argument("--detector", type=Path, metavar="FILE", help=f"weights of {FASTEST_DET.name}, to blur faces")
    out = parser.add_mutually_exclusive_group(required=True)
    out.add_argument("--out", type=Path, metavar="FILE", help="the kit: .tar.zst, .tar.xz, .tar.gz, .tar or .deb")
    out.add_argument("--rootfs", type=Path, metavar="DIR", help="install into the root file system mounted there")
    cloud = parser.add_argument_group("cloud-init")
    cloud.add_argument("--cloud-init", type=Path, metavar="FILE", help="also write user data that installs the kit")
    cloud.add_argument("--kit-url", metavar="URL", help="where a machine finds it: https://…, or file:///… on it")
    return parser


@contextmanager
def _own_or_fetched(arguments: argparse.Namespace) -> Iterator[Path]:
    """A folder with all wheels that are needed, or with our own alone where others are yet to be fetched."""
    given: Path | None = arguments.wheels
    if given is not None and any(given.glob(f"{OWN}-*.whl")):
        yield given
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_own_wheel(_CHECKOUT, folder, given)
        for path in () if given is None else given.glob("*.whl"):
            (folder / path.name).symlink_to(path.absolute())
        yield folder


def _order(arguments: argparse.Namespace, folder: Path) -> Order:
    kind = KINDS[arguments.device]
    if arguments.target not in kind.architectures:
        raise KitError(f"--target: found {arguments.target}; a {arguments.device} is {' or '.join(kind.architectures)}")
    python = arguments.python or kind.python
    interpreter = arguments.interpreter or f"/usr/bin/python{python}"
    if not _INTERPRETER.fullmatch(interpreter):
        raise KitError(f"--interpreter: found {interpreter!r}; allowed is a path such as /usr/bin/python3.11")
    bundle, keys = _open_trusted(arguments.bundle, arguments.trusted_key)
    configuration = fill(arguments.config, arguments.site, arguments.device_name, bundle)
    if keys and not configuration.settings.bundle.trusted_keys:
        raise KitError(f'{arguments.config}: bundle.trusted_keys: missing; write trusted_keys = ["/etc/nexara/keys"]')
    target = Target(arguments.target, python)
    extras = (*kind.extras, *configuration.extras)
    if arguments.detector is not None:
        FASTEST_DET.read(arguments.detector)
    return Order(
        target=target,
        kind=kind,
        configuration=configuration,
        bundle=bundle,
        wheels=_find_wheels(folder, target, extras, fetch=arguments.wheels is None),
        interpreter=interpreter,
        checkout=_CHECKOUT,
        drop_ins=kind.drop_ins if arguments.drop_in is None else tuple(arguments.drop_in),
        secrets=read_secrets(arguments.secret, configuration.operator_keys),
        keys=keys,
        detector=arguments.detector,
        enrol_url=_enrol_url(arguments, configuration),
        authority=open_authority(arguments) if configuration.wants_authority else None,
    )


def _enrol_url(arguments: argparse.Namespace, configuration: Configuration) -> str | None:
    url: str | None = arguments.enrol
    if url is not None and not _ENROL_URL.fullmatch(url):
        raise KitError(f"--enrol: found {url!r}; allowed is https://host:port, where nexara fleet enrol runs")
    if url is not None and not configuration.wants_certificate:
        raise KitError(f"--enrol: {arguments.config} has no mqtt.tls.certificate, so there is nothing to enrol for")
    if url is not None and find_papers(configuration.settings.mqtt) is None:
        raise KitError(f'--enrol: {arguments.config} has no ca beside mqtt.tls.certificate; write ca = "{CA}"')
    return url


def _find_wheels(folder: Path, target: Target, extras: tuple[str, ...], *, fetch: bool) -> tuple[Wheel, ...]:
    found = fetch_wheels(folder, target, extras) if fetch else Wheelhouse(folder, target).choose(extras)
    return tuple(found)


def _open_trusted(path: Path, given: list[Path]) -> tuple[Bundle, dict[str, bytes]]:
    """The bundle, and by file name the keys that a device needs to trust it and those like it: those given, and who
    signed it, where that key is this machine's and not one that ships with the package."""
    trust = TrustStore.load(given)
    bundle = open_bundle(path, trust)
    packaged = resources.files("models").joinpath("keys")
    shipped = {
        read_key(entry.name, entry.read_bytes()).fingerprint
        for entry in packaged.iterdir()
        if entry.name.endswith(".pem")
    }
    wanted = {key.fingerprint for key in TrustStore.load(given).keys if key.name in {str(path) for path in given}}
    if bundle.signature.fingerprint is not None:
        wanted.add(bundle.signature.fingerprint)
    keys = {key.fingerprint: key for key in trust.keys if key.fingerprint in wanted - shipped}
    return bundle, {f"{name[:16]}.pem": public_pem(key.public_key) for name, key in sorted(keys.items())}


def _pack(order: Order, arguments: argparse.Namespace) -> list[str]:
    out: Path = arguments.out
    package = out.suffix == ".deb"
    if package and arguments.cloud_init is not None:
        raise KitError("--cloud-init: a machine installs a .tar, not a .deb")
    with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=".kit-") as name:
        folder = Path(name) / "nexara-kit"
        folder.mkdir()
        release = stage_kit(order, folder)
        if package:
            pack_debian(order, folder, release, out)
        else:
            pack_kit(folder, out)
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    told = [f"{out}  {out.stat().st_size / 1e6:.0f} MB, release {release}", f"SHA-256  {digest}"]
    if order.enrol_url is not None:
        told.append(f"It holds a token that enrols one device within {LIFE.days} days: whoever is first is the device.")
    elif order.configuration.credentials:
        told.append("It holds secrets of this device: keep it as you would keep its key, and delete it afterwards.")
    if arguments.cloud_init is not None:
        write_whole(arguments.cloud_init, write_user_data(arguments.kit_url, digest).encode())
        told.append(f"user data  {arguments.cloud_init}")
    installing = f"dpkg -i {out.name}" if package else f"tar -xf {out.name} && sh nexara-kit/install.sh"
    return [*told, f"On the device, as root: {installing}"]


def _write_into(order: Order, rootfs: Path) -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stage_kit(order, folder)
        command = ["sh", str(folder / "install.sh"), "--root", str(rootfs)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise KitError(done.stderr.strip())
    return done.stdout.splitlines()
