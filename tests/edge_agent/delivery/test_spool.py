"""The spool on a real disk."""

from __future__ import annotations

import logging
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.delivery.errors import SpoolError
from edge_agent.delivery.message import Message
from edge_agent.delivery.spool import EARLIEST_PLAUSIBLE_CLOCK, Spool, SpoolLimits

NOW = EARLIEST_PLAUSIBLE_CLOCK + 1_000_000


class Clock:
    """Seconds since the epoch, moved by the test."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool" / "spool.sqlite"


@pytest.fixture
def spool(path: Path, clock: Clock) -> Iterator[Spool]:
    spool = Spool(path, SpoolLimits(max_bytes=10_000, max_age_s=100), clock)
    yield spool
    spool.close()


def message(number: int, topic: str = "t", size: int = 100) -> Message:
    return Message(topic, f"{number}:".encode().ljust(size, b"."), "x", (("n", str(number)),))


def numbers(spool: Spool, **options: tuple[str, ...]) -> list[int]:
    stored = spool.peek(0, 1000, **options)
    return [int(one.message.payload.split(b":")[0]) for one in stored]


def test_messages_come_back_whole_and_in_order_when_opened_again(path: Path, clock: Clock, spool: Spool) -> None:
    spool.put([message(0), message(1)])
    spool.put([message(2)])
    spool.close()
    again = Spool(path, SpoolLimits(10_000, 100), clock)
    assert [one.message for one in again.peek(0, 10)] == [message(0), message(1), message(2)]
    again.close()


def step(incident: str, number: int, *, ends: bool = False) -> Message:
    return Message(f"camera/{incident}", f"{number}:".encode(), incident=incident, ends=ends)


def test_the_newest_step_of_an_open_incident_is_kept_over_deliveries_and_starts(
    path: Path, clock: Clock, spool: Spool
) -> None:
    spool.put([step("a", 0), message(1), step("b", 2)])
    spool.put([step("a", 3), step("b", 4, ends=True)])
    spool.remove([one.id for one in spool.peek(0, 10)])
    assert spool.open_incidents() == [step("a", 3)]
    spool.close()
    again = Spool(path, SpoolLimits(10_000, 100), clock)
    assert again.open_incidents() == [step("a", 3)]
    again.put([step("a", 5, ends=True)])
    assert again.open_incidents() == []
    again.close()


def test_an_open_incident_is_kept_when_its_messages_are_dropped(spool: Spool, clock: Clock) -> None:
    spool.put([step("a", 0)])
    clock.now += 101
    spool.put([message(1, size=20_000)])
    assert numbers(spool) == []
    assert spool.open_incidents() == [step("a", 0)]


def test_peek_goes_on_after_an_id_and_leaves_out_blocked_topics(spool: Spool) -> None:
    spool.put([message(0, "a"), message(1, "b"), message(2, "a"), message(3, "c")])
    first = spool.peek(0, 1)[0]
    assert [one.message.topic for one in spool.peek(first.id, 2)] == ["b", "a"]
    assert numbers(spool, blocked=("a", "c")) == [1]


def newest(spool: Spool, most: int = 100, **options: tuple[object, ...]) -> list[int]:
    stored = spool.peek_newest(most, **options)  # type: ignore[arg-type]
    return [int(one.message.payload.split(b":")[0]) for one in stored]


def test_the_newest_incident_comes_first_and_its_steps_in_their_order(spool: Spool) -> None:
    spool.put([step("a", 0), step("b", 1), message(2), step("a", 3), step("c", 4), step("b", 5, ends=True)])
    assert newest(spool) == [1, 5, 4, 0, 3, 2]
    assert newest(spool, 3) == [1, 5, 4]
    ids = [one.id for one in spool.peek(0, 10)]
    assert newest(spool, passed=(ids[1],)) == [5, 4, 0, 3, 2]
    assert newest(spool, blocked=("camera/b", "camera/c")) == [0, 3, 2]
    spool.bury(ids[4], "packet too large")
    assert newest(spool) == [1, 5, 0, 3, 2]


def test_more_may_be_passed_and_blocked_than_sqlite_takes_variables(spool: Spool) -> None:
    spool.put([step("a", 0), message(1)])
    if sys.version_info >= (3, 11):
        # SQLite's own default is 32766, and 250000 as Debian builds it.
        spool._database.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 100)
    many, topics = tuple(range(100, 1000)), tuple(f"camera/{number}" for number in range(1000))
    assert newest(spool, passed=many, blocked=topics) == [1, 0]
    assert newest(spool, passed=(1, *many), blocked=("t", *topics)) == []
    assert numbers(spool, blocked=topics) == [0, 1]


def test_a_spool_of_before_incidents_had_a_column_is_offered_newest_first_message_by_message(
    path: Path, clock: Clock, spool: Spool
) -> None:
    spool.close()
    with closing(sqlite3.connect(path)) as database:
        database.executescript("drop index step; alter table message drop column incident")
        database.execute(
            "insert into message (queued_at, bytes, topic, content_type, properties, payload)"
            " values (?, 1, 't', 'x', '[]', ?)",
            (NOW, b"7:"),
        )
        database.commit()
    with closing(Spool(path, SpoolLimits(10_000, 100), clock)) as again:
        again.put([step("a", 0), step("a", 1)])
        assert (numbers(again), newest(again)) == ([7, 0, 1], [0, 1, 7])


@given(
    puts=st.lists(st.integers(0, 3), max_size=30),
    most=st.integers(1, 7),
    taken=st.lists(st.integers(0, 6), max_size=20),
)
@settings(max_examples=25)
def test_no_step_overtakes_an_earlier_one_of_its_incident_whatever_is_put_and_taken(
    tmp_path_factory: pytest.TempPathFactory, puts: list[int], most: int, taken: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    with closing(Spool(folder / "spool.sqlite", SpoolLimits(100_000, 100), lambda: NOW)) as spool:
        seen: dict[str, list[int]] = {}
        waiting = [step(str(incident), number) for number, incident in enumerate(puts)]
        for take in [*taken, *[7] * 40]:
            spool.put(waiting[: take + 1])
            del waiting[: take + 1]
            offered = spool.peek_newest(most)
            # Acknowledged is some of it, from the first on.
            gone = offered[: take + 1]
            for one in gone:
                seen.setdefault(one.message.topic, []).append(int(one.message.payload.split(b":")[0]))
            spool.remove([one.id for one in gone])
        assert sum(map(len, seen.values())) == len(puts)
        assert all(steps == sorted(steps) for steps in seen.values())


def test_removed_and_buried_messages_are_not_offered(spool: Spool) -> None:
    spool.put([message(number) for number in range(4)])
    ids = [one.id for one in spool.peek(0, 4)]
    spool.remove(ids[1:2])
    spool.bury(ids[2], "packet too large")
    assert numbers(spool) == [0, 3]
    assert (spool.counts().waiting, spool.counts().refused) == (2, 1)


def test_oldest_are_dropped_and_counted_when_bytes_run_over(spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        spool.put([message(number, size=990) for number in range(12)])
    assert numbers(spool) == list(range(2, 12))
    assert spool.counts().dropped_by_size == 2
    assert spool.counts().bytes <= 10_000
    assert "2 message(s) dropped by size" in caplog.text


def test_old_are_dropped_and_counted_when_time_passes(spool: Spool, clock: Clock) -> None:
    spool.put([message(0)])
    clock.now += 60
    spool.put([message(1)])
    clock.now += 60
    spool.put([])
    assert numbers(spool) == [1]
    assert spool.counts().dropped_by_age == 1


@pytest.mark.parametrize("stamp", [0.0, EARLIEST_PLAUSIBLE_CLOCK - 1, NOW + 86_400 * 365])
def test_messages_do_not_age_when_stamped_by_a_clock_that_was_wrong(spool: Spool, clock: Clock, stamp: float) -> None:
    clock.now = stamp
    spool.put([message(0)])
    clock.now = NOW
    spool.put([])
    assert numbers(spool) == [0]


def test_losses_are_remembered_when_opened_again(path: Path, clock: Clock, spool: Spool) -> None:
    spool.put([message(number, size=6000) for number in range(2)])
    spool.close()
    again = Spool(path, SpoolLimits(10_000, 100), clock)
    assert again.counts().dropped_by_size == 1
    again.close()


def test_second_agent_is_refused_when_spool_is_in_use(path: Path, clock: Clock, spool: Spool) -> None:
    spool.put([message(0)])
    with pytest.raises(SpoolError, match="locked; needed: a writable directory that no other agent uses"):
        Spool(path, SpoolLimits(10_000, 100), clock)


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_damaged_file_is_set_aside_when_opened(
    path: Path, clock: Clock, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with caplog.at_level(logging.ERROR):
        spool = Spool(path, SpoolLimits(10_000, 100), clock)
    spool.put([message(0)])
    assert numbers(spool) == [0]
    spool.close()
    aside = path.with_name(f"spool.sqlite.damaged-{int(NOW)}")
    assert aside.read_bytes() == content
    assert aside.name in caplog.text


def spoil(path: Path, spool: Spool) -> None:
    """Leave nothing of an open spool's messages to be read."""
    spool._database.execute("pragma wal_checkpoint(truncate)")
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    spool._database.execute("pragma shrink_memory")


