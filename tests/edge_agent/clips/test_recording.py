"""Clips of real films, read as an idle or an awake camera is read; incidents are told by hand."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent.clips.policy import ClipPolicy, KeepPolicy
from edge_agent.clips.recording import ClipOptions, Recording, recording
from edge_agent.delivery.payloads import BundleName
from edge_agent.events import IncidentEvent
from edge_agent.sources import PacketSink, SourceOptions, open_source
from edge_agent.sources.source import Need, needs_all
from edge_agent.sources.video import VideoReader
from tests.edge_agent.clips.test_film import FPS, H264, make_film
from tests.edge_agent.clips.viewing import find, view
from tests.edge_agent.delivery.listener import wait_for
from tests.edge_agent.delivery.samples import AT, health, incident, snapshot, state
from tests.edge_agent.films import write_film
from tests.edge_agent.test_agent import RecordingOutbox

POLICY = ClipPolicy(before_s=2.0, after_s=1.0, longest_s=60.0)
KEEP = KeepPolicy()
BUNDLE = BundleName(name="tiny", version="0.1.0")


@dataclass
class Clock:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Site:
    """A folder of clips and the recording that fills it, of the camera ``yard``."""

    folder: Path
    recorded: Recording
    outbox: RecordingOutbox
    clock: Clock

    @property
    def sink(self) -> PacketSink:
        return self.recorded.sinks["yard"]

    def tell(self, at_s: float, started_s: float, ended_s: float | None = None, name: str = "one") -> IncidentEvent:
        """A step of an incident, in seconds of the source's clock."""
        event = step(at_s, started_s, ended_s, name)
        self.recorded.outbox.incident(event)
        told = self.outbox.incidents[-1]
        assert replace(told, clip=None) == event
        return told

    def facts(self, event: IncidentEvent) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(self.path(event).with_suffix(".json").read_text())
        return facts

    def path(self, event: IncidentEvent) -> Path:
        assert event.clip is not None
        return self.folder / event.clip


def step(at_s: float, started_s: float, ended_s: float | None, name: str) -> IncidentEvent:
    started = at_s == started_s + 0.5 and ended_s is None
    return incident(
        0 if started else 1,
        phase="started" if started else "updated" if ended_s is None else "ended",
        incident=name,
        at=AT + timedelta(seconds=at_s),
        started_at=AT + timedelta(seconds=started_s),
        ended_at=None if ended_s is None else AT + timedelta(seconds=ended_s),
        source_time_s=at_s,
        reason=None if ended_s is None else "calm",
    )


