"""What this machine's processor can do."""

from __future__ import annotations

from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
# As it spells them on x86 and on ARM.
_INT8_DOT = {"avx512_vnni", "avx_vnni", "asimddp"}


def has_int8_dot(cpuinfo: Path = CPUINFO) -> bool:
    """Whether it multiplies int8 vectors in one instruction (VNNI, SDOT); not where the system does not tell."""
    try:
        words = set(cpuinfo.read_text(errors="replace").split())
    except OSError:
        return False
    return not words.isdisjoint(_INT8_DOT)