def test_damage_while_running_costs_the_backlog_and_no_more(path: Path, spool: Spool) -> None:
    spool.put([message(number, size=900) for number in range(10)])
    offered = spool.peek(0, 100)[-1].id
    spoil(path, spool)
    with pytest.raises(SpoolError):
        spool.counts()
    spool.put([message(7)])
    assert numbers(spool) == [7]
    # Whoever was offered the others asks for what comes after them.
    assert [stored.message.payload for stored in spool.peek(offered, 100)] == [message(7).payload]


def test_a_damaged_spool_is_begun_anew_once_the_disk_lets_it(path: Path, spool: Spool) -> None:
    spool.put([message(number, size=900) for number in range(10)])
    in_the_way = path.with_name(f"{path.name}.damaged-0")
    in_the_way.mkdir()
    spoil(path, spool)
    for _ in range(2):
        with pytest.raises(SpoolError, match="begun anew"):
            spool.put([message(7)])
    in_the_way.rmdir()
    with pytest.raises(SpoolError):
        spool.put([message(7)])
    spool.put([message(7)])
    assert numbers(spool) == [7]


def test_a_spool_begun_anew_is_taken_up_where_it_was_cut(path: Path, clock: Clock, spool: Spool) -> None:
    spool.put([message(3)])
    spool.close()
    path.replace(path.with_name(f"{path.name}.new"))
    again = Spool(path, SpoolLimits(10_000, 100), clock)
    assert numbers(again) == [3]
    again.close()


def test_error_says_what_is_needed_when_directory_cannot_be_made(clock: Clock) -> None:
    with pytest.raises(SpoolError, match="needed: a writable directory"):
        Spool(Path("/proc/spool/spool.sqlite"), SpoolLimits(10_000, 100), clock)


@given(batches=st.lists(st.lists(st.integers(1, 3000), max_size=5), max_size=8))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_kept_is_the_newest_that_fits_whatever_was_put(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]]
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(folder / "spool.sqlite", SpoolLimits(10_000, 100), lambda: NOW)
    put = 0
    for batch in batches:
        spool.put([message(put + offset, size=size) for offset, size in enumerate(batch)])
        put += len(batch)
    kept = numbers(spool)
    assert kept == list(range(put - len(kept), put))
    assert spool.counts().bytes <= 10_000
    assert spool.counts().dropped_by_size == put - len(kept)
    spool.close()
