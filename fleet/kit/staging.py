"""Lays the files of a kit out in a folder, as they are packed, or installed from there.

    install.sh, service.sh, kit.env, SHA256SUMS
    root/etc/nexara                     configuration, certificates, secrets
    root/etc/systemd/system             the service
    root/opt/nexara-edge/RELEASE        Python environment and bundle; /opt/nexara will lead to it

``RELEASE`` is named by what is in it. Nothing in the kit is a link, and nothing of it knows where it will lie.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from edge_agent.enrolment.command import TOKEN
from fleet.kit.configuration import CA, CERTIFICATE, ENROLMENT, KEY, KEYS
from fleet.kit.errors import KitError
from fleet.kit.order import Order
from fleet.kit.service import CREDENTIALS, list_groups, list_service
from fleet.kit.target import ELF_MACHINES
from fleet.kit.wheelhouse import OWN
from models.archive import write_zip

SUMS = "SHA256SUMS"
# What a device never runs, and the released bundles, of which the kit has the one that is meant.
_LEFT_OUT = ("builder/", "fleet/", "models/released/")
# A shell and Python at once: the environment may lie anywhere.
_COMMAND = """#!/bin/sh
'''exec' "$(dirname -- "$(readlink -f -- "$0")")/python" "$0" "$@"
' '''
import sys

from edge_agent.command_line import main

sys.exit(main())
"""
_ENVIRONMENT = """home = {home}
include-system-site-packages = {system}
version = {version}
"""


def stage_kit(order: Order, folder: Path) -> str:
    """Lay the kit out in the empty ``folder``; the name of its release. Raises ``KitError`` and ``AuthorityError``."""
    root = folder / "root"
    making = root / "opt" / "nexara-edge" / "making"
    _lay_release(order, making)
    own = next(wheel for wheel in order.wheels if wheel.name == OWN)
    release = f"{own.version}-{_digest(making)[:12]}"
    making.rename(making.with_name(release))
    files = {**_list_configuration(order), **_list_secrets(order)}
    services = list_service(
        order.checkout,
        order.drop_ins,
        order.configuration.credentials,
        enrols=order.enrol_url is not None,
        updates=order.configuration.looks_for_updates,
    )
    files |= {f"/etc/systemd/system/{name}": content for name, content in services.items()}
    for place, content in files.items():
        secret = place.startswith(f"{CREDENTIALS}/")
        _write(root / place.lstrip("/"), content, 0o600 if secret else 0o644)
    for script, mode in (("install.sh", 0o755), ("service.sh", 0o644)):
        _write(folder / script, resources.files("fleet.kit").joinpath(script).read_bytes(), mode)
    _write(folder / "kit.env", _describe(order, release, root).encode(), 0o644)
    _write(folder / SUMS, _sum_up(folder).encode(), 0o644)
    return release


def _lay_release(order: Order, folder: Path) -> None:
    packages = folder / "lib" / f"python{order.target.python}" / "site-packages"
    packages.mkdir(parents=True)
    for wheel in order.wheels:
        wheel.unpack(packages, _LEFT_OUT if wheel.name == OWN else ())
    home = str(Path(order.interpreter).parent)
    system = "true" if order.kind.system_packages else "false"
    environment = _ENVIRONMENT.format(home=home, system=system, version=order.target.python)
    _write(folder / "pyvenv.cfg", environment.encode(), 0o644)
    _write(folder / "bin" / "nexara-edge", _COMMAND.encode(), 0o755)
    bundle = folder / "bundles" / Path(order.configuration.settings.bundle.path).name
    bundle.parent.mkdir()
    write_zip(order.bundle.files, bundle)
    bundle.chmod(0o644)
    detector = order.configuration.settings.privacy.detector
    if detector is not None:
        if order.detector is None:
            raise KitError("privacy.detector: its weights are not given; add --detector FILE")
        shutil.copyfile(order.detector, folder / Path(detector).name)
        (folder / Path(detector).name).chmod(0o644)


def _list_configuration(order: Order) -> dict[str, bytes]:
    """What lies in ``/etc`` and may be read by everybody, by its place."""
    files = {"/etc/nexara/edge.toml": order.configuration.text.encode()}
    files |= {f"{KEYS}/{name}": pem for name, pem in order.keys.items()}
    if order.authority is not None:
        files[CA] = order.authority.certificate_path.read_bytes()
    if order.enrol_url is not None:
        files[ENROLMENT] = f"NEXARA_ENROL_URL={order.enrol_url}\n".encode()
    if order.authority is not None and order.brings_key:
        files[CERTIFICATE] = order.authority.device(order.configuration.settings.device).certificate
    return files


def _list_secrets(order: Order) -> dict[str, bytes]:
    """What root alone may read, by its place. Raises ``KitError`` for what the configuration wants and nobody gave."""
    secrets, device = dict(order.secrets), order.configuration.settings.device
    if order.authority is not None and order.brings_key:
        secrets[KEY] = order.authority.device(device).key
    made_there = set() if order.enrol_url is None else {KEY}
    missing = sorted(set(order.configuration.credentials) - set(secrets) - made_there)
    if missing:
        told = " ".join(f"--secret {name}=FILE" for name in missing)
        raise KitError(f"the configuration refers to {', '.join(missing)}, which nobody gave; add {told}")
    unwanted = sorted(set(secrets) - set(order.configuration.credentials))
    if unwanted:
        raise KitError(f"found the secret {', '.join(unwanted)}, which the configuration does not refer to; leave it")
    if order.authority is not None and order.enrol_url is not None:
        secrets[TOKEN] = order.authority.tokens.issue(device).encode()
    return {f"{CREDENTIALS}/{name}": secret for name, secret in secrets.items()}


def _describe(order: Order, release: str, root: Path) -> str:
    """What ``install.sh`` has to know, as a shell reads it. No value has a quote in it: names and paths are checked."""
    size_kb = sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) // 1024
    settings = order.configuration.settings
    values: Mapping[str, object] = {
        "release": release,
        "site": settings.site,
        "device": settings.device,
        "architecture": order.target.architecture,
        "elf_machine": ELF_MACHINES[order.target.architecture],
        "python": order.target.python,
        "interpreter": order.interpreter,
        "groups": " ".join(list_groups(order.drop_ins)),
        "size_kb": size_kb,
    }
    return "".join(f"{name}='{value}'\n" for name, value in values.items())


def _sum_up(folder: Path) -> str:
    """The SHA-256 of every file, as ``sha256sum`` writes and checks them."""
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return "".join(f"{_hash(folder / path)}  {path}\n" for path in paths)


def _digest(folder: Path) -> str:
    return hashlib.sha256(_sum_up(folder).encode()).hexdigest()


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _write(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode)
    path.chmod(mode)
    path.write_bytes(content)
