"""What is made of one camera's judgements: its mode, its incidents and their pictures."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import cv2

from edge_agent.attention import Attention
from edge_agent.camera_policies import CameraPolicies
from edge_agent.events import IncidentEvent, Mode, Outbox, Snapshot
from edge_agent.frame import Image
from edge_agent.health import RateMeter
from edge_agent.incidents import IncidentMachine, IncidentStep
from edge_agent.inference import Judgement
from edge_agent.mutes import Mutes
from edge_agent.schedule import Schedule
from edge_agent.snapshot import encode_snapshot
from edge_agent.tracer import UNTRACED, Tracer

_log = logging.getLogger(__name__)
# A peak is worth another picture when it stands out by this much over the one that was sent.
_BETTER = 0.05
# Long enough to hold two glances.
_RATE_SPAN_S = 4.0


@dataclass(frozen=True, slots=True)
class _Moment:
    """What is kept of the last judgement, without its pixels; times as ``Sample`` and ``Judgement`` have them."""

    time_s: float
    source_s: float
    arrived_s: float
    judged_s: float
    probability: float


class Watch:
    """Decides on one camera's judgements and tells the outbox of its incidents.

    ``policies`` gives those in force and is asked before each decision; what changes keeps its state, so that a new
    policy alone neither starts nor ends anything.
    """

    def __init__(
        self,
        camera: str,
        policies: Callable[[], CameraPolicies],
        outbox: Outbox,
        *,
        clock: Callable[[], float],
        wall: Callable[[], datetime],
        make_id: Callable[[], str],
        keep_image: bool = False,
        tracer: Tracer = UNTRACED,
        mutes: Mutes | None = None,
    ) -> None:
        """``keep_image`` keeps the last judged picture as ``image``: a decoded one takes megabytes. Without ``mutes``
        the camera is never muted."""
        self._camera = camera
        self._tracer = tracer
        self._mutes = mutes
        self._in_force = policies
        self._policies = policies()
        self._outbox = outbox
        self._clock = clock
        self._wall = wall
        self._attention = Attention(self._policies.attention, self._policies.thresholds)
        self._machine = IncidentMachine(self._policies.incidents, self._policies.thresholds, make_id)
        self._schedule = Schedule(self._policies.incidents.schedule)
        self._rate = RateMeter(_RATE_SPAN_S)
        self._last: _Moment | None = None
        self._keep_image = keep_image
        self.image: Image | None = None
        self._pictured = 0.0
        self._better: Image | None = None
        self._started_at = wall()
        self.incidents = 0

    @property
    def mode(self) -> Mode:
        return self._attention.mode

    @property
    def armed(self) -> bool:
        """Whether an incident may start now, by the schedule and this machine's local time, and as no mute is on."""
        schedule = self._schedule
        return (schedule.is_always or schedule.covers(self._wall().astimezone())) and self.muted_until is None

    @property
    def muted_until(self) -> datetime | None:
        """When the mute that is on ends."""
        return None if self._mutes is None else self._mutes.until(self._camera, self._wall())

    @property
    def incident(self) -> str | None:
        """The id of the incident in progress."""
        return self._machine.incident

    @property
    def hurries(self) -> bool:
        """Whether the next verdicts are waited for: the last score would not end an incident, and none has started."""
        last = self._last
        return self.incident is None and last is not None and last.probability >= self._policies.thresholds.clear

    @property
    def score(self) -> float | None:
        """The last calibrated probability."""
        return self._last.probability if self._last else None

    def rate(self, now_s: float) -> float:
        """Samples judged a second."""
        return self._rate.rate(now_s)

    def judge(self, judgement: Judgement) -> Mode:
        """Take a judgement; the mode to watch the camera in from now on."""
        self._follow()
        self._rate.count(judgement.judged_s)
        sample = judgement.sample
        self._last = moment = _Moment(
            sample.time_s, sample.source_s, sample.arrived_s, judgement.judged_s, judgement.probability
        )
        self.image = sample.image if self._keep_image else None
        armed = self.armed
        step = self._machine.judge(sample.time_s, judgement.probability, armed=armed)
        if self._machine.peak > self._pictured + _BETTER:
            self._pictured, self._better = self._machine.peak, sample.image
        if step is not None:
            self._tell(step, moment)
        if not armed and self.incident is None:
            self._attention.rest()
            return self.mode
        return self._attention.judge(sample.time_s, judgement.probability, busy=self.incident is not None)

    def tend(self, now_s: float) -> Mode:
        """End what a camera that went silent left behind; the mode to watch it in."""
        if self._last is None:
            return self.mode
        self._follow()
        silent_s = now_s - self._last.judged_s
        last_s = self._last.time_s
        step = self._machine.silence(last_s + silent_s, last_s)
        if step is not None:
            self._tell(step, self._last)
        if silent_s >= self._policies.incidents.silence_s:
            self._attention.rest()
        return self.mode

    def close(self) -> None:
        """End the incident in progress: the agent stops."""
        if self._last is None:
            return
        step = self._machine.close(self._last.time_s)
        if step is not None:
            self._tell(step, self._last)

    def _follow(self) -> None:
        policies = self._in_force()
        if policies is not self._policies:
            self._policies = policies
            self._attention.apply(policies.attention, policies.thresholds)
            self._machine.apply(policies.incidents, policies.thresholds)
            self._schedule = Schedule(policies.incidents.schedule)

    def _tell(self, step: IncidentStep, moment: _Moment) -> None:
        if step.phase == "started":
            self.incidents += 1
            self._started_at = self._time_of(step.started_s, moment)
        at = self._started_at + timedelta(seconds=step.time_s - step.started_s)
        snapshot = self._picture(step, at)
        self._outbox.incident(
            IncidentEvent(
                camera=self._camera,
                incident=step.incident,
                sequence=step.sequence,
                phase=step.phase,
                at=at,
                started_at=self._started_at,
                ended_at=self._ended_at(step),
                source_time_s=moment.source_s,
                probability=step.probability,
                peak=step.peak,
                mean=step.mean,
                snapshot=snapshot.reference if snapshot else None,
                thresholds=self._policies.thresholds,
                reason=step.reason,
            )
        )
        if snapshot:
            self._outbox.snapshot(snapshot)
        if step.phase == "ended":
            self._pictured, self._better = 0.0, None

    def _ended_at(self, step: IncidentStep) -> datetime | None:
        if step.ended_s is None:
            return None
        return self._started_at + timedelta(seconds=step.ended_s - step.started_s)

    def _picture(self, step: IncidentStep, at: datetime) -> Snapshot | None:
        image, self._better = self._better, None
        if image is None:
            return None
        try:
            with self._tracer.timed("snapshot", self._camera):
                jpeg = encode_snapshot(image, step.peak, self._policies.snapshots)
        except (cv2.error, ValueError, OSError):
            _log.exception("%s: no picture of incident %s", self._camera, step.incident, extra={"camera": self._camera})
            return None
        return Snapshot(
            camera=self._camera,
            incident=step.incident,
            reference=f"{step.incident}-{step.sequence}",
            at=at,
            jpeg=jpeg,
        )

    def _time_of(self, time_s: float, moment: _Moment) -> datetime:
        """Wall clock of an instant of the camera's clock. Only an incident's start is reckoned so, and all its other
        times from there by the camera's clock: they keep their order even for a film played faster than time."""
        ago_s = self._clock() - moment.arrived_s + moment.time_s - time_s
        return self._wall() - timedelta(seconds=ago_s)
