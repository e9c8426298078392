"""A machine on which systemd runs the units as they are: namespaces of this one, made by ``boot.sh``."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.edge_agent.delivery.listener import wait_for

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "systemd"
TARGETS = ("basic", "sysinit", "shutdown", "network-online", "time-sync")
SYSTEMD = Path("/lib/systemd/systemd")
# The interpreter and the packages of these tests are at places that ProtectHome= may hide.
COMMAND = """#!/bin/sh
export LD_LIBRARY_PATH=/opt/python/lib PYTHONPATH=/opt/code:/opt/packages
exec /opt/python/bin/python3 -m edge_agent "$@"
"""
LOGGED = """[Service]
StandardOutput=append:/log/{name}.log
StandardError=append:/log/{name}.log
"""
NAMESPACES = ("unshare", "--mount", "--propagation", "private")


class Machine:
    """Has the units installed and none started. A test adds files below ``folder`` before it boots."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("units", "nexara", "opt/bin", "log"):
            (folder / name).mkdir(parents=True)
        for unit in UNITS.glob("*.service"):
            shutil.copy(unit, folder / "units")
        for target in TARGETS:
            (folder / "units" / f"{target}.target").write_text("[Unit]\nDefaultDependencies=no\n")
        command = folder / "opt" / "bin" / "nexara-edge"
        command.write_text(COMMAND)
        command.chmod(0o755)

    def drop_in(self, unit: str, name: str, text: str) -> None:
        """Add to a unit what an installer would; each unit logs to ``log(unit)``."""
        folder = self.folder / "units" / f"{unit}.service.d"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        (folder / "log.conf").write_text(LOGGED.format(name=unit))

    def log(self, unit: str) -> str:
        """What a unit's processes have written so far."""
        path = self.folder / "log" / f"{unit}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def run(self, *command: str) -> str:
        """What a command prints that root runs in the machine."""
        done = subprocess.run([*self._inside, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stderr, self._logs())
        return done.stdout.strip()

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", unit, "--property", name, "--value")

    def status(self, unit: str) -> dict[str, str]:
        """What the kernel says of a unit's main process."""
        lines = self.run("cat", f"/proc/{self.show(unit, 'MainPID')}/status").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    @contextmanager
    def booted(self) -> Iterator[None]:
        """Its systemd is up; on leaving all of it ends."""
        packages = Path(np.__file__).parents[1]
        script = str(Path(__file__).with_name("boot.sh"))
        command = [*NAMESPACES, "bash", script, str(self.folder), sys.base_prefix, str(packages), str(ROOT)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            wait_for(lambda: self._answers() or process.poll() is not None, "systemd does not answer")
            assert process.poll() is None, process.communicate()[1]
            yield
        finally:
            # Its first process takes all others along, and then the script clears up.
            if self._pid.exists() and process.poll() is None:
                os.kill(int(self._pid.read_text()), signal.SIGKILL)
            process.communicate(timeout=30)

    @property
    def _pid(self) -> Path:
        return self.folder / "log" / "pid"

    @property
    def _inside(self) -> list[str]:
        return ["nsenter", "--target", self._pid.read_text().strip(), "--all"]

    def _answers(self) -> bool:
        """Whether its systemd has come up; what is before that is not there, or answers with an error."""
        if not self._pid.exists():
            return False
        command = [*self._inside, "systemctl", "is-active", "basic.target"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def _logs(self) -> dict[str, str]:
        return {path.stem: path.read_text(errors="replace") for path in (self.folder / "log").glob("*.log")}


def require_machine(folder: Path) -> None:
    """Skip a test where no such machine can be made: that needs root, namespaces and control groups of version 2."""
    if not SYSTEMD.exists():
        pytest.skip("no systemd here; install the Debian package systemd")
    trial = 'mount -t cgroup2 none "$0" && group=$0$(sed -n s/^0:://p /proc/self/cgroup)/trial-$$ && mkdir "$group" '
    trial += '&& rmdir "$group" && exec unshare --cgroup --pid --ipc --uts --fork true'
    done = subprocess.run([*NAMESPACES, "sh", "-c", trial, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"systemd cannot be started as a machine's first process here: {done.stderr.strip()}")
