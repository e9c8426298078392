from __future__ import annotations

import os
from pathlib import Path

import pytest

import benchmarks.outage
from benchmarks.outage import describe, measure
from benchmarks.outage_process import Ledger
from tests.benchmarks.test_idle import needs_mosquitto


def test_the_ledger_expects_what_it_has_not_written_down_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, settled, write = Ledger(tmp_path / "ledger"), [], os.write

    def watch(file: int, content: bytes) -> int:
        settled.append(ledger.settled)
        return write(file, content)

    monkeypatch.setattr(os, "write", watch)
    ledger.expect(["a", "b", "c"])
    for count in (2, 1):
        with ledger.timed("commit", count=count):
            pass
    assert settled == [False, False]
    assert ledger.settled
    assert (tmp_path / "ledger").read_text() == "a\nb\nc\n"


@needs_mosquitto
def test_kills_restarts_and_a_day_without_a_broker_lose_double_and_turn_round_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmarks.outage, "_RESTART_EVERY", 4)
    result = measure(tmp_path, 13, seed=3, incidents_an_hour=2)
    assert (result.kills, result.restarts, result.hours) == (13, 2, 24)
    assert (result.lost, result.doubled, result.left_open, result.out_of_order) == (0, 0, 0, 0)
    # Each of 48 incidents has four steps and a picture; the last is cut off by the kill before its end, and the ends of
    # at most two that were cut off before are among them.
    assert 48 * 5 - 1 <= result.backlog <= 48 * 5 + 1
    assert result.accepted > result.backlog
    lines = list(describe(result))
    assert lines[1].startswith("13 processes killed, 2 restarts of the broker, 24 simulated hours without it")
    assert f"| {result.accepted} " in lines[5]