@contextmanager
def site(folder: Path, policy: ClipPolicy = POLICY, keep: KeepPolicy = KEEP) -> Iterator[Site]:
    outbox, clock = RecordingOutbox(), Clock()
    with recording(ClipOptions(folder, BUNDLE, policy, keep), {"yard": ["yard"]}, outbox, clock=clock) as recorded:
        yield Site(folder, recorded, outbox, clock)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of H.264, a key picture each second."""
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=12, **H264, bf="0")


class Camera:
    """Reads a film as a camera is read; ``shown`` are the times of the pictures that were decoded."""

    def __init__(self, film: Path, sink: PacketSink, needed: Need = needs_all) -> None:
        self.shown: list[float] = []
        self.reader = VideoReader(str(film), SourceOptions(), time.monotonic, needed=needed, sink=sink)

    def read(self, until_s: float = 1e9) -> None:
        while picture := self.reader.read():
            self.shown.append(picture.time_s)
            if picture.time_s >= until_s - 1e-3:
                return

    def close(self) -> None:
        self.reader.close()


def in_a_glance(time_s: float, *, key: bool, spare_s: float) -> bool:  # noqa: ARG001 a Need takes it
    """Glances at 6 and at 8 s."""
    return 6 <= time_s < 6.3 or 8 <= time_s < 8.3 or (key and time_s == 0)


@pytest.mark.parametrize("between", ["0", "2"])
def test_clip_shows_what_an_idle_camera_never_decoded(tmp_path: Path, between: str) -> None:
    film = make_film(tmp_path / "film.mp4", seconds=12, **H264, bf=between)
    with site(tmp_path / "clips") as it:
        with closing(Camera(film, it.sink, in_a_glance)) as camera:
            camera.read(6.0)
            event = it.tell(6.0, 5.5)
            camera.read(8.0)
            ended = it.tell(8.0, 5.5, 7.0)
            camera.read()
        assert len(camera.shown) < 2 * FPS
        assert not any(1.0 < time_s < 5.9 for time_s in camera.shown)
    clip, whole = view(it.path(event)), view(film)
    assert clip.begins_with_key
    assert clip.times[0] == 0.0
    # From the key picture before 5.5 - 2 to what had come when the end was told, but for the very last, which may lack
    # one that it is shown after.
    assert find(replace(clip, lumas=clip.lumas[:-3]), whole) == 3 * FPS
    assert len(clip.lumas) == pytest.approx(5 * FPS, abs=3)
    assert ended.clip == event.clip == "yard/20260301T221412.750Z-one.mp4"
    facts = it.facts(event)
    assert facts["duration_s"] == pytest.approx(5.0, abs=0.3)
    assert (facts["begins_at"], facts["started_at"], facts["ended_at"], facts["cut"]) == (
        "2026-03-01T22:14:10.250Z",
        "2026-03-01T22:14:12.750Z",
        "2026-03-01T22:14:14.250Z",
        None,
    )
    assert facts["bundle"] == {"name": "tiny", "version": "0.1.0"}
    assert (facts["incident"], facts["camera"], facts["peak"], facts["reason"]) == ("one", "yard", 0.95, "calm")


def test_a_clip_names_the_bundle_that_raised_its_incident(tmp_path: Path, film: Path) -> None:
    with site(tmp_path) as it, closing(Camera(film, it.sink)) as camera:
        camera.read(4.0)
        event = it.tell(4.0, 3.5)
        it.recorded.use_bundle(BundleName(name="other", version="9.0.0"))
        camera.read(5.0)
        it.tell(5.0, 3.5, 4.5)
        camera.read()
    assert it.facts(event)["bundle"] == {"name": "tiny", "version": "0.1.0"}


def test_clip_goes_on_for_its_seconds_after_the_end(tmp_path: Path, film: Path) -> None:
    with site(tmp_path, ClipPolicy(1.0, 3.0, 60.0)) as it, closing(Camera(film, it.sink)) as camera:
        camera.read(4.0)
        event = it.tell(4.0, 3.5)
        camera.read(5.0)
        it.tell(5.0, 3.5, 4.5)
        camera.read(7.0)
        assert not it.path(event).exists()
        camera.read()
        wait_for(it.path(event).exists, "no clip")
    clip = view(it.path(event))
    assert find(clip, view(film)) == 2 * FPS
    assert len(clip.lumas) == pytest.approx((7.5 - 2.0) * FPS, abs=3)


def test_clip_of_a_long_incident_is_cut_and_says_so(tmp_path: Path, film: Path) -> None:
    with site(tmp_path, replace(POLICY, longest_s=4.0)) as it, closing(Camera(film, it.sink)) as camera:
        camera.read(4.0)
        event = it.tell(4.0, 3.5)
        camera.read()
        assert it.tell(12.0, 3.5, 11.0).clip == event.clip
    # From the key picture at 1 s to 1.5 + 4 s.
    assert len(view(it.path(event)).lumas) == pytest.approx(4.5 * FPS, abs=3)
    facts = it.facts(event)
    assert (facts["cut"], facts["ended_at"], facts["reason"]) == ("longest", None, None)


def test_clip_has_what_there_was_when_the_camera_gives_no_more(tmp_path: Path, film: Path) -> None:
    with site(tmp_path, replace(POLICY, after_s=30.0)) as it:
        with closing(Camera(film, it.sink)) as camera:
            camera.read(11.0)
            event = it.tell(11.0, 10.5)
            camera.read()
        it.tell(12.0, 10.5, 11.5)
        it.clock.now_s += 28.0
        time.sleep(1.2)
        assert not it.path(event).exists()
        it.clock.now_s += 10.0
        wait_for(it.path(event).exists, "no clip")
    assert it.facts(event)["cut"] == "stream"
    assert len(view(it.path(event)).lumas) == pytest.approx(4 * FPS, abs=3)


def test_clip_spans_a_connection_that_was_lost_and_came_back(tmp_path: Path, film: Path) -> None:
    with site(tmp_path) as it:
        with closing(Camera(film, it.sink)) as camera:
            camera.read(4.0)
            event = it.tell(4.0, 3.5)
            camera.read(6.0)
        it.clock.now_s += 3.0
        with closing(Camera(film, it.sink)) as camera:
            # The new stream's clock begins anew: its second 2 is the first one's 11, or later by what was read ahead.
            camera.read(2.0)
            it.tell(2.0, 3.5 - 9.0, 9.5 - 9.0)
            camera.read()
    clip = view(it.path(event))
    steps = [later - earlier for earlier, later in zip(clip.times, clip.times[1:], strict=False)]
    assert max(steps) == pytest.approx(3.0, abs=0.05)
    gap = steps.index(max(steps)) + 1
    whole = view(film)
    assert find(replace(clip, lumas=clip.lumas[:gap]), whole) == FPS
    assert find(replace(clip, lumas=clip.lumas[gap:]), whole) == 0
    assert it.facts(event)["cut"] is None


def test_clip_never_mixes_streams_of_two_forms(tmp_path: Path, film: Path) -> None:
    wide = write_film(tmp_path / "wide.mp4", [60] * 60, fps=FPS, size=(96, 160), codec="libx264", options=H264)
    with site(tmp_path / "clips") as it:
        with closing(Camera(film, it.sink)) as camera:
            camera.read(4.0)
            first = it.tell(4.0, 3.5, name="first")
            camera.read(5.0)
        with closing(Camera(wide, it.sink)) as camera:
            camera.read(1.0)
            second = it.tell(1.0, 0.5, name="second")
            camera.read()
        it.tell(1.0, 3.5 - 9.0, 1.0, name="first")
        it.tell(4.0, 0.5, 3.0, name="second")
    assert it.facts(first)["cut"] == "stream"
    assert find(view(it.path(first)), view(film)) == FPS
    assert {luma.shape for luma in view(it.path(second)).lumas} == {(96, 160)}
    assert find(view(it.path(second)), view(wide)) == 0


def test_packets_of_a_stream_that_was_replaced_have_no_effect(tmp_path: Path, film: Path) -> None:
    with site(tmp_path) as it, closing(Camera(film, it.sink)) as hung, closing(Camera(film, it.sink)) as camera:
        camera.read(4.0)
        hung.read(8.0)
        event = it.tell(4.0, 3.5)
        camera.read(5.0)
        hung.read()
        it.tell(5.0, 3.5, 4.5)
        camera.read()
    assert find(view(it.path(event)), view(film)) == FPS


def test_incidents_close_to_each_other_have_a_clip_each(tmp_path: Path, film: Path) -> None:
    with site(tmp_path, replace(POLICY, after_s=4.0)) as it, closing(Camera(film, it.sink)) as camera:
        camera.read(4.0)
        first = it.tell(4.0, 3.5, name="first")
        it.tell(4.5, 3.5, 4.5, name="first")
        camera.read(6.0)
        second = it.tell(6.0, 5.5, name="second")
        it.tell(6.5, 5.5, 6.5, name="second")
        camera.read()
    whole = view(film)
    assert [find(view(it.path(event)), whole) for event in (first, second)] == [FPS, 3 * FPS]
    assert [it.facts(event)["cut"] for event in (first, second)] == [None, None]


def test_no_camera_holds_more_than_a_few_clips_open(tmp_path: Path, film: Path) -> None:
    with site(tmp_path, replace(POLICY, after_s=60.0)) as it, closing(Camera(film, it.sink)) as camera:
        events = []
        for number in range(6):
            camera.read(number + 1.0)
            events.append(it.tell(number + 1.0, number + 0.5, name=str(number)))
            it.tell(number + 1.1, number + 0.5, number + 0.6, name=str(number))
    assert [it.facts(event)["cut"] for event in events] == ["crowded"] * 2 + ["stopped"] * 4


def test_incident_of_a_camera_without_a_stream_to_copy_names_no_clip(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scene = "scene:yard?seed=3&fight=none&duration=2&fps=10&size=160x96&people=1"
    with site(tmp_path) as it:
        options = SourceOptions(realtime=False)
        with closing(open_source(scene, options, time.monotonic, needs_all, it.sink)) as source:
            while source.read(threading.Event()):
                pass
        assert it.tell(1.0, 0.5).clip is None
        assert it.tell(2.0, 0.5, 1.5).clip is None
    assert "camera yard: no clip of incident one: no stream to copy" in caplog.text
    assert list(tmp_path.rglob("*.*")) == []


def test_oldest_clips_leave_and_leftovers_go_at_the_start(tmp_path: Path, film: Path) -> None:
    leftover = tmp_path / "yard" / "20260301T221412.750Z-gone.mp4.part"
    leftover.parent.mkdir()
    leftover.write_bytes(b"half a film")
    with site(tmp_path, keep=KeepPolicy(max_count=1)) as it, closing(Camera(film, it.sink)) as camera:
        for number in range(2):
            camera.read(number + 4.0)
            event = it.tell(number + 4.0, number + 3.5, name=str(number))
            it.tell(number + 4.5, number + 3.5, number + 4.0, name=str(number))
            camera.read(number + 5.5)
            wait_for(it.path(event).exists, "no clip")
    assert sorted(path.name for path in tmp_path.glob("yard/*")) == [
        "20260301T221411.750Z-1.json",
        "20260301T221411.750Z-1.mp4",
    ]


def test_folder_that_cannot_be_written_is_told_and_disturbs_nothing(
    tmp_path: Path, film: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "clips").write_text("no folder")
    with site(tmp_path / "clips") as it, closing(Camera(film, it.sink)) as camera:
        camera.read(4.0)
        it.tell(4.0, 3.5)
        it.tell(5.0, 3.5, 4.5)
        camera.read()
        assert camera.shown[-1] == pytest.approx(12 - 1 / FPS, abs=2e-3)
    assert "clips.directory must be a folder that the agent may write" in caplog.text
    assert "no clip of incident one: it could not be written" in caplog.text
    assert (tmp_path / "clips").read_text() == "no folder"


def test_disk_that_is_full_costs_its_clips_and_no_later_one(
    tiny_disk: Path, film: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with site(tiny_disk, ClipPolicy(0.0, 0.0, 0.2)) as it, closing(Camera(film, it.sink)) as camera:
        (tiny_disk / "else").write_bytes(bytes(60_000))
        camera.read(4.5)
        first = it.tell(4.5, 4.0, name="first")
        wait_for(lambda: "no clip of incident first" in caplog.text or "No space left" in caplog.text, "not told")
        (tiny_disk / "else").unlink()
        camera.read(6.5)
        second = it.tell(6.5, 6.0, name="second")
        camera.read()
    assert "No space left on device" in caplog.text
    assert not it.path(first).exists()
    assert len(view(it.path(second)).lumas) == 3
    assert list(tiny_disk.rglob("*.part")) == []


def test_everything_else_passes_through(tmp_path: Path) -> None:
    with site(tmp_path) as it:
        it.recorded.outbox.snapshot(snapshot())
        it.recorded.outbox.camera_state(state())
        it.recorded.outbox.health(health())
    assert (it.outbox.snapshots, it.outbox.states, it.outbox.healths) == ([snapshot()], [state()], [health()])


def test_nothing_is_recorded_when_nobody_asked() -> None:
    outbox = RecordingOutbox()
    with recording(None, {"yard": ["yard"]}, outbox) as recorded:
        assert recorded.outbox is outbox
        assert recorded.sinks == {}
