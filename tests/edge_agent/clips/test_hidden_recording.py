"""Clips of cameras that hide something, from incident to file: by a thread and a queue of their own."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.clips.footage import Footage, FootageQueue
from edge_agent.clips.policy import KeepPolicy
from edge_agent.clips.recording import ClipOptions, recording
from edge_agent.clips.redacted_film import RedactedFilm
from edge_agent.clips.redaction import Redaction
from edge_agent.clips.shelf import Shelf
from edge_agent.clips.writer import MOST_ENCODED, ClipWriter
from edge_agent.cover import Cover
from edge_agent.events import IncidentEvent
from tests.edge_agent.clips.test_film import H264, read_packets
from tests.edge_agent.clips.test_recording import BUNDLE, POLICY, Camera, Clock, Site, step
from tests.edge_agent.clips.test_redacted_film import BLACK, LEFT, decode, make_film, of_all
from tests.edge_agent.clips.viewing import find, view
from tests.edge_agent.delivery.listener import wait_for
from tests.edge_agent.privacy.finding import FixedFinder
from tests.edge_agent.test_agent import RecordingOutbox

MASKED = of_all(Cover(masks=(LEFT,)))


@contextmanager
def two_cameras(folder: Path, redaction: Redaction) -> Iterator[Site]:
    """``yard`` hides something, ``gate`` does not."""
    outbox, clock = RecordingOutbox(), Clock()
    views = {"yard": ["yard"], "gate": ["gate"]}
    with recording(ClipOptions(folder, BUNDLE, POLICY), views, outbox, {"yard": redaction}, clock=clock) as recorded:
        yield Site(folder, recorded, outbox, clock)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=10, **H264, bf="0")


def follow(camera: Camera, site: Site) -> IncidentEvent:
    """Read all of the camera's film, with an incident from 4 to 6 s; its last step."""
    camera.read(until_s=5)
    site.tell(4.5, 4.0)
    camera.read(until_s=6.6)
    ended = site.tell(6.5, 4.0, 6.0)
    camera.read()
    return ended


def test_clip_hides_what_it_must_and_says_so(film: Path, tmp_path: Path) -> None:
    redaction = of_all(Cover(masks=(LEFT,), heads=FixedFinder((0.75, 0.0, 1.0, 0.25))))
    with two_cameras(tmp_path, redaction) as site:
        ended = follow(Camera(film, site.sink), site)
        clip = site.path(ended)
        wait_for(clip.exists, "no clip", 30)
        facts = site.facts(ended)
    assert (facts["codec"], facts["encoded"], facts["hidden"]) == ("h264", True, ["masks", "faces"])
    assert (facts["cut"], facts["duration_s"]) == (None, pytest.approx(5, abs=0.1))
    times, pictures = decode(clip)
    assert times[-1] == pytest.approx(facts["duration_s"], abs=0.01)
    assert max(picture[:, :128].max() for picture in pictures) <= BLACK
    assert max(one[4:12, 196:204].mean(axis=2).std() for one in pictures) < 6
    assert not list(tmp_path.glob("*/*.part"))


def test_nothing_on_disk_ever_shows_what_is_hidden(film: Path, tmp_path: Path) -> None:
    with two_cameras(tmp_path, MASKED) as site:
        camera = Camera(film, site.sink)
        camera.read(until_s=5)
        event = site.tell(4.5, 4.0)
        wait_for(lambda: list(tmp_path.glob("yard/*")), "nothing is being written", 30)
        camera.read()
        site.tell(7.0, 4.0, 6.0)
        wait_for(site.path(event).exists, "no clip", 30)
    packets = [picture.data for picture in read_packets(film)[1]]
    written = site.path(event).read_bytes()
    assert not any(data[-64:] in written for data in packets)


def test_camera_without_masks_is_still_copied_beside_one_that_has_them(film: Path, tmp_path: Path) -> None:
    with two_cameras(tmp_path, MASKED) as site:
        camera = Camera(film, site.recorded.sinks["gate"])
        camera.read(until_s=5)
        site.recorded.outbox.incident(replace(step(4.5, 4.0, None, "one"), camera="gate"))
        camera.read()
        site.recorded.outbox.incident(replace(step(7.0, 4.0, 6.0, "one"), camera="gate"))
        told = site.outbox.incidents[-1]
        wait_for(site.path(told).exists, "no clip", 30)
    assert find(view(site.path(told)), view(film)) == 30
    assert site.facts(told)["encoded"] is False


def test_footage_that_hides_something_is_bounded_too(film: Path) -> None:
    form, pictures = read_packets(film)
    footage = Footage("yard/a.mp4", form, pictures, MASKED)
    queue = FootageQueue(footage.size)
    assert queue.put(footage)
    assert not queue.put(footage)


def test_films_in_the_making_are_few(film: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each takes memory for its codecs: one too many is given up, and the others go on."""
    caplog.set_level(logging.ERROR)
    form, pictures = read_packets(film)
    queue = FootageQueue(10**8)
    writer = ClipWriter(queue, Shelf(tmp_path, KeepPolicy()), (), time.monotonic, time.time, yields=5)
    writer.start()
    for number in range(MOST_ENCODED + 1):
        name = f"20260301T22140{number}.900Z-{number}"
        assert queue.put(Footage(f"yard/{name}.mp4", form, pictures[:15], MASKED))
    wait_for(lambda: "not made" in caplog.text, "nothing was refused", 30)
    films = [one for one in writer._films.values() if isinstance(one, RedactedFilm)]
    assert len(films) == MOST_ENCODED
    writer.end()
    writer.join()
    assert f"{MOST_ENCODED} clips are being encoded" in caplog.text


def test_searching_stands_back_for_what_judges(film: Path, tmp_path: Path) -> None:
    """The thread that encodes has a lower priority than the one that called it."""
    seen: list[tuple[str, int]] = []

    class Looking(FixedFinder):
        def find(self, picture: NDArray[np.uint8], *, closely: bool) -> NDArray[np.float32]:
            nice = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            seen.append((threading.current_thread().name, nice))
            return super().find(picture, closely=closely)

    with two_cameras(tmp_path, of_all(Cover(heads=Looking()))) as site:
        ended = follow(Camera(film, site.sink), site)
        wait_for(site.path(ended).exists, "no clip", 30)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert {name for name, _ in seen} == {"clips"}
    assert all(nice == min(19, max(own, 10)) for _, nice in seen)
