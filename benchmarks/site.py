"""A whole site on loopback: a real broker, the agent as a process of its own, and what can be heard of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.top.reading import Reading, read_metrics
from models.errors import NexaraError

Found = TypeVar("Found")
_ROOT = Path(__file__).parents[1]
_PATIENCE_S = 60.0
_CONFIG = """\
site = "bench"
device = "box"
[bundle]
path = "{bundle}"
[mqtt]
host = "127.0.0.1"
port = {port}
[spool]
directory = "spool"
[health]
interval_s = 1
[metrics]
listen = "127.0.0.1:{metrics}"
"""


class SiteError(NexaraError):
    """The site could not be brought up."""


@dataclass(frozen=True, slots=True)
class SitePlan:
    """What the agent is to watch: addresses by camera, and further tables of its configuration as TOML."""

    bundle: Path
    cameras: Mapping[str, str]
    tables: str = ""

    def write(self, folder: Path, port: int, metrics: int) -> Path:
        """The configuration's file, for a broker at ``port`` and figures at ``metrics``."""
        text = _CONFIG.format(bundle=self.bundle.absolute(), port=port, metrics=metrics)
        cameras = "".join(f'[[camera]]\nid = "{id_}"\nsource = "{source}"\n' for id_, source in self.cameras.items())
        path = folder / "edge.toml"
        path.write_text(text + self.tables + cameras, encoding="utf-8")
        return path


@dataclass(frozen=True, slots=True)
class Heard:
    """One message of the agent, and when it came, by ``time.monotonic``."""

    topic: str
    payload: Any
    at_s: float


@dataclass(slots=True)
class Listener:
    """Everything that the agent published, in order."""

    heard: list[Heard] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, topic: str, payload: bytes, at_s: float) -> None:
        """Keep a message; pictures are kept as their size."""
        content = len(payload) if topic.endswith("/snapshot") else msgspec.json.decode(payload) if payload else None
        with self._changed:
            self.heard.append(Heard("/".join(topic.split("/")[4:]), content, at_s))
            self._changed.notify_all()

    def wait(self, find: Callable[[Sequence[Heard]], Found | None], what: str, seconds: float = _PATIENCE_S) -> Found:
        """What ``find`` finds in all that was heard, once that is something; raises ``SiteError`` after ``seconds``."""
        end_s = time.monotonic() + seconds
        with self._changed:
            while (found := find(self.heard)) is None:
                if not self._changed.wait(max(0.0, end_s - time.monotonic())):
                    raise SiteError(f"within {seconds:g} s it did not happen that {what}; see the agent's log")
            return found

    def health(self, since_s: float) -> list[Any]:
        """The health messages from ``since_s`` on."""
        return [one.payload for one in self.heard if one.topic == "health" and one.at_s >= since_s]


@dataclass(frozen=True, slots=True)
class Site:
    """A running site; ``pid`` is the agent's process."""

    pid: int
    listener: Listener
    started_s: float
    metrics: int

    def read_metrics(self) -> Reading:
        """What the agent has counted so far; raises ``TopError``."""
        return read_metrics(f"http://127.0.0.1:{self.metrics}/metrics", time.monotonic)

    def wait_until_connected(self, cameras: int) -> None:
        """Return once so many cameras are connected; raises ``SiteError``."""
        self.listener.wait(
            lambda heard: True if len(_connected(heard)) >= cameras else None, f"{cameras} cameras were connected"
        )


def name_cameras(addresses: Sequence[str], count: int) -> dict[str, str]:
    """``count`` cameras by name, which share the addresses in turn."""
    return {f"camera-{number}": addresses[number % len(addresses)] for number in range(count)}


def incident_starts(heard: Sequence[Heard], camera: str | None = None) -> list[float]:
    """When incidents of a camera, or of any, were told to have started, by ``time.monotonic``."""
    topic = "/incident" if camera is None else f"camera/{camera}/incident"
    return [one.at_s for one in heard if one.topic.endswith(topic) and one.payload["phase"] == "started"]


def first_scored(heard: Sequence[Heard]) -> Heard | None:
    """The first camera state with a probability in it."""
    return next((one for one in heard if one.topic.endswith("/state") and one.payload["score"] is not None), None)


def _connected(heard: Sequence[Heard]) -> set[str]:
    states = {one.topic: one.payload for one in heard if one.topic.endswith("/state")}
    return {topic for topic, state in states.items() if state["connection"] == "connected"}


@contextmanager
def run_site(plan: SitePlan, folder: Path) -> Iterator[Site]:
    """Start broker and agent, both in ``folder``; raises ``SiteError`` where that fails."""
    folder.mkdir(parents=True, exist_ok=True)
    port, metrics = free_port(), free_port()
    with run_broker(folder, port), _listen(port) as listener:
        config = plan.write(folder, port, metrics)
        command = [sys.executable, "-m", "edge_agent", "run", "--config", str(config)]
        started_s = time.monotonic()
        with (folder / "agent.log").open("wb") as log:
            # As its unit starts it.
            environment = {**os.environ, "MALLOC_ARENA_MAX": "2"}
            agent = subprocess.Popen(command, cwd=_ROOT, env=environment, stdout=log, stderr=log)
        try:
            yield Site(agent.pid, listener, started_s, metrics)
        finally:
            agent.terminate()
            try:
                agent.wait(20)
            except subprocess.TimeoutExpired:
                agent.kill()
                agent.wait()


@contextmanager
def run_broker(folder: Path, port: int, lines: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A real Mosquitto at ``port`` of loopback, with further ``lines`` of configuration; raises ``SiteError``."""
    binary = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if binary is None:
        raise SiteError("no mosquitto here; install the Debian package mosquitto")
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n{lines}", encoding="ascii")
    with (folder / "mosquitto.log").open("wb") as log:
        broker = subprocess.Popen([binary, "-c", str(config)], stdout=log, stderr=log)
    try:
        end_s = time.monotonic() + 10
        while not _answers(port):
            if time.monotonic() > end_s or broker.poll() is not None:
                raise SiteError(f"mosquitto does not answer; see {folder / 'mosquitto.log'}")
            time.sleep(0.02)
        yield broker
    finally:
        broker.terminate()
        broker.wait(10)


@contextmanager
def _listen(port: int) -> Iterator[Listener]:
    listener = Listener()
    ready = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda _client, _data, message: listener.take(
        message.topic, bytes(message.payload), time.monotonic()
    )
    client.connect("127.0.0.1", port)
    client.subscribe("nexara/v1/#", qos=1)
    client.loop_start()
    try:
        if not ready.wait(10):
            raise SiteError("the broker did not take the subscription within 10 s")
        yield listener
    finally:
        client.disconnect()
        client.loop_stop()


def free_port() -> int:
    """A port of loopback on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
