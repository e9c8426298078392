"""What a person reads: plain lines, and the live view drawn on a console of known size."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime, timezone

import numpy as np
import pytest
from rich.console import Console

from edge_agent.demo.lines import PlainLines
from edge_agent.demo.news import read_news
from edge_agent.demo.picture import Picture
from edge_agent.demo.site import make_site
from edge_agent.demo.stage import TOPICS
from edge_agent.demo.stopwatch import Stopwatch
from edge_agent.demo.view import LiveView, share_out
from edge_agent.observation import Observation
from models.manifest import Thresholds
from tests.edge_agent.demo.messages import arrived, camera_state, incident, status

THRESHOLDS = Thresholds(wake=0.3, alert=0.6, clear=0.4)
SEEN = Observation(
    camera="yard",
    at=datetime(2026, 1, 1, tzinfo=timezone.utc),
    connection="connected",
    mode="idle",
    score=0.12,
    samples_per_s=0.5,
    incidents=0,
    incident=None,
    reason=None,
    thumbnail=np.full((54, 96, 3), 128, np.uint8),
)


def stopwatch() -> Stopwatch:
    ticks = iter([0.0])
    return Stopwatch(lambda: next(ticks, 12.5))


def drawn(view: LiveView, console: Console) -> list[str]:
    with console.capture() as capture:
        console.print(view.draw())
    return capture.get().splitlines()


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (status(), "mqtt status: online, fights 1.2.3 on tflite-int8"),
        (status("stopping"), "mqtt status: stopping"),
        (camera_state("gate"), "mqtt camera/gate/state: connected, idle, score 0.12"),
        (incident("yard", 10.0), "mqtt camera/yard/incident: started, probability 0.91, threat high"),
        (arrived(TOPICS.snapshot("yard"), b"x" * 14_200), "mqtt camera/yard/snapshot: JPEG, 14 kB"),
    ],
)
def test_lines_tell_each_message_with_its_time(message: object, line: str) -> None:
    stream = io.StringIO()
    PlainLines(stream, stopwatch()).hear(read_news(TOPICS, message))  # type: ignore[arg-type]
    assert stream.getvalue() == f"  12.5 s  {line}\n"


def test_lines_leave_out_a_camera_report_when_it_brings_no_change() -> None:
    stream = io.StringIO()
    lines = PlainLines(stream, stopwatch())
    for message in (
        camera_state("gate", score=0.1),
        camera_state("gate", score=0.2),
        camera_state("hall"),
        camera_state("gate", mode="alert"),
        camera_state("gate", "stalled", mode="alert"),
    ):
        lines.hear(read_news(TOPICS, message))
    assert [line.split()[3] for line in stream.getvalue().splitlines()] == [
        "camera/gate/state:",
        "camera/hall/state:",
        "camera/gate/state:",
        "camera/gate/state:",
    ]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (160, 50), (240, 70), (60, 40)])
def test_view_fills_exactly_the_terminal_when_it_is_large_enough(width: int, height: int) -> None:
    console = Console(width=width, height=height, file=io.StringIO())
    view = LiveView(console, "demo", make_site(7), THRESHOLDS, stopwatch())
    for camera in make_site(7):
        view.watch(replace(SEEN, camera=camera.id))
    for _ in range(50):
        view.hear(read_news(TOPICS, camera_state("gate")))
    lines = drawn(view, console)
    assert len(lines) == height
    assert {len(line) for line in lines[1:]} == {width}


@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 50), (300, 60)])
def test_pictures_keep_their_shape_whatever_the_terminal(width: int, height: int) -> None:
    space = share_out(width, height)
    assert abs(space.columns - space.rows * 32 / 9) <= 1
    assert space.messages >= 5


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (SEEN, ["idle", "0.12", "0.5 samples/s", "connected"]),
        (replace(SEEN, mode="alert", score=0.45, samples_per_s=10.0), ["alert", "0.45", "10.0 samples/s"]),
        (replace(SEEN, mode="alert", score=0.97, incident="i1"), ["INCIDENT", "0.97"]),
        (replace(SEEN, score=None, thumbnail=None), ["no score yet"]),
        (replace(SEEN, connection="stalled", reason="no frame for 5 s"), ["no frame for 5 s"]),
    ],
)
def test_view_shows_how_a_camera_is_doing(seen: Observation, words: list[str]) -> None:
    console = Console(width=120, height=40, file=io.StringIO())
    view = LiveView(console, "demo", make_site(7), THRESHOLDS, stopwatch())
    view.watch(seen)
    text = "\n".join(drawn(view, console))
    assert [word for word in words if word not in text] == []


def test_view_shows_the_newest_messages_when_there_are_more_than_fit() -> None:
    console = Console(width=120, height=30, file=io.StringIO())
    view = LiveView(console, "demo", make_site(7), THRESHOLDS, stopwatch())
    for _ in range(100):
        view.hear(read_news(TOPICS, camera_state("gate")))
    view.hear(read_news(TOPICS, incident("yard", 10.0)))
    assert "camera/yard/incident" in drawn(view, console)[-2]


def test_picture_holds_the_colours_of_its_image() -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    image[:2] = (0, 0, 248)
    image[2:] = (248, 0, 0)
    console = Console(width=6, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    segments = [segment for segment in console.render(Picture(image, 6, 2)) if segment.text.strip()]
    assert len(segments) == 12
    colours = [str(segment.style).partition(" on ")[0] for segment in (segments[0], segments[-1])]
    assert colours == ["#f80000", "#0000f8"]
