"""How soon a dashboard hears of incidents when a whole fleet hangs on one broker, and how a fleet comes back to it.

So many devices as ``--devices`` says are simulated against a real Mosquitto on loopback, each with a session of its
own: last will, retained status and camera states, health now and then, and between them all ``--rate`` incidents a
second, each with its snapshot, at random devices and instants. A dashboard subscribes to everything, in this process
too, and the time is taken from the call that publishes to the dashboard's callback. Then the broker is killed and
started again ten seconds later, and devices come back as the agent does, after a wait of its backoff.
Usage: ``python -m benchmarks.fleet``.
"""

from __future__ import annotations

import argparse
import resource
import selectors
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import msgspec
import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from benchmarks.outcome import machine_line, run, tell, write_json
from benchmarks.process import cpu_s, memory_bytes
from benchmarks.site import SiteError, free_port, run_broker
from edge_agent.backoff import Backoff
from edge_agent.delivery.connection import properties_of
from edge_agent.delivery.message import Message
from edge_agent.delivery.payloads import BundleName, SpoolHealth
from edge_agent.delivery.presence import Presence, Process
from edge_agent.delivery.topics import ROOT, Topics
from edge_agent.delivery.writer import Writer
from edge_agent.events import CameraState, Health, IncidentEvent, Snapshot
from models.manifest import Thresholds
from runtimes.bench.table import table_lines

