"""The demo as plain lines, for logs, pipes and continuous integration."""

from __future__ import annotations

from typing import TextIO

from edge_agent.delivery.payloads import CameraState
from edge_agent.demo.news import News
from edge_agent.demo.stopwatch import Stopwatch
from edge_agent.demo.wording import summary
from edge_agent.observation import Observation


class PlainLines:
    """Writes a line for what is new; a camera's regular reports that bring no change are left out."""

    def __init__(self, stream: TextIO, stopwatch: Stopwatch) -> None:
        self._stream = stream
        self._stopwatch = stopwatch
        self._states: dict[str, tuple[str, str]] = {}

    def announce(self, text: str) -> None:
        self._write(text)

    def watch(self, observation: Observation) -> None:
        """Nothing: what matters of it arrives over MQTT as well."""

    def hear(self, news: News) -> None:
        match news.content:
            case CameraState(camera=camera, connection=connection, mode=mode):
                if self._states.get(camera) == (connection, mode):
                    return
                self._states[camera] = (connection, mode)
        self._write(f"mqtt {news.topic}: {summary(news)}")

    def refresh(self) -> None:
        """Nothing: each line is out as soon as it is written."""

    def _write(self, text: str) -> None:
        self._stream.write(f"{self._stopwatch.elapsed():6.1f} s  {text}\n")
        self._stream.flush()
