"""Which GPUs this machine has, asked of the driver without loading any of its libraries into this process."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TIMEOUT_S = 5.0
_QUERY = "name,compute_cap,driver_version"
_COLUMNS = 3
# Jetson boards have no nvidia-smi that tells the architecture; the device tree names the chip.
_TEGRA = {"tegra210": "sm_53", "tegra186": "sm_62", "tegra194": "sm_72", "tegra234": "sm_87", "tegra264": "sm_110"}


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU; ``architecture`` is NVIDIA's, such as ``sm_87``, and ``driver`` the version of what runs it; both are
    empty when the system does not tell them."""

    name: str
    architecture: str
    driver: str = ""


@cache
def find_gpus() -> tuple[Gpu, ...]:
    """The NVIDIA GPUs here, asked once per process. Never raises: a driver that does not answer counts as no GPU."""
    return _ask_driver() or _read_device_tree(Path("/proc/device-tree/compatible"), Path("/etc/nv_tegra_release"))


def parse_gpus(table: str) -> tuple[Gpu, ...]:
    """GPUs from ``nvidia-smi --query-gpu=name,compute_cap,driver_version --format=csv,noheader``."""
    gpus = []
    for line in table.splitlines():
        # A name may hold a comma; what comes after it does not.
        parts = [part.strip() for part in line.rsplit(",", 2)]
        if len(parts) == _COLUMNS and parts[0]:
            name, capability, driver = parts
            digits = capability.replace(".", "")
            gpus.append(Gpu(name=name, architecture=f"sm_{digits}" if digits.isdigit() else "", driver=driver))
    return tuple(gpus)


def _ask_driver() -> tuple[Gpu, ...]:
    command = shutil.which("nvidia-smi")
    if command is None:
        return ()
    try:
        answer = subprocess.run(
            [command, f"--query-gpu={_QUERY}", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=_TIMEOUT_S, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ()
    return parse_gpus(answer.stdout)


def _read_device_tree(compatible: Path, release: Path) -> tuple[Gpu, ...]:
    names = _text(compatible)
    # The board's driver comes with its system, whose release is the first line.
    driver = _text(release).partition("\n")[0]
    return tuple(
        Gpu(name=f"NVIDIA {chip}", architecture=sm, driver=driver) for chip, sm in _TEGRA.items() if chip in names
    )


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""
