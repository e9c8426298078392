from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.clips.facts import ClipFacts
from edge_agent.clips.footage import Finished, Footage, FootageQueue
from edge_agent.clips.picture import EncodedPicture
from edge_agent.delivery.payloads import BundleName
from tests.edge_agent.clips.test_film import make_film, read_packets

FACTS = ClipFacts(
    incident="one",
    camera="yard",
    started_at="2026-03-01T22:14:07.250Z",
    ended_at=None,
    reason=None,
    begins_at="2026-03-01T22:14:02.250Z",
    duration_s=10.0,
    codec="h264",
    peak=0.9,
    mean=0.8,
    bundle=BundleName(name="tiny", version="0.1.0"),
    cut=None,
)


@pytest.fixture
def footage(tmp_path: Path) -> Footage:
    """A picture of 1000 bytes."""
    form, _ = read_packets(make_film(tmp_path / "a.mp4", seconds=1))
    return Footage("yard/a.mp4", form, [EncodedPicture(bytes(1000), 0.0, 0, 0, 1, is_key=True)])


def test_queue_takes_no_more_than_its_cap_and_always_that_a_clip_is_finished(footage: Footage) -> None:
    queue = FootageQueue(3 * footage.size)
    assert [queue.put(footage) for _ in range(5)] == [True, True, True, False, False]
    finished = Finished("yard/a.mp4", FACTS)
    queue.finish(finished)
    assert [queue.take(0) for _ in range(3)] == [footage] * 3
    assert queue.put(footage)
    assert [queue.take(0) for _ in range(3)] == [finished, footage, None]


def test_closed_queue_gives_what_it_holds_and_waits_no_more(footage: Footage) -> None:
    queue = FootageQueue(10 * footage.size)
    queue.put(footage)
    queue.close()
    assert queue.take(60) == footage
    assert queue.take(60) is None
