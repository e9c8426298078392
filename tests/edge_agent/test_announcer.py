from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from edge_agent.announcer import Announcer
from edge_agent.events import CameraState

STATE = CameraState("yard", "connected", "idle", 0.1, datetime(2026, 1, 1, tzinfo=timezone.utc))


@pytest.mark.parametrize(
    ("state", "now_s", "due"),
    [
        pytest.param(STATE, 100.0, False, id="nothing-new"),
        pytest.param(replace(STATE, at=STATE.at + timedelta(days=1)), 100.0, False, id="only-later"),
        pytest.param(replace(STATE, score=0.2), 9.9, False, id="score-too-soon"),
        pytest.param(replace(STATE, score=0.2), 10.0, True, id="score-in-time"),
        pytest.param(replace(STATE, mode="alert"), 0.1, True, id="mode"),
        pytest.param(replace(STATE, connection="stalled", reason="gone"), 0.1, True, id="connection"),
        pytest.param(replace(STATE, reason="another"), 0.1, True, id="reason"),
        pytest.param(replace(STATE, incident="i"), 0.1, True, id="incident"),
    ],
)
def test_due_tells_changes_at_once_and_scores_now_and_then(state: CameraState, now_s: float, due: bool) -> None:
    announcer = Announcer(10.0)
    assert announcer.due(STATE, 0.0)
    assert announcer.due(state, now_s) is due


def test_the_first_score_is_told_at_once() -> None:
    announcer = Announcer(10.0)
    assert announcer.due(replace(STATE, score=None), 0.0)
    assert not announcer.due(replace(STATE, score=None), 100.0)
    assert announcer.due(STATE, 100.1)
    assert not announcer.due(replace(STATE, score=0.2), 100.2)
