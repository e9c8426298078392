from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from edge_agent.attention import AttentionPolicy
from edge_agent.camera_policies import CameraPolicies
from edge_agent.events import CameraState, Health, IncidentEvent, Snapshot
from edge_agent.incidents import IncidentPolicy
from edge_agent.inference import Judgement
from edge_agent.mutes import Mutes
from edge_agent.sample import Sample
from edge_agent.state_file import StateFile
from edge_agent.watch import Watch
from models.manifest import Thresholds
from tests.edge_agent.test_snapshot import Noise

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
POLICIES = CameraPolicies(
    Thresholds(wake=0.3, alert=0.6, clear=0.4),
    attention=AttentionPolicy(2.0),
    incidents=IncidentPolicy(end_hold_s=2.0, silence_s=5.0),
)


@dataclass
class Site:
    """A watch with a clock that moves as it is told; keeps what the watch says."""

    now_s: float = 1000.0
    policies: CameraPolicies = POLICIES
    incidents: list[IncidentEvent] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    mutes: Mutes | None = None

    def __post_init__(self) -> None:
        self.watch = Watch(
            "yard",
            lambda: self.policies,
            self,
            clock=lambda: self.now_s,
            wall=lambda: START + timedelta(seconds=self.now_s - 1000.0),
            make_id=lambda: "an-id",
            mutes=self.mutes,
        )

    def incident(self, event: IncidentEvent) -> None:
        self.incidents.append(event)

    def snapshot(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)

    def camera_state(self, state: CameraState) -> None:
        raise AssertionError(state)

    def health(self, health: Health) -> None:
        raise AssertionError(health)

    def see(self, seconds: float, probability: float) -> None:
        for _ in range(round(seconds * 10)):
            self.now_s += 0.1
            pixels = np.zeros((2, 2, 3), np.uint8)
            sample = Sample("yard", self.now_s, 1, self.now_s - 900, self.now_s - 0.02, Noise(), pixels)
            self.watch.judge(Judgement(sample, probability, self.now_s))

    def at(self, event: IncidentEvent) -> list[float]:
        """Seconds since the start of what the event dates."""
        dates = [event.started_at, event.at, event.ended_at]
        return [round((date - START).total_seconds(), 1) for date in dates if date]


def test_watch_dates_incident_by_wall_clock_when_it_runs_its_course() -> None:
    site = Site()
    site.see(2.0, 0.1)
    site.see(4.0, 0.9)
    site.see(4.0, 0.1)
    started, *_, ended = site.incidents
    assert site.at(started) == [2.3, 2.6]
    assert site.at(ended) == [2.3, 8.3, 6.3]
    assert started.source_time_s == pytest.approx(102.6)
    assert site.watch.mode == "idle"


def test_watch_hurries_from_the_clear_threshold_on_until_an_incident_has_started() -> None:
    site = Site()
    assert not site.watch.hurries
    for seconds, probability, hurries, incident in (
        (0.2, 0.39, False, None),
        (0.2, 0.4, True, None),
        (0.2, 0.39, False, None),
        (0.4, 0.9, True, None),
        (1.0, 0.9, False, "an-id"),
        (6.0, 0.1, False, None),
        (0.1, 0.5, True, None),
    ):
        site.see(seconds, probability)
        assert (site.watch.hurries, site.watch.incident) == (hurries, incident)
    site.policies = replace(POLICIES, thresholds=Thresholds(wake=0.3, alert=0.6, clear=0.55))
    site.see(0.1, 0.5)
    assert not site.watch.hurries


@pytest.mark.parametrize(
    ("silent_s", "phases", "mode"), [(4.9, ["started"], "alert"), (5.1, ["started", "ended"], "idle")]
)
def test_tend_ends_incident_and_rests_when_camera_is_silent(silent_s: float, phases: list[str], mode: str) -> None:
    site = Site()
    site.see(1.0, 0.9)
    site.now_s += silent_s
    assert site.watch.tend(site.now_s) == mode
    assert [event.phase for event in site.incidents] == phases
    if len(phases) > 1:
        assert site.at(site.incidents[-1])[2] == 1.0


def test_close_ends_incident_when_agent_stops() -> None:
    site = Site()
    site.see(1.0, 0.9)
    site.watch.close()
    site.watch.close()
    assert [(event.phase, event.reason) for event in site.incidents] == [("started", None), ("ended", "stopped")]