ALLOWED_MS = 250.0
_CAMERAS = 4
_HEALTH_EVERY_S = 30.0
_SNAPSHOT_BYTES = 40_000
_KEEPALIVE_S = 30
_SESSION_S = 3600
_OUTAGE_S = 10.0
_PATIENCE_S = 120.0
# By default Mosquitto keeps a thousand messages for a client and drops the rest: a fleet that joins at once has more.
_BROKER = "max_connections -1\nset_tcp_nodelay true\nmax_queued_messages 100000\n"
_BUNDLE = BundleName(name="violence", version="0.8.0")
_THRESHOLDS = Thresholds(wake=0.3, alert=0.87, clear=0.5)
_SPOOL = SpoolHealth(
    messages=0, bytes=0, refused=0, dropped_by_age=0, dropped_by_size=0, dropped_unwritten=0, blocked_topics=()
)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured. Latencies are from publish to the dashboard's callback, of incidents' steps alone;
    ``joined_s`` until all devices had their session and the dashboard their status, ``back_s`` from the broker's being
    there again, ten seconds after it was killed, until all had one. ``broker_core`` is the share of a core that the
    broker used while incidents came."""

    devices: int
    seconds: float
    incidents: int
    lost: int
    messages_a_second: float
    p50_ms: float
    p99_ms: float
    largest_ms: float
    joined_s: float
    back_s: float
    most_connects_a_second: int
    broker_core: float
    broker_mb: float


@dataclass(slots=True)
class Dashboard:
    """Subscribes to all and notes when each incident's step came, and whose status says online."""

    port: int
    came_s: dict[str, float] = field(default_factory=dict)
    online: set[str] = field(default_factory=set)
    messages: int = 0
    _client: mqtt.Client | None = None

    def open(self) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_message = self._take
        self._client.on_connect = lambda client, *_: client.subscribe(f"{ROOT}/#", qos=1)
        self._client.connect("127.0.0.1", self.port)
        self._client.loop_start()

    def close(self) -> None:
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()

    def _take(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        now_s = time.monotonic()
        self.messages += 1
        parts = message.topic.split("/")
        if parts[-1] == "incident":
            self.came_s.setdefault(msgspec.json.decode(message.payload)["id"], now_s)
        elif parts[-1] == "status":
            state = msgspec.json.decode(message.payload)["state"]
            (self.online.add if state == "online" else self.online.discard)(parts[3])


class Device:
    """One simulated device: no cameras and no judging; its messages are written by the agent's own hands."""

    def __init__(self, number: int, port: int, random: np.random.Generator) -> None:
        self.topics = Topics("fleet", f"device-{number}")
        self.health_due_s = time.monotonic() + random.uniform(0, _HEALTH_EVERY_S)
        self.backoff = Backoff(random.random)
        self.due_s = 0.0
        self.accepted = False
        self._port = port
        self._writer = Writer(self.topics, _BUNDLE)
        self._presence = Presence(self.topics, Process("simulated", self.topics.device, _now()), _BUNDLE, _now)
        self._presence.use_runtime("simulated")
        self._client = self._make()

    @property
    def client(self) -> mqtt.Client:
        return self._client

    def connect(self) -> None:
        """Ask for a session; what comes of it is seen later. Raises ``OSError`` where nobody listens."""
        self._client = self._make()
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = _SESSION_S
        self._client.connect("127.0.0.1", self._port, _KEEPALIVE_S, clean_start=False, properties=session)

    def announce(self) -> None:
        """Say that it is there and how its cameras are, as at the start of each session."""
        self._send(self._presence.message("online"))
        for camera in range(_CAMERAS):
            state = CameraState(f"camera-{camera}", connection="connected", mode="idle", score=0.02, at=_now())
            self._send(self._writer.camera_state(state))

    def tell_health(self) -> None:
        health = Health(
            at=_now(),
            samples_per_s=2.0,
            queue=0,
            latency_p50_ms=20.0,
            latency_p99_ms=60.0,
            dropped=0,
            rate_share=1.0,
            memory_bytes=200_000_000,
            temperature_c=51.0,
        )
        self._send(self._writer.health(health, _SPOOL))

    def tell_incident(self, jpeg: bytes) -> str:
        """An incident's first step and its picture; the step's id."""
        incident, now = str(uuid.uuid4()), _now()
        reference = f"{incident}-1"
        step = IncidentEvent(
            camera="camera-0",
            incident=incident,
            sequence=0,
            phase="started",
            at=now,
            started_at=now,
            ended_at=None,
            source_time_s=1.0,
            probability=0.91,
            peak=0.91,
            mean=0.91,
            snapshot=reference,
            thresholds=_THRESHOLDS,
        )
        self._send(self._writer.incident(step))
        self._send(self._writer.snapshot(Snapshot("camera-0", incident, reference, now, jpeg)))
        return f"{incident}:0"

    def _make(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"nexara-fleet-{self.topics.device}", protocol=mqtt.MQTTv5
        )
        will = self._presence.message("offline")
        properties = properties_of(will, PacketTypes.WILLMESSAGE)
        client.will_set(will.topic, will.payload, will.qos, will.retain, properties)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        return client

    def _on_connect(self, _client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _: object) -> None:
        self.accepted = not reason.is_failure
        if self.accepted:
            self.announce()

    def _on_disconnect(self, *_: object) -> None:
        self.accepted = False

    def _send(self, message: Message) -> None:
        properties = properties_of(message, PacketTypes.PUBLISH)
        self._client.publish(message.topic, message.payload, message.qos, message.retain, properties)


class Fleet:
    """All devices on one thread: their sockets are waited for together."""

    def __init__(self, count: int, port: int, random: np.random.Generator) -> None:
        self.devices = [Device(number, port, random) for number in range(count)]
        self.connects_s: list[float] = []
        self._sockets = selectors.DefaultSelector()
        self._watched: dict[int, Device] = {}

    @property
    def accepted(self) -> int:
        return sum(device.accepted for device in self.devices)

    def turn(self, wait_s: float) -> None:
        """Do what is due on every socket, waiting for the next at most ``wait_s``."""
        now_s = time.monotonic()
        for device in self.devices:
            if device.client.socket() is None and now_s >= device.due_s:
                self._connect(device)
        for key, _ in self._sockets.select(wait_s):
            device = self._watched[key.fd]
            if device.client.loop_read() != mqtt.MQTT_ERR_SUCCESS or device.client.socket() is None:
                self._lose(key.fd, device)
            elif device.client.want_write():
                device.client.loop_write()
        for device in self.devices:
            if device.accepted and now_s >= device.health_due_s:
                device.health_due_s = now_s + _HEALTH_EVERY_S
                device.tell_health()
                device.client.loop_misc()

    def _connect(self, device: Device) -> None:
        self.connects_s.append(time.monotonic())
        try:
            device.connect()
        except OSError:
            device.due_s = time.monotonic() + device.backoff.next_delay()
            return
        socket = device.client.socket()
        if socket is not None:
            self._watched[socket.fileno()] = device
            self._sockets.register(socket.fileno(), selectors.EVENT_READ)

    def _lose(self, descriptor: int, device: Device) -> None:
        self._sockets.unregister(descriptor)
        del self._watched[descriptor]
        device.accepted = False
        device.due_s = time.monotonic() + device.backoff.next_delay()


def main(argv: list[str]) -> int:
    """Have a fleet tell of incidents, and lose its broker."""
    arguments = _parser().parse_args(argv)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 20_000)), hard))
    seconds = 5.0 if arguments.quick else arguments.seconds
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), arguments.devices, arguments.rate, seconds, np.random.default_rng(1))
    tell(describe(result))
    write_json(arguments.json, result)
    return 0


