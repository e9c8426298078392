"""Metrics over HTTP, as a scraper gets them."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager

from edge_agent.commands.figures import CommandFigures
from edge_agent.delivery.figures import CourierCounts, DeliveryFigures
from edge_agent.delivery.payloads import SpoolHealth
from edge_agent.metrics.about import About
from edge_agent.metrics.opening import serve_metrics
from edge_agent.metrics.tally import Tally
from edge_agent.top.reading import Reading, read_metrics

ABOUT = About("0.1.0", "tiny", "0.2.0")
SPOOL = SpoolHealth(
    messages=2, bytes=96, refused=1, dropped_by_age=3, dropped_by_size=4, dropped_unwritten=5, blocked_topics=()
)
DELIVERY = DeliveryFigures(connected=True, courier=CourierCounts(3, 7, 1), spool=SPOOL)


COMMANDS = CommandFigures({("ping", "ok"): 3, ("unknown", "malformed"): 2}, {"true": 4, "false": 1})


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}/metrics"


def serving(
    port: int, tally: Tally, delivery: Callable[[], DeliveryFigures] = lambda: DELIVERY
) -> AbstractContextManager[None]:
    return serve_metrics(f"127.0.0.1:{port}", tally, delivery, lambda: ABOUT, lambda: COMMANDS)


def scrape(port: int) -> Reading:
    return read_metrics(url(port), time.monotonic)


def scrape_text(port: int) -> str:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url(port), timeout=10) as answer:
        return str(answer.read(), "utf-8")
