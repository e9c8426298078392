"""What the demo has shown, once it is over."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.demo.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the demo showed what it must, and in words what it showed."""

    passed: bool
    text: str


def judge(ledger: Ledger) -> Verdict:
    """The verdict on what the separate client received."""
    places = [f"{alarm.incident.camera} at {alarm.incident.source_time_s:.0f} s" for alarm in ledger.false_alarms]
    others = f"false alarm on {', '.join(places)}" if places else "no false alarm"
    if not ledger.detections:
        return Verdict(False, f"{ledger.missing}; {others}")
    first = ledger.detections[0]
    what = f"incident on {first.incident.camera}, {first.delay_s:.1f} s after the fight began"
    return Verdict(True, f"{what}; {others}")
