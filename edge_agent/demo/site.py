"""What the demo's cameras show: four drawn scenes, and a fight in one of them."""

from __future__ import annotations

from dataclasses import dataclass

from scenes import Interval, SceneSpec, parse_scene

PERIOD_S = 60
FIGHT_S = (8, 28)
MOST_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True)
class DemoCamera:
    """``source`` is its address, ``shows`` tells a person what to expect, and ``fights`` is when somebody fights in
    each round of ``period_s``."""

    id: str
    source: str
    shows: str
    fights: tuple[Interval, ...]
    period_s: float

    def delay_s(self, time_s: float) -> float | None:
        """Seconds since the start of the fight that is on at ``time_s`` of the camera's clock; ``None``: none is."""
        within = time_s % self.period_s
        return next((within - fight.start_s for fight in self.fights if fight.holds(within)), None)


def make_site(seed: int, fight_s: tuple[int, int] = FIGHT_S) -> tuple[DemoCamera, ...]:
    """The four cameras that ``seed`` (0 to ``MOST_SEED``) draws, always the same for the same seed; one of them shows
    a fight, from and until ``fight_s`` of every minute."""
    start, end = fight_s
    scripts = (
        ("yard", "yard", f"fight={start}-{end}", f"a fight at {start} s"),
        ("gate", "yard", "walk=0-60&hug=6-14,34-42", "people walk, two hug"),
        ("corridor", "corridor", "walk=0-60", "people walk by"),
        ("hall", "corridor", "dance=3-55", "people dance"),
    )
    return tuple(
        _camera(name, f"scene:{place}?seed={seed + number}&{acts}", shows)
        for number, (name, place, acts, shows) in enumerate(scripts)
    )


def _camera(name: str, scene: str, shows: str) -> DemoCamera:
    source = f"{scene}&duration={PERIOD_S}&loop=1&name={name.upper()}"
    spec = parse_scene(source)
    assert isinstance(spec, SceneSpec)  # noqa: S101 - no wall is written above
    return DemoCamera(name, source, shows, spec.fights, spec.duration_s)
