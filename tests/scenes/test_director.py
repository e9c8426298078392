from __future__ import annotations

import numpy as np
import pytest

from scenes.camera import mount
from scenes.casting import random_spec
from scenes.director import Director
from scenes.track import SPRINT_MPS


@pytest.mark.parametrize("seed", range(25))
def test_nobody_jumps_or_leaves_when_a_long_scene_is_planned(seed: int) -> None:
    spec = random_spec(seed, duration_s=60.0, fps=10)
    _, area = mount(spec.place, spec.width, spec.height, np.random.default_rng(seed))
    tracks = Director(spec, area, np.random.default_rng(seed)).tracks()
    assert len(tracks) == spec.people
    times = np.arange(0, spec.duration_s, 0.02)
    for track in tracks:
        roots = np.array([track.stance(float(time_s)).root for time_s in times])
        # Easing in and out peaks at 1.5 times the mean speed.
        assert np.hypot(*np.diff(roots, axis=0).T).max() < 1.5 * SPRINT_MPS * 0.02 + 1e-6
        assert (roots[:, 0] >= area.left - 0.6).all()
        assert (roots[:, 0] <= area.right + 0.6).all()
        assert (roots[:, 1] >= area.near - 0.6).all()


@pytest.mark.parametrize("seed", range(25))
def test_everyone_does_what_the_schedule_says_when_it_says_so(seed: int) -> None:
    spec = random_spec(seed, fight=True, duration_s=60.0, fps=10)
    _, area = mount(spec.place, spec.width, spec.height, np.random.default_rng(seed))
    tracks = Director(spec, area, np.random.default_rng(seed)).tracks()
    for act in spec.acts:
        for time_s in np.linspace(act.start_s, act.end_s, 9)[:-1]:
            for person in act.people:
                shown = tracks[person].activity(float(time_s))
                # Who walks may be seen to run for a moment, and who stands to stand.
                assert shown == act.activity or {shown, act.activity} == {"walk", "run"}


@pytest.mark.parametrize("seed", range(10))
def test_fighters_are_within_reach_of_each_other_when_they_fight(seed: int) -> None:
    spec = random_spec(seed, fight=True, duration_s=8.0, fps=10)
    _, area = mount(spec.place, spec.width, spec.height, np.random.default_rng(seed))
    tracks = Director(spec, area, np.random.default_rng(seed)).tracks()
    fighters = [tracks[person] for person in spec.acts[0].people]
    gaps = []
    for time_s in np.arange(0, 8, 0.1):
        roots = np.array([track.stance(float(time_s)).root for track in fighters])
        gaps.append(min(np.hypot(*(a - b)) for i, a in enumerate(roots) for b in roots[i + 1 :]))
    assert np.median(gaps) < 1.0
    assert max(gaps) < 3.0
