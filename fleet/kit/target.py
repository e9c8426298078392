"""The machine that a kit is for: its processor, its Python, and which wheels run there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from packaging.tags import Tag, compatible_tags, cpython_tags

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""What Debian calls a processor, and what the kernel and wheels call it."""
ELF_MACHINES = {"amd64": "3e00", "arm64": "b700"}
"""Bytes 18 and 19 of its programs. They tell a 32-bit system on a 64-bit processor, where the kernel does not."""
PYTHONS = ("3.10", "3.11", "3.12")
# The glibc of Ubuntu 22.04 and JetPack 6, the oldest system that is supported.
_GLIBC_MINOR = 35


@dataclass(frozen=True, slots=True)
class Target:
    """``architecture`` as Debian says it, ``python`` as ``3.11``."""

    architecture: str
    python: str

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tags of wheels that run there, the most specific first."""
        version = tuple(map(int, self.python.split(".")))
        interpreter = f"cp{self.python.replace('.', '')}"
        platforms = self.platforms
        return (
            *cpython_tags(version, abis=[interpreter], platforms=platforms),
            *compatible_tags(version, interpreter, platforms),
        )

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that wheels for it may name, newest glibc first."""
        machine = MACHINES[self.architecture]
        names = [f"manylinux_2_{minor}_{machine}" for minor in range(_GLIBC_MINOR, 16, -1)]
        return (*names, f"manylinux2014_{machine}", f"linux_{machine}")

    def environment(self, extra: str = "") -> Mapping[str, str]:
        """What the markers of requirements are judged by."""
        return {
            "python_version": self.python,
            "python_full_version": f"{self.python}.0",
            "platform_machine": MACHINES[self.architecture],
            "platform_system": "Linux",
            "sys_platform": "linux",
            "os_name": "posix",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "extra": extra,
        }
