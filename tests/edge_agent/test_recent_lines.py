from __future__ import annotations

import logging

from edge_agent.recent_lines import RecentLines


def say(recent: RecentLines, text: str, level: int = logging.INFO) -> None:
    recent.handle(logging.LogRecord("edge", level, __file__, 1, text, (), None))


def test_lines_are_the_newest_at_or_above_a_level_oldest_first() -> None:
    recent = RecentLines("text")
    for number in range(1200):
        say(recent, f"line {number}.", logging.WARNING if number % 2 else logging.INFO)
    lines = recent.newest(2, logging.WARNING, 10_000)
    assert [line.rpartition(": ")[2] for line in lines] == ["line 1197.", "line 1199."]
    assert len(recent.newest(5000, logging.INFO, 10_000_000)) == 1000


def test_bytes_are_bounded_in_memory_and_in_what_is_told() -> None:
    recent = RecentLines("text")
    for _ in range(100):
        say(recent, "x" * 10_000)
    assert 20 < len(recent.newest(100, logging.INFO, 10_000_000)) < 26
    assert len(recent.newest(100, logging.INFO, 25_000)) == 2
    assert recent.newest(100, logging.INFO, 100) == []


def test_credentials_are_left_out_as_in_the_log() -> None:
    for recent in (RecentLines("text"), RecentLines("json")):
        say(recent, "rtsp://viewer:secret@10.0.0.1/s failed")
        (line,) = recent.newest(1, logging.INFO, 1000)
        assert "secret" not in line
        assert "rtsp://***@10.0.0.1/s failed" in line
