"""Whether a kit installs without a network, and an agent from it raises an alarm: for real, in a bare Debian.

A root file system is made by ``debootstrap`` (of arm64 it runs by qemu), a kit is made for it, and all that follows
has no network but its own loopback: the kit is installed, installed again and upgraded, ``doctor`` runs, and the agent
publishes an incident of a drawn scene to a Mosquitto that lets devices in by the certificates of the site's authority.
Usage, as root: ``python -m benchmarks.installation --bundle B``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks.outcome import machine_line, run, tell, write_json
from models.errors import NexaraError

_ROOT = Path(__file__).parents[1]
_PORT = 18883
_PATIENCE_S = 600.0
_SITE, _DEVICE, _READER = "north-school", "gate-1", "dashboard"
_CREDENTIALS = "CREDENTIALS_DIRECTORY=/etc/nexara/credentials"
# What is drawn matters little here, so nearly everything is an incident, also where an emulated engine takes seconds.
_CONFIG = f"""\
site = "{{site}}"
device = "{{device}}"
[bundle]
path = "/opt/nexara/bundles/violence.nexara"
[mqtt]
host = "127.0.0.1"
port = {_PORT}
[mqtt.tls]
ca = "/etc/nexara/ca.pem"
certificate = "/etc/nexara/device.pem"
key = "credential:device.key"
[spool]
directory = "/var/lib/nexara-edge"
[thresholds]
wake = 0.001
alert = 0.002
clear = 0.001
[[camera]]
id = "yard"
source = "scene:yard?seed=3&fight=0-120&duration=120"
idle_interval_s = 1.0
alert_rate_hz = 2.0
start_hold_s = 0.0
smoothing = 1
"""
_BROKER = f"""\
listener {_PORT} 127.0.0.1
user root
cafile {{ca}}/ca.pem
certfile {{ca}}/broker.pem
keyfile {{ca}}/broker.key
crlfile {{ca}}/crl.pem
require_certificate true
use_identity_as_username true
acl_file {{ca}}/acl
"""
_ACL = f"""\
user {_READER}
topic read nexara/v1/#
pattern write nexara/v1/{_SITE}/%u/#
"""


class InstallationError(NexaraError):
    """A step did not do what it should."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Times are seconds. ``doctor`` are the lines that it printed, ``incident`` is the first that was heard."""

    architecture: str
    kit_bytes: int
    make_s: float
    install_s: float
    again_s: float
    upgrade_s: float
    doctor: tuple[str, ...]
    start_to_incident_s: float
    incident: dict[str, object]


def main(argv: list[str]) -> int:
    """Install a kit in a bare Debian and hear its alarm."""
    arguments = _parser().parse_args(argv)
    if arguments.inside is not None:
        _inside(arguments.inside, arguments.architecture)
        return 0
    for program in ("debootstrap", "mosquitto", "mosquitto_sub", "unshare", "ip"):
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
            raise InstallationError(f"no {program} here; install Debian's package of it")
    tell((machine_line(), f"kit for {arguments.architecture}", ""))
    with _working_folder(arguments.work) as folder:
        made = [_make_kit(folder, arguments, name) for name in ("kit.tar.zst", "newer.tar.zst")]
        _make_root(folder, arguments)
        command = [sys.executable, "-m", "benchmarks.installation", "--inside", str(folder)]
        command += ["--architecture", arguments.architecture, "--bundle", str(arguments.bundle)]
        _do(["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", *command], show=True)
        found = msgspec.json.decode((folder / "found.json").read_bytes())
    result = msgspec.convert(
        {**found, "kit_bytes": made[0][0], "make_s": made[0][1], "architecture": arguments.architecture}, Result
    )
    tell(_describe(result))
    write_json(arguments.json, result)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.installation", description=main.__doc__)
    parser.add_argument("--bundle", type=Path, required=True, help="bundle directory or .nexara file")
    parser.add_argument("--architecture", choices=["amd64", "arm64"], default="amd64")
    parser.add_argument("--wheels", type=Path, metavar="DIR", help="wheels to take, as nexara kit does")
    parser.add_argument("--rootfs", type=Path, metavar="DIR", help="a fresh bookworm with python3, to be copied")
    parser.add_argument("--mirror", help="where debootstrap has packages from; by default what it knows")
    parser.add_argument("--work", type=Path, metavar="DIR", help="an empty folder that is kept")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there too")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    return parser


@contextmanager
def _working_folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given.absolute()
        return
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _make_kit(folder: Path, arguments: argparse.Namespace, name: str) -> tuple[int, float]:
    """The size of a kit and how long it took. The second kit differs in what it is configured to: another release."""
    authority, template = folder / "ca", folder / "site.toml"
    site = ["--site", _SITE, "--directory", str(authority)]
    if not authority.exists():
        for words in (["init"], ["broker", "127.0.0.1"], ["device", _READER]):
            _do([sys.executable, "-m", "models.command_line", "fleet", "ca", *words, *site])
    newer = name.startswith("newer")
    template.write_text(_CONFIG + ('[metrics]\nlisten = "127.0.0.1:9464"\n' if newer else ""))
    began_s = time.monotonic()
    words = ["kit", "--target", arguments.architecture, "--device", "server", "--device-name", _DEVICE, *site]
    words += ["--bundle", str(arguments.bundle), "--config", str(template), "--out", str(folder / name)]
    words += [] if arguments.wheels is None else ["--wheels", str(arguments.wheels)]
    _do([sys.executable, "-m", "models.command_line", *words])
    return (folder / name).stat().st_size, time.monotonic() - began_s


