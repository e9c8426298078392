"""The demo's course: from the first message to the moment that its end is reached."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator

from edge_agent.demo.audience import Audience
from edge_agent.demo.ledger import Ledger
from edge_agent.demo.news import read_news
from edge_agent.demo.stage import TOPICS, Stage
from edge_agent.demo.stopwatch import Stopwatch
from edge_agent.demo.subscriber import Message

_BEAT_S = 0.25


def play(stage: Stage, ledger: Ledger, audience: Audience, stopwatch: Stopwatch, finished: Callable[[], bool]) -> None:
    """Let ``audience`` see what happens on ``stage`` until ``finished``; raises what the agent raised, if it did."""
    ready = False
    while not finished():
        for message in _arrived(stage.messages):
            news = read_news(TOPICS, message)
            ledger.enter(news)
            audience.hear(news)
        for _ in range(stage.observations.qsize()):
            audience.watch(stage.observations.get())
        stage.check()
        if ledger.ready and not ready:
            ready = True
            audience.announce(f"ready in {stopwatch.elapsed():.1f} s")
        audience.refresh()


def _arrived(messages: queue.SimpleQueue[Message]) -> Iterator[Message]:
    """Waits a beat for the first message, and takes along those that came with it."""
    try:
        yield messages.get(timeout=_BEAT_S)
        while True:
            yield messages.get_nowait()
    except queue.Empty:
        return
