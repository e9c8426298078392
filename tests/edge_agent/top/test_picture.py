"""What two readings of an agent's metrics say together."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from rich.console import Console

from edge_agent.top.errors import TopError
from edge_agent.top.picture import compare
from edge_agent.top.reading import Reading, read_metrics
from edge_agent.top.view import draw
from edge_agent.top.wording import plain

BOUNDS = ("0.01", "0.1", "+Inf")


def reading(at_s: float, judged: int, cpu_s: float, process_s: float, buckets: tuple[int, ...]) -> Reading:
    yard = {"camera": "yard"}
    samples: dict[str, list[tuple[Mapping[str, str], float]]] = {
        "nexara_build_info": [({"version": "0.1.0", "bundle": "tiny", "bundle_version": "0.2.0"}, 1)],
        "nexara_runtime_info": [({"runtime": "tflite-int8"}, 1)],
        "nexara_samples_judged_total": [(yard, judged)],
        "nexara_samples_dropped_total": [(yard, 3)],
        "nexara_camera_connection": [
            ({**yard, "connection": "failed"}, 0),
            ({**yard, "connection": "connected"}, 1),
        ],
        "nexara_camera_mode": [({**yard, "mode": "idle"}, 0), ({**yard, "mode": "alert"}, 1)],
        "nexara_probability": [(yard, 0.75)],
        "nexara_incidents_started_total": [(yard, 2)],
        "nexara_stage_cpu_seconds_total": [
            ({**yard, "stage": "decode"}, cpu_s),
            ({"camera": "", "stage": "encode"}, 2 * cpu_s),
            ({**yard, "stage": "wait"}, 0),
        ],
        "nexara_latency_seconds_bucket": [
            ({**yard, "le": bound}, count) for bound, count in zip(BOUNDS, buckets, strict=True)
        ],
        "process_cpu_seconds_total": [({}, process_s)],
        "process_start_time_seconds": [({}, 1000.0)],
    }
    return Reading(
        at_s, {name: {frozenset(labels.items()): value for labels, value in some} for name, some in samples.items()}
    )


def test_rates_shares_and_percentiles_are_of_the_time_between() -> None:
    picture = compare(reading(10, 100, 5, 20, (50, 100, 100)), reading(20, 150, 6, 24, (50, 150, 150)), 1060.0)
    (row,) = picture.cameras
    assert (row.connection, row.mode, row.score, row.dropped, row.incidents) == ("connected", "alert", 0.75, 3, 2)
    assert row.samples_per_s == 5
    # All fifty lie between 10 and 100 ms.
    assert row.p50_ms == pytest.approx(55)
    assert row.p99_ms == pytest.approx(99.1)
    assert [stage for stage, _ in picture.shares] == ["encode", "decode", "other"]
    assert [share for _, share in picture.shares] == pytest.approx([0.2, 0.1, 0.1])
    assert picture.cores == pytest.approx(0.4)
    assert picture.uptime_s == 60
    shown = plain(picture)
    assert "yard    connected   alert  0.75" in shown
    assert "40.0%: encode 20.0%, decode 10.0%, other 10.0%" in shown
    paper = io.StringIO()
    console = Console(width=100, file=paper)
    console.print(draw("title", picture, "a note"))
    drawn = paper.getvalue()
    assert "a note" in drawn
    assert "tflite-int8" in drawn


def test_percentiles_are_of_all_time_when_nothing_was_judged_since() -> None:
    now = reading(20, 100, 5, 20, (50, 100, 100))
    (row,) = compare(reading(10, 100, 5, 20, (50, 100, 100)), now, 1060.0).cameras
    assert row.p50_ms == pytest.approx(10)


def test_latency_beyond_the_last_bound_is_given_as_that_bound() -> None:
    (row,) = compare(reading(10, 0, 0, 0, (0, 0, 0)), reading(20, 10, 1, 4, (0, 0, 10)), 1060.0).cameras
    assert (row.p50_ms, row.p99_ms) == (100, 100)


def test_an_agent_that_was_started_anew_counts_from_nothing() -> None:
    (row,) = compare(reading(10, 100, 5, 20, (50, 100, 100)), reading(20, 30, 1, 4, (30, 30, 30)), 1060.0).cameras
    assert row.samples_per_s == 3


@pytest.mark.parametrize(
    ("body", "text"), [(b"hello\n", "gives no metrics"), (b"up 1\n", "not an agent's metrics"), (None, "answered 404")]
)
def test_reading_says_what_it_found_when_it_is_no_agent(body: bytes | None, text: str) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        with pytest.raises(TopError, match=text):
            read_metrics(f"http://127.0.0.1:{server.server_port}/metrics", time.monotonic)


def test_reading_says_so_when_what_answers_is_not_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            client, _ = server.accept()
            with client:
                client.recv(1000)
                client.sendall(b"SSH-2.0-no\r\n")

        threading.Thread(target=hang_up, daemon=True).start()
        with pytest.raises(TopError, match="is the agent running"):
            read_metrics(f"http://127.0.0.1:{server.getsockname()[1]}/metrics", time.monotonic)
