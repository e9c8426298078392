"""Which GPUs this machine has, asked of the driver without loading any of its libraries into this process."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TIMEOUT_S = 5.0
# Jetson boards have no nvidia-smi that tells the architecture; the device tree names the chip.
_TEGRA = {"tegra210": "sm_53", "tegra186": "sm_62", "tegra194": "sm_72", "tegra234": "sm_87", "tegra264": "sm_110"}


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU; ``architecture`` is NVIDIA's, such as ``sm_87``, or empty when the driver does not tell it."""

    name: str
    architecture: str


@cache
def find_gpus() -> tuple[Gpu, ...]:
    """The NVIDIA GPUs here, asked once per process. Never raises: a driver that does not answer counts as no GPU."""
    return _ask_driver() or _read_device_tree(Path("/proc/device-tree/compatible"))


def parse_gpus(table: str) -> tuple[Gpu, ...]:
    """GPUs from ``nvidia-smi --query-gpu=name,compute_cap --format=csv,noheader``."""
    gpus = []
    for line in table.splitlines():
        name, _, capability = (part.strip() for part in line.rpartition(","))
        if name:
            digits = capability.replace(".", "")
            gpus.append(Gpu(name=name, architecture=f"sm_{digits}" if digits.isdigit() else ""))
    return tuple(gpus)


def _ask_driver() -> tuple[Gpu, ...]:
    command = shutil.which("nvidia-smi")
    if command is None:
        return ()
    try:
        answer = subprocess.run(
            [command, "--query-gpu=name,compute_cap", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=_TIMEOUT_S, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ()
    return parse_gpus(answer.stdout)


def _read_device_tree(compatible: Path) -> tuple[Gpu, ...]:
    try:
        names = compatible.read_bytes().decode(errors="replace")
    except OSError:
        return ()
    return tuple(Gpu(name=f"NVIDIA {chip}", architecture=sm) for chip, sm in _TEGRA.items() if chip in names)
