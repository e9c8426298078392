from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.outcome import ResultFileError
from benchmarks.plot import plot_shares, write_plot

SHARES = {"idle": {"decode": 0.01, "encode": 0.002, "publish": 0.0001}, "awake": {"decode": 0.04, "other": 0.02}}


def test_every_bar_and_every_part_that_is_to_be_seen_is_named(tmp_path: Path) -> None:
    plot_shares(tmp_path / "cost.svg", "What a camera costs", SHARES, "% of one core")
    svg = (tmp_path / "cost.svg").read_text()
    assert all(f">{word}<" in svg for word in ("idle", "awake", "decode", "encode", "other", "% of one core"))
    assert "publish" not in svg


def test_no_file_asked_for_is_none_drawn() -> None:
    write_plot(None, "nothing", (1.0, 1.0), lambda _: pytest.fail("drawn"))


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ResultFileError, match="cannot be written"):
        plot_shares(tmp_path / "missing" / "cost.svg", "What a camera costs", SHARES, "% of one core")
