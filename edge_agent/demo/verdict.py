"""What the demo has shown, once it is over."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.demo.ledger import Alarm, Ledger


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the demo showed what it must, and in words what it showed."""

    passed: bool
    text: str


def judge(ledger: Ledger) -> Verdict:
    """The verdict on what the separate client received."""
    if not ledger.detections:
        text = f"failed: no incident was received from the camera with the fight: {ledger.missing()}"
        return Verdict(False, text + _false_alarms(ledger))
    first = ledger.detections[0]
    text = f"passed: incident on {first.incident.camera} received, {first.delay_s:.1f} s after the fight began"
    return Verdict(True, text + _false_alarms(ledger))


def _false_alarms(ledger: Ledger) -> str:
    if not ledger.false_alarms:
        return "; no other camera raised an alarm" if ledger.detections else ""
    return "; false alarm on " + ", ".join(_place(alarm) for alarm in ledger.false_alarms)


def _place(alarm: Alarm) -> str:
    return f"{alarm.incident.camera} at {alarm.incident.source_time_s:.0f} s"
