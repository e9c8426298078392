from __future__ import annotations

from pathlib import Path

import pytest

from runtimes.processor import has_int8_dot


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("flags\t\t: fpu avx avx2 avx512f\n", False),
        ("flags\t\t: fpu avx2 avx512_vnni\n", True),
        ("flags\t\t: fpu avx2 avx_vnni\n", True),
        ("Features\t: fp asimd asimddp\n", True),
        ("Features\t: fp asimd\n", False),
    ],
)
def test_int8_instructions_are_found_on_x86_and_arm(tmp_path: Path, flags: str, expected: bool) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(flags)
    assert has_int8_dot(cpuinfo) is expected


def test_a_system_that_does_not_tell_is_taken_to_have_none(tmp_path: Path) -> None:
    assert not has_int8_dot(tmp_path / "cpuinfo")
