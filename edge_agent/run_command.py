"""``nexara-edge run``: watch the configured cameras until told to stop."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from edge_agent.agent import open_book, run_agent
from edge_agent.config import load_config
from edge_agent.config.plan import Plan
from edge_agent.delivery.opening import open_outbox
from edge_agent.notifier import Notifier
from edge_agent.reloading import Reloader, reload_on_hangup
from edge_agent.version import read_version
from edge_agent.vigil import Vigil

log = logging.getLogger(__name__)


def run(path: Path) -> None:
    """Run the agent that ``path`` describes until SIGTERM, or until Ctrl-C, which raises ``KeyboardInterrupt`` once
    everything has ended cleanly. SIGHUP has ``path`` read again.

    Raises ``NexaraError`` for what makes a start impossible: the configuration, the bundle, no engine, the spool. A
    camera or broker that is not there does not.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    plan = Plan(load_config(path), os.environ)
    bundle = plan.open_bundle()
    manifest = bundle.manifest
    cameras = plan.cameras(manifest)
    notifier = Notifier(os.environ)
    policies = open_book(cameras, manifest)
    reloader = Reloader(plan, manifest, policies, notifier)
    outbox = open_outbox(plan.delivery(read_version(), manifest))
    vigil = Vigil(notifier, lambda: outbox.healthy, time.monotonic)
    with _stop_on_signals() as stop, reload_on_hangup(reloader.reload):
        outbox.start()
        log.info("watching %d camera(s) with bundle %s %s", len(policies.pages), manifest.name, manifest.version)
        try:
            run_agent(
                cameras,
                bundle,
                outbox,
                stop=stop,
                options=plan.options(),
                policies=policies,
                on_runtime=outbox.use_runtime,
                observe=vigil.observe,
            )
        finally:
            notifier.stopping()
            outbox.close()


@contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; an interrupt is raised again at the end."""
    stop = threading.Event()
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        stop.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if signal.SIGINT in received:
        raise KeyboardInterrupt
