from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.recording import describe, measure, write_noise


def test_rings_of_all_cameras_are_filled_and_told(tmp_path: Path) -> None:
    result = measure(write_noise(tmp_path / "film.mp4", 4, 2.0), 3)
    assert result.core_share == pytest.approx(result.packet_us * 15 * 3 / 1e6)
    assert result.packet_us > 0
    lines = list(describe(result))
    assert lines[1].startswith("3 cameras of ")
    assert len(lines) == 4
