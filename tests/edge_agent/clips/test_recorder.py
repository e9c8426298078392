from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import av
import pytest

from edge_agent.clips.footage import Finished, Footage, FootageQueue
from edge_agent.clips.policy import ClipPolicy
from edge_agent.clips.recorder import CameraRecorder
from tests.edge_agent.clips.test_film import H264, make_film
from tests.edge_agent.clips.test_recording import BUNDLE, Camera, Clock, step


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return make_film(tmp_path / "film.mp4", seconds=8, **H264, bf="0")


def drain(queue: FootageQueue) -> tuple[list[float], list[Finished]]:
    """The times of the pictures that wait, and what is finished."""
    times, finished = [], []
    while job := queue.take(0):
        if isinstance(job, Footage):
            times += [picture.time_s for picture in job.pictures]
        else:
            finished.append(job)
    return times, finished


def test_clip_ends_where_the_disk_could_not_keep_up(film: Path) -> None:
    queue = FootageQueue(film.stat().st_size // 2)
    recorder = CameraRecorder("yard", ClipPolicy(1.0, 1.0, 60.0), BUNDLE, queue, Clock())
    with closing(Camera(film, recorder)) as camera:
        camera.read(2.0)
        recorder.begin(step(2.0, 1.5, None, "one"))
        camera.read()
    recorder.follow(step(8.0, 1.5, 7.0, "one"))
    times, finished = drain(queue)
    assert [one.facts.cut for one in finished] == ["disk"]
    assert times[0] == 0.0
    assert times[-1] == pytest.approx(finished[0].facts.duration_s, abs=1e-3)
    assert times[-1] < 6


def test_incident_of_a_stream_that_was_replaced_meanwhile_begins_no_later_than_now(film: Path) -> None:
    queue = FootageQueue(10**8)
    recorder = CameraRecorder("yard", ClipPolicy(1.0, 1.0, 60.0), BUNDLE, queue, Clock())
    with closing(Camera(film, recorder)) as camera:
        camera.read(2.0)
        # Its source's clock had gone on for a day.
        late = step(86_400.0, 86_399.5, None, "one")
        assert recorder.begin(late) is not None
        camera.read(4.0)
        recorder.follow(replace(step(86_402.0, 86_399.5, 86_400.5, "one"), started_at=late.started_at))
    times, finished = drain(queue)
    assert (times[0], [one.facts.cut for one in finished]) == (0.0, [None])
    assert 2.4 < times[-1] <= 4.2


def test_key_picture_long_before_the_incident_takes_nothing_from_what_is_seen_of_it(tmp_path: Path) -> None:
    rare = {"g": "1000", "keyint_min": "1000", "sc_threshold": "0", "bf": "0"}
    film = make_film(tmp_path / "rare.mp4", seconds=8, **rare)
    queue = FootageQueue(10**8)
    recorder = CameraRecorder("yard", ClipPolicy(1.0, 1.0, 2.0), BUNDLE, queue, Clock())
    with closing(Camera(film, recorder)) as camera:
        camera.read(5.0)
        recorder.begin(step(5.0, 4.5, None, "one"))
        camera.read()
    times, finished = drain(queue)
    assert (times[0], [one.facts.cut for one in finished]) == (0.0, ["longest"])
    assert times[-1] == pytest.approx(4.5 - 1.0 + 2.0, abs=0.1)


def test_clip_goes_on_with_a_key_picture_when_a_new_connection_begins_between_two(film: Path, tmp_path: Path) -> None:
    queue, clock = FootageQueue(10**8), Clock()
    recorder = CameraRecorder("yard", ClipPolicy(1.0, 1.0, 60.0), BUNDLE, queue, clock)
    with closing(Camera(copy_from(film, tmp_path / "whole.ts", 0), recorder)) as camera:
        camera.read(2.0)
        recorder.begin(step(2.0, 1.5, None, "one"))
        camera.read()
    clock.now_s += 1.0
    with closing(Camera(copy_from(film, tmp_path / "late.ts", 20), recorder)) as camera:
        camera.read()
    recorder.close()
    pictures = [picture for job in iter(lambda: queue.take(0), None) for picture in getattr(job, "pictures", ())]
    gap = next(index for index, one in enumerate(pictures) if index and one.time_s - pictures[index - 1].time_s > 0.5)
    assert pictures[gap].is_key
    # A second passed, and ten pictures more until the next key picture.
    assert pictures[gap].time_s - pictures[gap - 1].time_s == pytest.approx(1 + 10 / 15, abs=0.1)
    assert len(pictures) - gap == 8 * 15 - 30


def copy_from(film: Path, path: Path, first: int) -> Path:
    """The film from its packet ``first`` on, as a stream that is joined at any time."""
    with av.open(str(film)) as source, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for index, packet in enumerate(source.demux(source.streams.video[0])):
            if index >= first and packet.size:
                packet.stream = stream
                container.mux(packet)
    return path
