"""What the log's lines look like, and what they never hold."""

from __future__ import annotations

import json
import logging
import threading
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest

from edge_agent.backoff import BackoffPolicy
from edge_agent.logs import JsonLines, TextLines
from edge_agent.reader import Reader
from edge_agent.sample import SampleMaker
from edge_agent.sampling import SamplingPolicy
from edge_agent.sources import SourceOptions
from edge_agent.sources.source import Source
from tests.tiny_bundle import GEOMETRY, PREPROCESSING

ADDRESS = "rtsp://viewer:s3cret%2F@10.0.0.7/stream"


class Kept(logging.Handler):
    """Keeps lines as they would be written."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture(params=[JsonLines, TextLines])
def kept(request: pytest.FixtureRequest) -> Any:
    handler = Kept(request.param())
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def fail_to_open(*_needed: object) -> Source:
    raise RuntimeError(f"FFmpeg says of {ADDRESS}\nwhat nobody foresaw")


def test_credentials_are_in_no_line_when_a_library_names_the_address_it_was_given(kept: Kept) -> None:
    broken = threading.Event()
    maker = SampleMaker("yard", SamplingPolicy(), GEOMETRY, PREPROCESSING)
    retry, random = BackoffPolicy(first_s=60.0, most_s=60.0), np.random.default_rng(0)
    reader = Reader(
        "yard", fail_to_open, maker, lambda _: broken.set(), options=SourceOptions(), retry=retry, clock=lambda: 0.0,
        random=random,
    )  # fmt: skip
    reader.start()
    while reader.link.connection != "failed":
        broken.wait(0.01)
    reader.halt()
    reader.join(20)
    told = "\n".join(kept.lines)
    assert "s3cret" not in told
    assert "viewer" not in told
    assert "rtsp://***@10.0.0.7/stream" in told


def record(message: str, **changes: Any) -> logging.LogRecord:
    made = logging.LogRecord("edge_agent.watch", logging.WARNING, __file__, 1, message, (), None)
    vars(made).update(changes)
    return made


def test_a_line_is_one_object_with_its_time_in_utc() -> None:
    at = datetime(2026, 3, 1, 22, 14, 7, 250_000, tzinfo=timezone.utc).timestamp()
    line = JsonLines().format(record('two\nlines of "text"', created=at, threadName="camera back yard"))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-03-01T22:14:07.250Z",
        "level": "warning",
        "logger": "edge_agent.watch",
        "message": 'two\nlines of "text"',
        "camera": "back yard",
    }


def test_a_camera_that_is_named_comes_before_the_threads() -> None:
    line = json.loads(JsonLines().format(record("text", camera="door", threadName="MainThread")))
    assert line["camera"] == "door"


def test_a_line_stays_whole_in_the_journal_when_an_exception_is_endless() -> None:
    failure = ValueError("\n" * 100_000 + "the end")
    line = JsonLines().format(record("x" * 100_000, exc_info=(ValueError, failure, None)))
    assert len(line.encode()) < 48_000
    assert json.loads(line)["exception"].endswith("the end")