def measure(folder: Path, devices: int, rate: float, seconds: float, random: np.random.Generator) -> Result:
    """Connect ``devices``, have ``rate`` incidents a second for ``seconds``, and kill the broker once."""
    port = free_port()
    with run_broker(folder, port, _BROKER) as broker:
        dashboard, fleet = Dashboard(port), Fleet(devices, port, random)
        dashboard.open()
        began_s = time.monotonic()
        _turn_until(fleet, lambda: len(dashboard.online) == devices, "all devices were online")
        joined_s = time.monotonic() - began_s
        told_s, messages, cores = _tell(fleet, dashboard, broker.pid, rate, seconds, random)
        memory_mb = memory_bytes(broker.pid) / 1e6
        latencies = np.array([dashboard.came_s[id_] - at for id_, at in told_s.items() if id_ in dashboard.came_s])
        broker.kill()
        broker.wait()
        end_s = time.monotonic() + _OUTAGE_S
        _turn_until(fleet, lambda: fleet.accepted == 0 and time.monotonic() > end_s, "all devices noticed")
    with run_broker(folder, port, _BROKER):
        again_s, before = time.monotonic(), len(fleet.connects_s)
        _turn_until(fleet, lambda: fleet.accepted == devices, "all devices were back")
        back_s = time.monotonic() - again_s
        dashboard.close()
    p50, p99 = np.percentile(latencies, [50, 99]) * 1000
    return Result(
        devices=devices,
        seconds=seconds,
        incidents=len(told_s),
        lost=len(told_s) - len(latencies),
        messages_a_second=messages / seconds,
        p50_ms=float(p50),
        p99_ms=float(p99),
        largest_ms=float(latencies.max() * 1000),
        joined_s=joined_s,
        back_s=back_s,
        most_connects_a_second=_most_in_a_second(fleet.connects_s[before:]),
        broker_core=cores / seconds,
        broker_mb=memory_mb,
    )


def _tell(
    fleet: Fleet, dashboard: Dashboard, pid: int, rate: float, seconds: float, random: np.random.Generator
) -> tuple[dict[str, float], int, float]:
    """When each incident was told, by its id; how many messages the dashboard had, and the broker's core seconds."""
    snapshot = b"\xff\xd8" + random.bytes(_SNAPSHOT_BYTES)
    told_s: dict[str, float] = {}
    messages, used_s, began_s = dashboard.messages, cpu_s(pid), time.monotonic()
    due_s = began_s
    while time.monotonic() < began_s + seconds:
        if time.monotonic() >= due_s:
            due_s += random.exponential(1 / rate)
            device = fleet.devices[random.integers(len(fleet.devices))]
            at_s = time.monotonic()
            told_s[device.tell_incident(snapshot)] = at_s
        fleet.turn(min(0.005, max(0.0, due_s - time.monotonic())))
    messages, used_s = dashboard.messages - messages, cpu_s(pid) - used_s
    end_s = time.monotonic() + 5.0
    while len(dashboard.came_s) < len(told_s) and time.monotonic() < end_s:
        fleet.turn(0.01)
    return told_s, messages, used_s


def describe(result: Result) -> Iterator[str]:
    """The lines that the benchmark prints."""
    yield machine_line()
    yield (
        f"{result.devices} devices on one Mosquitto for {result.seconds:.0f} s, {result.messages_a_second:.0f} messages"
        f" a second at the dashboard, {result.incidents} incidents, {result.lost} lost"
    )
    yield ""
    header = ("publish to dashboard, ms: p50", "p99", "most", "broker's core", "broker's MB")
    row = (f"{result.p50_ms:.1f}", f"{result.p99_ms:.1f}", f"{result.largest_ms:.1f}")
    yield from table_lines(header, [(*row, f"{result.broker_core:.1%}", f"{result.broker_mb:.0f}")])
    yield ""
    yield f"allowed at p99: {ALLOWED_MS:.0f} ms"
    yield f"all were online {result.joined_s:.1f} s after the first asked"
    yield (
        f"after an outage of {_OUTAGE_S:.0f} s all were back {result.back_s:.1f} s after the broker, with at most"
        f" {result.most_connects_a_second} attempts in a second"
    )


def _turn_until(fleet: Fleet, condition: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > end_s:
            raise SiteError(f"within {_PATIENCE_S:g} s it did not happen that {what}")
        fleet.turn(0.01)


def _most_in_a_second(instants_s: Sequence[float]) -> int:
    at = np.sort(np.array(instants_s))
    return int(max(np.searchsorted(at, at + 1.0) - np.arange(len(at)), default=0))


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=main.__doc__)
    parser.add_argument("--devices", type=int, default=1000, help="how many hang on the broker (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=1.0, help="incidents a second in all (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=120.0, help="for which they come (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="5 s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    return parser


if __name__ == "__main__":
    run(main)
