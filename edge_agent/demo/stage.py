"""The demo's device and its surroundings: a broker, a separate subscriber, and the real agent on drawn cameras."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from edge_agent.agent import run_agent
from edge_agent.agent_options import AgentOptions
from edge_agent.camera_spec import CameraSpec
from edge_agent.delivery.broker import Broker
from edge_agent.delivery.opening import Delivery, open_outbox
from edge_agent.delivery.outbox import MqttOutbox
from edge_agent.delivery.payloads import BundleName
from edge_agent.delivery.spool import SpoolLimits
from edge_agent.delivery.topics import Topics
from edge_agent.demo.broker import Address, embedded_broker
from edge_agent.demo.site import DemoCamera
from edge_agent.demo.stopwatch import Stopwatch
from edge_agent.demo.subscriber import Message, subscribe
from edge_agent.observation import Observation

if TYPE_CHECKING:
    from models.bundle import Bundle

TOPICS = Topics(site="demo", device="terminal")
STOP_LIMIT_S = 3.0
_FLUSH_S = 0.5
_SPOOL_BYTES = 64 * 2**20
_SPOOL_AGE_S = 3600.0


@dataclass(slots=True)
class Stage:
    """What is going on while the stage is open; queues are filled from other threads."""

    broker: Address
    messages: queue.SimpleQueue[Message]
    observations: queue.SimpleQueue[Observation] = field(default_factory=queue.SimpleQueue)
    failure: BaseException | None = None

    def check(self) -> None:
        """Raise what ended the agent, if it ended."""
        if self.failure is not None:
            raise self.failure


@contextmanager
def open_stage(
    bundle: Bundle, cameras: Sequence[DemoCamera], options: AgentOptions, version: str, stopwatch: Stopwatch
) -> Iterator[Stage]:
    """Start everything, and on leaving end everything in the reverse order, within about ``STOP_LIMIT_S``.

    Raises ``DemoError`` when broker or subscriber do not start, ``SpoolError`` when there is no temporary disk space.
    """
    with ExitStack() as stack:
        address = stack.enter_context(embedded_broker())
        messages = stack.enter_context(subscribe(address, f"{TOPICS.root}/#", stopwatch.elapsed))
        spool = Path(stack.enter_context(TemporaryDirectory(prefix="nexara-demo-")))
        delivery = _delivery(bundle, address, spool, version)
        outbox = open_outbox(delivery)
        outbox.start()
        stack.callback(outbox.close, _FLUSH_S)
        stage = Stage(address, messages)
        stack.enter_context(_agent(stage, bundle, cameras, outbox, options))
        yield stage


@contextmanager
def _agent(
    stage: Stage, bundle: Bundle, cameras: Sequence[DemoCamera], outbox: MqttOutbox, options: AgentOptions
) -> Iterator[None]:
    stop = threading.Event()

    def work() -> None:
        try:
            specs = [CameraSpec(camera.id, camera.source) for camera in cameras]
            run_agent(
                specs,
                bundle,
                outbox,
                stop=stop,
                options=options,
                on_runtime=outbox.use_runtime,
                observe=stage.observations.put,
            )
        except BaseException as error:  # noqa: BLE001 - raised again where the demo can tell of it
            stage.failure = error

    thread = threading.Thread(target=work, name="demo-agent", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(STOP_LIMIT_S)


def _delivery(bundle: Bundle, address: Address, spool: Path, version: str) -> Delivery:
    return Delivery(
        topics=TOPICS,
        # The embedded broker knows no MQTT 5.
        broker=Broker(address.host, address.port, "nexara-demo", protocol="3.1.1"),
        spool_directory=spool,
        spool_limits=SpoolLimits(max_bytes=_SPOOL_BYTES, max_age_s=_SPOOL_AGE_S),
        version=version,
        bundle=BundleName(name=bundle.manifest.name, version=bundle.manifest.version),
    )
