"""What this machine offers, found out once: engines and why not, processor, memory, accelerators."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from runtimes.discovery import Discovery, discover_runtimes
from runtimes.gpu import Gpu, find_gpus
from runtimes.processor import CPUINFO, has_int8_dot
from runtimes.protocol import Probe, Runtime

_ARCHITECTURES = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True, slots=True)
class Environment:
    """One machine. ``cores`` are those this process may use; ``memory_bytes`` is 0 where the system does not tell;
    ``int8_dot`` says that the processor multiplies int8 vectors in one instruction (VNNI, SDOT), so that int8 models
    are faster than float ones."""

    probes: tuple[Probe, ...]
    host_architecture: str
    cpu: str
    cores: int
    memory_bytes: int
    gpus: tuple[Gpu, ...]
    int8_dot: bool = False

    @property
    def machine(self) -> str:
        """The name under which latencies measured on this kind of machine are filed in a manifest."""
        accelerators = "".join(f", {gpu.name}" for gpu in self.gpus)
        return f"{self.cpu} {self.host_architecture} x{self.cores}{accelerators}"

    def probe(self, runtime: str) -> Probe | None:
        """What is known of one engine, ``None`` when there is none of that name."""
        return next((probe for probe in self.probes if probe.runtime == runtime), None)

    def accelerators(self, runtime: str) -> tuple[str, ...]:
        """The accelerators that one engine has here; none where there is no engine of that name."""
        probe = self.probe(runtime)
        return () if probe is None else probe.accelerators


@cache
def probe_environment() -> Environment:
    """This machine with every engine found by ``discover_runtimes``, probed once per process. Never raises."""
    return describe_machine(discover_runtimes())


def describe_machine(discovery: Discovery) -> Environment:
    """This machine with the engines of ``discovery``; those that could not be loaded are listed as unavailable."""
    return Environment(
        probes=(*probe_all(discovery.runtimes), *discovery.broken),
        host_architecture=host_architecture(),
        cpu=_cpu(CPUINFO),
        cores=count_cores(),
        memory_bytes=_memory(Path("/proc/meminfo")),
        gpus=find_gpus(),
        int8_dot=has_int8_dot(),
    )


def count_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def probe_all(runtimes: Iterable[Runtime]) -> tuple[Probe, ...]:
    """Probe each runtime; one that raises although it must not counts as unavailable, with what it raised."""
    return tuple(_probe(runtime) for runtime in runtimes)


def host_architecture() -> str:
    """``x86_64``, ``aarch64``, ``armv7l`` and so on, one name for each."""
    machine = platform.machine().lower()
    return _ARCHITECTURES.get(machine, machine)


def _probe(runtime: Runtime) -> Probe:
    try:
        return runtime.probe()
    except Exception as error:  # noqa: BLE001 - third-party code; no engine may take the others down
        return Probe(
            runtime=runtime.name, available=False, reason=f"its probe raised {error!r}; report it to its maker"
        )


def _cpu(cpuinfo: Path) -> str:
    try:
        lines = cpuinfo.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    for field in ("model name", "Model", "Hardware"):
        for line in lines:
            name, _, value = line.partition(":")
            if name.strip() == field and value.strip():
                return value.strip()
    return platform.processor() or "unknown processor"


def _memory(meminfo: Path) -> int:
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemTotal:")), 0)
