"""A spool whose bytes have changed on the disk."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from edge_agent.delivery.broker import Broker
from edge_agent.delivery.connection import Acknowledgement, open_connection
from edge_agent.delivery.courier import _Session
from edge_agent.delivery.errors import SpoolError
from edge_agent.delivery.message import Message
from edge_agent.delivery.spool import EARLIEST_PLAUSIBLE_CLOCK, Spool, SpoolLimits
from tests.edge_agent.delivery.conftest import OpenListener, OpenOutbox
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.edge_agent.delivery.samples import incident, make_outbox

LIMITS = SpoolLimits(10_000_000, 1000)
COUNT = 60


def now() -> float:
    return EARLIEST_PLAUSIBLE_CLOCK + 1_000_000


def message(number: int, topic: str = "t") -> Message:
    return Message(topic, f"{number}:".encode().ljust(700, b"."), "x", (("n", str(number)),), incident=f"i-{number}")


def left_by_a_kill(folder: Path, *, logged: bool) -> Path:
    """A spool as a killed process leaves it: all in the database, or half of it in the log alone."""
    with closing(Spool(folder / "made.sqlite", LIMITS, now)) as spool:
        spool.put([message(number) for number in range(COUNT // 2)])
        spool._database.execute("pragma wal_checkpoint(truncate)")
        spool.put([message(number) for number in range(COUNT // 2, COUNT)])
        if not logged:
            spool._database.execute("pragma wal_checkpoint(truncate)")
        for suffix in ("", "-wal"):
            shutil.copy(folder / f"made.sqlite{suffix}", folder / f"spool.sqlite{suffix}")
    return folder / "spool.sqlite"


def flip(path: Path, rng: random.Random, bytes_: int) -> None:
    """Change so many bytes anywhere in a file."""
    content = bytearray(path.read_bytes())
    for _ in range(bytes_):
        content[rng.randrange(len(content))] ^= rng.randrange(1, 256)
    path.write_bytes(content)


def spoil_page(content: bytearray, place: int) -> None:
    """Overwrite the page of a database that holds this place, so that nothing can be read from it."""
    page = place // 4096 * 4096
    content[page : page + 4096] = b"\xff" * 4096


def numbers(spool: Spool) -> list[int]:
    return [int(one.message.payload.split(b":")[0]) for one in spool.peek(0, 1000)]


@pytest.mark.parametrize("suffix", ["", "-wal"])
@pytest.mark.parametrize("seed", range(20))
def test_a_spool_with_flipped_bytes_opens_offers_nothing_false_and_takes_what_is_new(
    tmp_path: Path, seed: int, suffix: str
) -> None:
    path = left_by_a_kill(tmp_path, logged=bool(suffix))
    rng = random.Random(f"{seed}{suffix}")
    flip(path.with_name(path.name + suffix), rng, rng.choice([1, 3, 30, 300]))
    with closing(Spool(path, LIMITS, now)) as spool:
        put = peeked = False
        for _ in range(8):
            # Where it raises it says so, and has begun anew.
            with suppress(SpoolError):
                if not put:
                    spool.put([message(COUNT)])
                    put = True
                spool.counts()
                spool.open_incidents()
                spool.peek_newest(100)
                peeked = numbers(spool) is not None
        assert put
        assert peeked
        offered = spool.peek(0, 1000)
        # Whatever is offered is what was put, to the last byte.
        for one in offered:
            number = int(one.message.payload.split(b":")[0])
            expected = message(number)
            assert (one.message.topic, one.message.payload) == (expected.topic, expected.payload)
        assert numbers(spool)[-1:] == [COUNT]
        spool.remove([one.id for one in offered])
        assert spool.counts().waiting == 0


def test_most_of_a_damaged_spool_is_kept_with_losses_and_open_incidents(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = left_by_a_kill(tmp_path, logged=False)
    content = bytearray(path.read_bytes())
    spoil_page(content, content.index(b"30:...."))
    path.write_bytes(content)
    with closing(Spool(path, LIMITS, now)) as spool:
        for _ in range(3):
            with suppress(SpoolError):
                numbers(spool)
        assert "is damaged" in caplog.text
        kept = numbers(spool)
        assert COUNT - 8 <= len(kept) < COUNT
        assert kept == sorted(kept)
        assert kept[0] == 0
        assert kept[-1] == COUNT - 1
        spool.put([message(COUNT)])
        assert numbers(spool)[-1] == COUNT
    assert len(list(tmp_path.glob("spool.sqlite.damaged-*"))) == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("payload", b"0:changed"),
        ("payload", None),
        ("payload", 7),
        ("topic", "other"),
        ("topic", b"\xff\xfe"),
        ("topic", 3.5),
        ("properties", "[[1"),
        ("properties", "3"),
        ("properties", None),
        ("content_type", None),
        ("bytes", "many"),
        ("queued_at", "yesterday"),
        ("incident", 4),
    ],
)
def test_one_changed_message_holds_up_no_other(tmp_path: Path, column: str, value: object) -> None:
    path = tmp_path / "spool.sqlite"
    with closing(Spool(path, LIMITS, now)) as spool:
        spool.put([message(number) for number in range(3)])
    with closing(sqlite3.connect(path)) as database:
        # As damage does it, which knows no constraints.
        database.execute("pragma writable_schema = on")
        database.execute("update sqlite_master set sql = replace(sql, 'not null', '') where name = 'message'")
        database.commit()
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"update message set {column} = ? where id = 2", (value,))  # noqa: S608 of the table above
        database.commit()
    with closing(Spool(path, LIMITS, now)) as spool:
        harmless = column in {"bytes", "queued_at", "incident"}
        expected = [0, 1, 2] if harmless else [0, 2]
        assert numbers(spool) == expected
        assert sorted(int(one.message.payload.split(b":")[0]) for one in spool.peek_newest(10)) == expected
        assert (spool.counts().waiting, spool.counts().refused) == (len(expected), 3 - len(expected))
        spool.put([message(3)])
        assert numbers(spool) == [*expected, 3]


def test_a_topic_that_mqtt_does_not_know_holds_up_nothing(
    broker: Mosquitto, tmp_path: Path, listen: OpenListener, caplog: pytest.LogCaptureFixture, deliver: OpenOutbox
) -> None:
    spool = tmp_path / "spool" / "spool.sqlite"
    with closing(Spool(spool, LIMITS, time.time)) as made:
        made.put([Message("camera/+/incident", b"{}"), Message("", b"{}"), Message("a\0b", b"{}")])
        made.note_retained(["retained/#"])
    listener = listen(broker.port)
    outbox = deliver(broker.port)
    outbox.incident(incident())
    assert json.loads(listener.until_topic("/incident")[0].payload)["sequence"] == 0
    assert caplog.text.count("cannot be published") == 4
    assert outbox.healthy
    assert outbox.figures().spool.refused == 3


def test_an_agent_goes_on_when_its_spool_is_damaged_under_it(
    broker: Mosquitto, tmp_path: Path, listen: OpenListener, caplog: pytest.LogCaptureFixture
) -> None:
    listener = listen(broker.port)
    away = make_outbox(1, tmp_path)
    away.start()
    for sequence in range(40):
        away.incident(incident(sequence, clip="c" * 2000))
    away.close(flush_s=0)
    path = tmp_path / "spool" / "spool.sqlite"
    outbox = make_outbox(broker.port, tmp_path)
    content = bytearray(path.read_bytes())
    spoil_page(content, content.index(b'"sequence":20'))
    with path.open("r+b") as file:
        file.write(content)
    outbox.start()
    outbox.incident(incident(40, phase="ended", reason="calm"))
    heard = listener.until(lambda heard: any(b'"calm"' in one.payload for one in heard))
    came = [json.loads(one.payload)["sequence"] for one in heard if one.topic.endswith("/incident")]
    assert outbox.healthy
    assert "is damaged" in caplog.text
    assert {0, 38, 39} <= set(came)
    outbox.close()


@pytest.mark.parametrize("code", [0x00, 0x95], ids=["taken", "refused for good"])
def test_what_the_disk_does_not_take_of_one_answer_costs_no_other(
    code: int, broker: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = make_outbox(broker.port, tmp_path, drain="newest")
    spool, courier = outbox._spool, outbox._courier
    withdrawal = Message("homeassistant/device/old/config", b"", retain=True)
    spool.note_retained([withdrawal.topic])
    spool.put([message(0), message(1)])
    for event in ("delete on retained", "update on message"):
        name = event.split()[0]
        spool._database.execute(
            f"create trigger {name}_fails before {event} begin select raise(fail, 'database or disk is full'); end"
        )
    first, second = spool.peek(0, 2)
    with closing(open_connection(Broker("127.0.0.1", broker.port, "gate"))) as connection:
        session = _Session(connection, in_flight={1: withdrawal, 2: first, 3: second})
        courier._settle(session, [Acknowledgement(1, 0, ""), Acknowledgement(2, code, ""), Acknowledgement(3, 0, "")])
        assert session.in_flight == {}
        assert courier._waiting(session, 2) == []
    assert spool.retained() == [withdrawal.topic]
    assert spool.counts().waiting == (1 if code else 0)
    assert "disk is full" in caplog.text
    spool.close()
