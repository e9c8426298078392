from __future__ import annotations

from datetime import datetime, timezone

from edge_agent.bundles.trial import TrialPolicy, TrialWatch, Verdict
from edge_agent.events import Connection
from edge_agent.observation import Observation


class Site:
    """Cameras that are observed every second."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.watch = TrialWatch(TrialPolicy(window_s=60.0, silence_s=20.0), lambda: self.now_s)

    def see(self, seconds: int, **rates: tuple[Connection, float]) -> Verdict | None:
        for _ in range(seconds):
            self.now_s += 1.0
            for camera, (connection, rate) in rates.items():
                verdict = self.watch.observe(_observation(camera, connection, rate))
                if verdict is not None:
                    return verdict
        return None


def _observation(camera: str, connection: Connection, rate: float) -> Observation:
    at = datetime(2026, 1, 1, tzinfo=timezone.utc)
    return Observation(camera, at, connection, "idle", None, rate, 0, None, None)


def test_a_bundle_that_judges_is_kept_when_its_window_is_over() -> None:
    site = Site()
    assert site.see(30, a=("connecting", 0.0)) is None
    assert site.see(60, a=("connected", 0.5)) is None
    assert site.see(1, a=("connected", 0.5)) == "keep"


def test_a_bundle_is_left_when_connected_cameras_are_not_judged() -> None:
    site = Site()
    assert site.see(20, a=("connected", 0.0), b=("failed", 0.0)) is None
    assert site.see(1, a=("connected", 0.0), b=("failed", 0.0)) == "leave"
    assert "nothing was judged for 20 s" in site.watch.reason


def test_a_bundle_that_stops_judging_is_left() -> None:
    site = Site()
    assert site.see(50, a=("connected", 0.5)) is None
    assert site.see(30, a=("connected", 0.0)) == "leave"


def test_nothing_is_concluded_where_no_camera_is_connected() -> None:
    site = Site()
    assert site.see(1000, a=("failed", 0.0), b=("stalled", 0.0)) is None
    assert site.see(15, a=("connected", 0.0)) is None
    assert site.see(10, a=("stalled", 0.0)) is None
    assert site.see(15, a=("connected", 0.0)) is None


def test_one_camera_that_is_judged_speaks_for_all() -> None:
    assert Site().see(200, a=("connected", 0.5), b=("connected", 0.0)) == "keep"