def _make_root(folder: Path, arguments: argparse.Namespace) -> None:
    """A bare Debian 12 with Python and both kits unpacked in it: a device need not know zstd."""
    root = folder / "root"
    if arguments.rootfs is not None:
        _do(["cp", "-a", str(arguments.rootfs), str(root)])
    else:
        # A foreign one is unpacked here and then sets itself up, by qemu.
        foreign = ["--foreign"] if arguments.architecture == "arm64" else []
        packages = ["--arch", arguments.architecture, *foreign, "--variant=minbase", "--include=python3"]
        mirror = [] if arguments.mirror is None else [arguments.mirror]
        _do(["debootstrap", *packages, "bookworm", str(root), *mirror])
        if foreign:
            _do(["chroot", str(root), "/debootstrap/debootstrap", "--second-stage"])
    for name in ("kit", "newer"):
        (root / name).mkdir()
        _do(["tar", "-xf", str(folder / f"{name}.tar.zst"), "-C", str(root / name)])


def _inside(folder: Path, architecture: str) -> None:
    """All that happens without a network."""
    root, authority = folder / "root", folder / "ca"
    _do(["mount", "--make-rprivate", "/"])
    _do(["mount", "-t", "proc", "none", str(root / "proc")])
    _do(["ip", "link", "set", "lo", "up"])
    interfaces = [line.split(":")[1].strip() for line in _do(["ip", "-o", "link"]).splitlines()]
    tell((f"network: {', '.join(interfaces)} alone",))
    (authority / "acl").write_text(_ACL)
    (folder / "mosquitto.conf").write_text(_BROKER.format(ca=authority))
    install = ["chroot", str(root), "sh", "/kit/nexara-kit/install.sh"]
    times = {"install_s": _timed(install, "installed"), "again_s": _timed(install, "installed again")}
    before = (root / "opt" / "nexara").readlink()
    upgrade = ["chroot", str(root), "sh", "/newer/nexara-kit/install.sh"]
    times["upgrade_s"] = _timed(upgrade, "upgraded")
    if (root / "opt" / "nexara").readlink() == before:
        raise InstallationError("the upgrade did not turn /opt/nexara over")
    agent = ["chroot", str(root), "env", _CREDENTIALS, "/opt/nexara/bin/nexara-edge"]
    broker = subprocess.Popen(["mosquitto", "-c", str(folder / "mosquitto.conf")], env=_environment())
    try:
        doctor = _do([*agent, "doctor", "--config", "/etc/nexara/edge.toml"], codes=(0, 1)).splitlines()
        tell(doctor)
        incident, took_s = _hear(authority, [*agent, "run", "--config", "/etc/nexara/edge.toml"])
    finally:
        broker.terminate()
    uninstall = ["chroot", str(root), "sh", "/opt/nexara-edge/install.sh", "--uninstall", "--purge"]
    tell(_do(uninstall).splitlines())
    left = [path for path in ("opt/nexara", "opt/nexara-edge", "etc/nexara") if os.path.lexists(root / path)]
    if left:
        raise InstallationError(f"uninstalling left {', '.join(left)}")
    found = {"architecture": architecture, **times, "doctor": doctor, "start_to_incident_s": took_s}
    (folder / "found.json").write_bytes(msgspec.json.encode({**found, "incident": incident}))


def _hear(authority: Path, agent: Sequence[str]) -> tuple[dict[str, object], float]:
    """The first incident that somebody hears who may read, and how long after the agent's start it came."""
    topic = f"nexara/v1/{_SITE}/{_DEVICE}/camera/yard/incident"
    own = authority / "devices"
    listening = ["mosquitto_sub", "-V", "5", "-h", "127.0.0.1", "-p", str(_PORT), "-t", topic, "-q", "1", "-C", "1"]
    listening += ["--cafile", str(authority / "ca.pem"), "-W", str(int(_PATIENCE_S))]
    listening += ["--cert", str(own / f"{_READER}.pem"), "--key", str(own / f"{_READER}.key")]
    listener = subprocess.Popen(listening, stdout=subprocess.PIPE, text=True, env=_environment())
    began_s = time.monotonic()
    running = subprocess.Popen(agent, stderr=subprocess.PIPE, text=True, env=_environment())
    try:
        heard = listener.communicate(timeout=_PATIENCE_S + 30)[0]
        took_s = time.monotonic() - began_s
    finally:
        running.terminate()
        log = running.communicate(timeout=120)[1]
    if not heard:
        raise InstallationError(f"no incident: {log[-2000:]}")
    incident: dict[str, object] = json.loads(heard)
    return incident, took_s


def _timed(command: Sequence[str], done: str) -> float:
    began_s = time.monotonic()
    lines = _do(command).splitlines()
    took_s = time.monotonic() - began_s
    tell((f"{done} in {took_s:.1f} s: {lines[0].removeprefix('-- ')}",))
    return took_s


def _describe(result: Result) -> Iterator[str]:
    yield ""
    yield f"kit for {result.architecture}: {result.kit_bytes / 1e6:.0f} MB, made in {result.make_s:.0f} s"
    yield f"installed in {result.install_s:.1f} s, again in {result.again_s:.1f}, upgraded in {result.upgrade_s:.1f}"
    incident = result.incident
    told = f"{incident['phase']} at probability {incident['probability']}" if "probability" in incident else "heard"
    yield f"incident {result.start_to_incident_s:.1f} s after the agent's start: {told}"


def _do(command: Sequence[str], *, show: bool = False, codes: Sequence[int] = (0,)) -> str:
    done = subprocess.run(
        command, cwd=_ROOT, env=_environment(), stdout=None if show else subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if done.returncode not in codes:
        told = (done.stderr.strip() or (done.stdout or "").strip())[-1500:]
        raise InstallationError(f"{' '.join(command[:6])} … ended with {done.returncode}: {told}")
    return done.stdout or ""


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "PYTHONPATH": str(_ROOT)}


if __name__ == "__main__":
    run(main)
