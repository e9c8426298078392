"""Which of several brokers is used: the first that answers, and the first again once it does."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Sequence

from edge_agent.delivery.broker import Broker
from edge_agent.delivery.connection import Connection
from edge_agent.delivery.errors import BrokerError, BrokerUnreachableError
from edge_agent.delivery.message import Message

log = logging.getLogger(__name__)

Connect = Callable[[Broker, Message | None], Connection]
"""Opens a session, with a last will where there is one, or raises ``BrokerError``."""
STABLE_S = 30.0
"""A session that lasted so long was one: the broker is there."""
_LOOK_S = 0.1


class Brokers:
    """Brokers in the order in which they are wanted. Its rules:

    - a session is asked of each in turn, the first that accepts is used;
    - one that does not accept, or drops a session before ``STABLE_S``, rests for half to all of ``return_after_s``, at
      random: those that rest come after those that do not, so that one that accepts and drops is not come back to at
      once, and a fleet does not return in one instant;
    - while a later one is used, an earlier one that has rested is tried beside the session, and only once it has
      accepted is the session ended: a broker that is still away costs no message a delay.

    All but the trying beside, and the end, happens in the one thread that talks to the broker.
    """

    def __init__(
        self,
        brokers: Sequence[Broker],
        connect: Connect,
        clock: Callable[[], float],
        random: Callable[[], float],
        return_after_s: float,
    ) -> None:
        """``clock`` is monotonic seconds, ``random`` yields numbers in [0, 1)."""
        self._brokers = tuple(brokers)
        self._connect = connect
        self._clock = clock
        self._random = random
        self._return_after_s = return_after_s
        self._rests_until = [-math.inf] * len(self._brokers)
        self._used = 0
        self._told: str | None = None
        self._scout: threading.Thread | None = None
        self._scouted = 0
        self._accepted = threading.Event()
        self._halted = threading.Event()

    @property
    def used(self) -> Broker:
        """The one that has, or had, the last session."""
        return self._brokers[self._used]

    def open(self, will: Message) -> Connection:
        """A session with the first that accepts; raises ``BrokerError`` that lists every attempt, those that ``halt``
        forbade not among them."""
        self._await_scout()
        faults: list[BrokerError] = []
        for index in self._order():
            if self._halted.is_set():
                raise BrokerUnreachableError("; ".join([*map(str, faults), "no other is asked: the agent is stopping"]))
            try:
                connection = self._connect(self._brokers[index], will)
            except BrokerError as error:
                self._rest(index)
                faults.append(error)
            else:
                self._use(index, faults)
                return connection
        if len(faults) == 1:
            raise faults[0]
        raise BrokerUnreachableError("; ".join(map(str, faults))) from faults[0]

    def halt(self) -> None:
        """Have nobody else be asked: each that is away holds whoever asks it for seconds. On any thread."""
        self._halted.set()

    def session_lasted(self, seconds: float) -> None:
        """Note that the session with the one in use was up for so long before it was lost."""
        if seconds < STABLE_S and len(self._brokers) > 1:
            self._rest(self._used)

    def earlier_answers(self) -> bool:
        """Whether one that comes before the one in use accepts sessions again; asked now and then, never waits."""
        if self._scout is not None:
            if self._scout.is_alive():
                return False
            self._scout = None
            if self._accepted.is_set():
                self._rests_until[self._scouted] = -math.inf
                return self._scouted < self._used
            self._rest(self._scouted)
        now = self._clock()
        rested = (index for index in range(self._used) if self._rests_until[index] <= now)
        index = next(rested, None)
        if index is not None:
            self._scouted = index
            self._accepted.clear()
            # A daemon, since a network that swallows packets holds it for seconds.
            self._scout = threading.Thread(target=self._try, args=(self._brokers[index],), name="scout", daemon=True)
            self._scout.start()
        return False

    def _await_scout(self) -> None:
        # It bears our client id: a broker would end the session that is opened now for that of the scout.
        while self._scout is not None and self._scout.is_alive() and not self._halted.is_set():
            self._scout.join(_LOOK_S)
        # What it found is known better in a moment.
        self._scout = None

    def _try(self, broker: Broker) -> None:
        """Body of the scout: a session without a last will, ended at once."""
        try:
            self._connect(broker, None).close()
        except BrokerError as error:
            log.info("%s; staying with another broker", error)
        except OSError as error:
            log.info("broker %s: %s; staying with another broker", broker.address, error)
        else:
            self._accepted.set()

    def _order(self) -> list[int]:
        now = self._clock()
        return sorted(range(len(self._brokers)), key=lambda index: (self._rests_until[index] > now, index))

    def _rest(self, index: int) -> None:
        self._rests_until[index] = self._clock() + self._return_after_s * (0.5 + 0.5 * self._random())

    def _use(self, index: int, faults: Sequence[BrokerError]) -> None:
        self._used = index
        address = self._brokers[index].address
        if faults and address != self._told:
            log.warning("%s; using %s meanwhile", "; ".join(map(str, faults)), address)
        elif address != self._told:
            log.info("using broker %s", address)
        self._told = address
