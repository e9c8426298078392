"""From a bundle to the judge that works with it."""

from __future__ import annotations

from collections.abc import Callable

from edge_agent.agent_options import AgentOptions
from edge_agent.inference import Judge
from edge_agent.sitting import RuntimeNews, Sitting
from edge_agent.timed_detector import TimedDetector
from edge_agent.tracer import Tracer
from models.bundle import Bundle
from runtimes.detector import open_detector
from runtimes.environment import count_cores
from runtimes.protocol import SessionOptions


def open_judge(
    bundle: Bundle,
    options: AgentOptions,
    clock: Callable[[], float],
    on_runtime: Callable[[str], None] | None,
    tracer: Tracer,
) -> Sitting:
    """The detector and the judge, which begins its windows anew when the engine changes; to be closed by the caller.
    ``on_runtime`` is told which engine judges, from when it takes office on, and whenever that changes.

    Raises ``NoRuntimeError`` when nothing here can run the bundle.
    """
    news = RuntimeNews(on_runtime)

    def changed(_before: str, _after: str, _reason: str) -> None:
        judge.forget()
        news.tell(detector.description)

    detector = open_detector(
        bundle,
        target=options.target,
        options=SessionOptions(threads=options.threads or 1),
        most_threads=count_cores() if options.threads is None else None,
        on_changed=changed,
        clock=clock,
    )
    judge = Judge(TimedDetector(detector, tracer), bundle.manifest.geometry, options.largest_gap_s, clock)
    return Sitting(detector, judge, news)