def test_watch_sends_a_better_picture_when_the_peak_rises() -> None:
    site = Site()
    site.see(1.0, 0.65)
    site.see(3.0, 0.95)
    site.see(6.0, 0.95)
    named = [event.snapshot for event in site.incidents]
    assert named[:2] == ["an-id-0", "an-id-1"]
    assert set(named[2:]) == {None}
    assert [snapshot.reference for snapshot in site.snapshots] == ["an-id-0", "an-id-1"]


def test_watch_goes_on_when_nothing_was_ever_judged() -> None:
    site = Site()
    assert site.watch.tend(5000.0) == "idle"
    site.watch.close()
    assert site.incidents == []
    assert site.watch.score is None


def test_incident_names_the_thresholds_that_judged_each_step_when_policies_change() -> None:
    site = Site()
    site.see(1.0, 0.9)
    strict = Thresholds(wake=0.3, alert=0.97, clear=0.95)
    site.policies = replace(POLICIES, thresholds=strict)
    assert site.watch.incident == "an-id"
    site.see(4.0, 0.9)
    assert [(event.phase, event.thresholds) for event in site.incidents] == [
        ("started", POLICIES.thresholds),
        ("ended", strict),
    ]


def test_tend_takes_the_new_silence_when_policies_change() -> None:
    site = Site()
    site.see(1.0, 0.9)
    site.policies = replace(POLICIES, incidents=IncidentPolicy(silence_s=50.0))
    site.now_s += 40.0
    assert site.watch.tend(site.now_s) == "alert"
    assert [event.phase for event in site.incidents] == ["started"]


def hours(begin: int, end: int) -> CameraPolicies:
    """Policies with a schedule of hours from the start of the test on, in local time."""
    local = START.astimezone()
    line = "-".join((local + timedelta(hours=hour)).strftime("%H:%M") for hour in (begin, end))
    return replace(POLICIES, incidents=replace(POLICIES.incidents, schedule=(line,)))


def test_watch_starts_nothing_and_looks_no_closer_outside_of_its_hours() -> None:
    site = Site(policies=hours(3, 5))
    site.see(6.0, 0.9)
    assert not site.watch.armed
    assert site.incidents == []
    assert (site.watch.mode, site.watch.score) == ("idle", 0.9)


def test_watch_starts_incidents_within_its_hours() -> None:
    site = Site(policies=hours(-1, 1))
    site.see(6.0, 0.9)
    assert site.watch.armed
    assert [event.phase for event in site.incidents][:1] == ["started"]


def test_watch_goes_on_with_what_is_in_progress_when_its_hours_end() -> None:
    site = Site()
    site.see(4.0, 0.9)
    site.policies = hours(3, 5)
    site.see(6.0, 0.9)
    assert site.watch.mode == "alert"
    site.see(3.0, 0.1)
    assert [event.phase for event in site.incidents if event.phase != "updated"] == ["started", "ended"]
    site.see(6.0, 0.9)
    assert len([event for event in site.incidents if event.phase == "started"]) == 1


def test_muted_camera_starts_no_incident_and_is_armed_again_by_itself(tmp_path: Path) -> None:
    mutes = Mutes(3600, StateFile(tmp_path / "mutes.json"))
    site = Site(mutes=mutes)
    until = mutes.mute(("yard",), START, 3)
    site.see(2.5, 0.9)
    assert (site.watch.armed, site.watch.muted_until, site.watch.mode) == (False, until, "idle")
    assert site.incidents == []
    site.see(2.0, 0.9)
    assert (site.watch.armed, site.watch.muted_until) == (True, None)
    assert [event.phase for event in site.incidents] == ["started"]


def test_mute_lets_an_incident_in_progress_go_on(tmp_path: Path) -> None:
    mutes = Mutes(3600, StateFile(tmp_path / "mutes.json"))
    site = Site(mutes=mutes)
    site.see(1.0, 0.9)
    mutes.mute(("yard",), START + timedelta(seconds=1), 60)
    site.see(3.0, 0.9)
    site.see(4.0, 0.0)
    assert (site.incidents[0].phase, site.incidents[-1].phase) == ("started", "ended")
