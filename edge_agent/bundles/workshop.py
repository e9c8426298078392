"""How the bundles of a configuration are opened while its agent runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.bundles.choosing import Opener
from edge_agent.bundles.trial import TrialPolicy
from edge_agent.config.plan import Plan
from edge_agent.judging import open_judge
from edge_agent.sitting import Sitting
from edge_agent.tracer import Tracer
from models.bundle import Bundle
from models.manifest import Manifest
from runtimes.detector import Detector, open_detector
from runtimes.protocol import SessionOptions

Hear = Callable[[str], object]
"""Is told which engine judges."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """Opens bundles' files, a judge of one, and a detector alone, to be compared with. ``alert`` is from which
    probability on one finds a fight, ``clock`` monotonic seconds."""

    file: Opener
    judge: Callable[[Bundle, Hear], Sitting]
    detector: Callable[[Bundle], Detector]
    alert: Callable[[Manifest], float]
    largest_gap_s: float
    policy: TrialPolicy
    clock: Callable[[], float]


def plan_workshop(plan: Plan, clock: Callable[[], float], tell: Hear, tracer: Tracer) -> Workshop:
    """That of a configuration; ``tell`` is told which engine judges beside whoever asks for it."""
    options = plan.options()

    def judge(bundle: Bundle, hear: Hear) -> Sitting:
        def both(runtime: str) -> None:
            tell(runtime)
            hear(runtime)

        return open_judge(bundle, options, clock, both, tracer)

    def detector(bundle: Bundle) -> Detector:
        sessions = SessionOptions(threads=options.threads or 1)
        return open_detector(bundle, target=options.target, options=sessions, clock=clock)

    def alert(manifest: Manifest) -> float:
        given = plan.config.settings.thresholds.alert
        return manifest.calibration.thresholds.alert if given is None else given

    return Workshop(plan.open_usable, judge, detector, alert, options.largest_gap_s, plan.trial(), clock)
