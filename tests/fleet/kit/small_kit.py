"""Kits of small wheels, so that what is tried is how they are made and installed, and not how much is copied."""

from __future__ import annotations

import platform
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from models.command_line import main

SITE, DEVICE = "north-school", "gate-1"
# This machine's, so that what is installed runs.
INTERPRETER = str(Path(sys.executable).resolve())
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
TARGET, OTHER = ("arm64", "amd64") if platform.machine() == "aarch64" else ("amd64", "arm64")
AGENT = """def main():
    print("agent {version}")
    return 0
"""
CONFIG = """
site = "{site}"
device = "{device}"
[bundle]
path = "/opt/nexara/bundles/tiny.nexara"
trusted_keys = ["/etc/nexara/keys"]
[mqtt]
host = "broker.local"
username = "{device}"
password = "credential:mqtt"
[mqtt.tls]
ca = "/etc/nexara/ca.pem"
certificate = "/etc/nexara/device.pem"
key = "credential:device.key"
[spool]
directory = "/var/lib/nexara-edge"
[[camera]]
id = "yard"
source = "scene:yard"
"""
UPDATES = """[updates]
directory = "/var/lib/nexara-edge/bundles"
manifest = "https://bundles.local/north-school.json"
"""


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    needs: Sequence[str] = (),
    tag: str = "py3-none-any",
    *,
    module: bool = True,
) -> Path:
    """A wheel with one module or none, that of ours with a command line."""
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {need}" for need in needs]
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{info}/METADATA", "\n".join([*lines, "", ""]))
        if module:
            archive.writestr(f"{name}.py", f"version = {version!r}\n")
        if name == "nexaravision":
            archive.writestr("edge_agent/__init__.py", "")
            archive.writestr("edge_agent/command_line.py", AGENT.format(version=version))
            archive.writestr("builder/__init__.py", "")
    return path


class Workshop:
    """Where kits are made: wheels, the site's authority, its configuration and its secret."""

    def __init__(self, folder: Path, bundle: Path, key: Path) -> None:
        self.folder = folder
        self.wheels = folder / "wheels"
        self.wheels.mkdir()
        self.config = folder / "site.toml"
        self.config.write_text(CONFIG)
        (folder / "mqtt.secret").write_text("pass phrase")
        self._bundle, self._key = bundle, key
        extras = 'inference>=1; extra == "tflite"', 'inference>=1; extra == "onnx"'
        make_wheel(self.wheels, "nexaravision", "0.1.0", extras)
        make_wheel(self.wheels, "inference", "1.2")
        assert main(["fleet", "ca", "init", "--site", SITE, "--directory", str(folder / "ca")]) == 0

    def arguments(self, *more: str) -> list[str]:
        """How a kit is asked for, all but where it goes."""
        return [
            "kit", "--target", TARGET, "--python", PYTHON, "--interpreter", INTERPRETER,
            "--device", "server", "--device-name", DEVICE, "--site", SITE,
            "--directory", str(self.folder / "ca"), "--bundle", str(self._bundle), "--trusted-key", str(self._key),
            "--config", str(self.config), "--wheels", str(self.wheels),
            "--secret", f"mqtt={self.folder / 'mqtt.secret'}", *more,
        ]  # fmt: skip

    def make(self, name: str, *more: str) -> Path:
        """A kit, unpacked."""
        out = self.folder / f"{name}.tar"
        assert main(self.arguments(*more, "--out", str(out))) == 0
        (self.folder / name).mkdir()
        with tarfile.open(out) as archive:
            archive.extractall(self.folder / name, filter="tar")
        return self.folder / name / "nexara-kit"

    def upgrade(self, version: str) -> Path:
        """The kit of a newer version of ours, unpacked."""
        make_wheel(self.wheels, "nexaravision", version)
        return self.make(version)


def make_root(folder: Path) -> Path:
    """The root file system of a machine of which little is there, with this machine's Python."""
    root = folder / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "group").write_text("root:x:0:\nvideo:x:44:\n")
    (root / INTERPRETER.lstrip("/")).parent.mkdir(parents=True)
    (root / INTERPRETER.lstrip("/")).symlink_to(INTERPRETER)
    return root


def install(kit: Path, root: Path, *more: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a kit's ``install.sh``; ``path`` comes before the system's own programs."""
    programs = "/usr/sbin:/usr/bin:/sbin:/bin"
    return subprocess.run(
        ["sh", str(kit / "install.sh"), "--root", str(root), *more],
        env={"PATH": programs if path is None else f"{path}:{programs}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def contents(folder: Path) -> dict[str, str]:
    """Everything below a folder: what files hold, where links lead."""
    return {
        path.relative_to(folder).as_posix(): str(path.readlink()) if path.is_symlink() else path.read_bytes().hex()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }
