"""Updates of a running agent: what hears of desired bundles, and the thread that pursues them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone

import numpy as np

from edge_agent.bundles.bulletin import Bulletin
from edge_agent.bundles.desire_box import DesireBox
from edge_agent.bundles.desire_gate import DesireGate
from edge_agent.bundles.installing import Installer, plan_installer
from edge_agent.bundles.pursuit import Pursuit
from edge_agent.bundles.switch import Switch
from edge_agent.config.plan import Plan
from edge_agent.delivery.broker import Broker, Protocol
from edge_agent.delivery.message import Message
from edge_agent.delivery.request import Subscription
from edge_agent.sitting import Alone

log = logging.getLogger(__name__)

# What it has in hand hears of the end with the next piece that is fetched; engines that open do not.
_END_S = 5.0


class UpdateRoom:
    """What updates need before there is a session."""

    def __init__(
        self,
        plan: Plan,
        installer: Installer,
        *,
        clock: Callable[[], float] = time.monotonic,
        utc: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        """``clock`` is monotonic seconds. Raises ``SecretError``."""
        self._plan = plan
        self._installer = installer
        commands = plan.commands()
        self._gate = DesireGate({} if commands is None else commands.operators)
        self._clock = clock
        self._utc = utc
        self._box = DesireBox()

    def subscription(self, broker: Broker) -> Subscription | None:
        """What to hear at a broker; none where that is not asked for, or where it speaks no MQTT 5, which is told."""
        if not self._wants_to_hear:
            return None
        if not _can_hear(broker.protocol):
            log.warning("no desired bundle is heard of: that needs MQTT 5, and %s is spoken to as %s", broker.address,
                        broker.protocol)  # fmt: skip
            return None
        return Subscription(self._plan.topics().desired_bundle, self._box.put, self._box.begin)

    @property
    def listens(self) -> bool:
        """Whether the device hears on MQTT what is desired of it."""
        return self._wants_to_hear and _can_hear(self._plan.config.settings.mqtt.protocol)

    @property
    def installer(self) -> Installer:
        """What puts bundles on trial."""
        return self._installer

    def nudge(self) -> None:
        """Have the record looked at soon."""
        self._box.nudge()

    @contextmanager
    def serving(self, switch: Switch, post: Callable[[Message], None]) -> Iterator[None]:
        """Pursue on a thread of its own until left; ``post`` publishes what is retained."""
        pursuit = Pursuit(
            self._gate,
            self._installer,
            switch,
            Bulletin(self._plan.topics(), post, self._utc, listens=self.listens),
            self._box,
            clock=self._clock,
            utc=self._utc,
            random=np.random.default_rng(),
        )
        thread = threading.Thread(target=pursuit.run, name="updates", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._box.halt()
            thread.join(_END_S)

    @property
    def _wants_to_hear(self) -> bool:
        updates = self._plan.config.settings.updates
        return updates is not None and updates.desired


def _can_hear(protocol: Protocol) -> bool:
    return protocol == "5"


def open_update_room(plan: Plan, alone: Alone) -> UpdateRoom | None:
    """The room of a configuration; ``None`` where it keeps no further bundles. ``alone`` is entered while no camera may
    use a GPU. Raises ``SecretError``."""
    installer = plan_installer(plan)
    return None if installer is None else UpdateRoom(plan, replace(installer, alone=alone))
