"""Which messages end sessions: a broker may hang up over one that it does not take, and MQTT 3.1.1 has no way to say
why."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from edge_agent.delivery.message import Message
from edge_agent.delivery.spool import StoredMessage

Item = Message | StoredMessage
STRIKES = 3
"""Sessions that a message must end alone without being answered: a network that breaks has no reason to do so over the
same one."""
PATIENCE = 2 * STRIKES
"""As many where the broker had taken nothing before in any of them."""
FIRST_REST_S = 600.0
LONGEST_REST_S = 6 * 3600.0


@dataclass(slots=True)
class _Rest:
    """Until when something is not offered, and how often it has come to that."""

    topic: str
    times: int
    until_s: float


@dataclass(slots=True)
class _Case:
    """Sessions that a message ended alone since it was last answered: after the broker had taken something else in
    them, and before it had taken anything."""

    proved: int = 0
    unproved: int = 0


class Suspects:
    """Finds the messages that end sessions, and has them passed over. Its rules:

    - what a lost session left unanswered is offered one at a time from then on, until all of it is answered;
    - a message that was alone unanswered when ``STRIKES`` sessions were lost is passed over for ``FIRST_REST_S``, and
      for twice as long each time that it happens again, once being enough then. Only sessions count in which the broker
      had taken something else: what is late is offered after all else, so that something can be. Where nothing ever is,
      it takes ``PATIENCE`` sessions;
    - another one of the same topic that ends a session before the broker has taken any of that topic has the topic rest
      likewise, since it may be the topic that is not taken. At the end of that the topic's other messages come before
      those passed over.

    Nothing is lost by it: what is passed over stays in the spool until it is taken or too old. Times are those of a
    monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._doubtful: set[int | str] = set()
        self._cases: dict[int | str, _Case] = {}
        self._aside: dict[int, _Rest] = {}
        self._topics: dict[str, _Rest] = {}

    @property
    def careful(self) -> bool:
        """Whether messages must be offered one at a time, each once the one before is answered."""
        return bool(self._doubtful) or any(self._is_due(rest) for rest in self._aside.values())

    @property
    def topics(self) -> dict[str, float]:
        """Topics that rest, and until when."""
        now = self._clock()
        return {topic: rest.until_s for topic, rest in self._topics.items() if rest.until_s > now}

    @property
    def passed_over(self) -> dict[int, float]:
        """Messages of the spool that are passed over, and until when."""
        now = self._clock()
        return {id_: rest.until_s for id_, rest in self._aside.items() if rest.until_s > now}

    def late_topics(self, *, proved: bool) -> set[str]:
        """Topics whose retained message has to wait: those that ended sessions in which nothing came before them until
        the broker has taken something, which ``proved`` says, and those that did so after that for all else."""
        unclear = {key for key, case in self._cases.items() if isinstance(key, str) and (case.proved or not proved)}
        return unclear | self._topics.keys()

    @property
    def late_ids(self) -> set[int]:
        """Messages of the spool that are offered after all else. Such a one loses its place in the order, so only
        those are that ended ``STRIKES`` sessions in which nothing came before them."""
        return {key for key, case in self._cases.items() if isinstance(key, int) and case.unproved >= STRIKES}

    def answered(self, item: Item) -> None:
        """The broker has answered this one, so it was not this that ended a session, nor its topic."""
        key = _key(item)
        self._doubtful.discard(key)
        self._cases.pop(key, None)
        self._topics.pop(_topic(item), None)
        if isinstance(item, StoredMessage):
            self._aside.pop(item.id, None)

    def lost(self, unanswered: Collection[Item], *, alone: bool, proved: bool) -> float | None:
        """Note what a lost session left unanswered. ``alone``: that is one message, and nothing else was on its way.
        ``proved``: the broker had taken something in that session. Returns for how many seconds the one rests; ``None``
        where it does not."""
        # An answer to a command is not offered again.
        kept = [item for item in unanswered if isinstance(item, StoredMessage) or item.retain]
        self._doubtful.update(map(_key, kept))
        return self._strike(kept[0], proved=proved) if alone and kept else None

    def relax(self) -> None:
        """Nothing of the spool waits any more: what was doubted is gone, and what has rested too."""
        self._doubtful = {key for key in self._doubtful if isinstance(key, str)}
        self._cases = {key: case for key, case in self._cases.items() if isinstance(key, str)}
        self._aside = {id_: rest for id_, rest in self._aside.items() if not self._is_due(rest)}

    def _strike(self, item: Item, *, proved: bool) -> float | None:
        key = _key(item)
        case = self._cases.setdefault(key, _Case())
        case.proved += proved
        case.unproved += not proved
        known = key in self._aside or _topic(item) in self._topics
        if case.unproved < PATIENCE and not (proved and known) and case.proved < STRIKES:
            return None
        self._doubtful.discard(key)
        del self._cases[key]
        return self._pass_over(item)

    def _pass_over(self, item: Item) -> float:
        now, topic, stored = self._clock(), _topic(item), isinstance(item, StoredMessage)
        again = stored and {id_ for id_, rest in self._aside.items() if rest.topic == topic} == {_key(item)}
        times = self._topics[topic].times + 1 if topic in self._topics and not again else 1
        # One of the spool is passed over alone, however often: others of its topic may be smaller.
        topic_s = _rest_s(times - stored)
        self._topics[topic] = _Rest(topic, times, now + topic_s)
        if not isinstance(item, StoredMessage):
            return topic_s
        own = self._aside.setdefault(item.id, _Rest(topic, 0, now))
        own.times += 1
        own.until_s = now + _rest_s(own.times)
        for rest in self._aside.values():
            if rest.topic == topic:
                rest.until_s = max(rest.until_s, now + 2 * topic_s)
        return own.until_s - now

    def _is_due(self, rest: _Rest) -> bool:
        return rest.until_s <= self._clock() and rest.topic not in self.topics


def _rest_s(times: int) -> float:
    return 0.0 if times < 1 else min(LONGEST_REST_S, FIRST_REST_S * 2.0 ** min(times - 1, 30))


def _key(item: Item) -> int | str:
    return item.id if isinstance(item, StoredMessage) else item.topic


def _topic(item: Item) -> str:
    return item.message.topic if isinstance(item, StoredMessage) else item.topic
