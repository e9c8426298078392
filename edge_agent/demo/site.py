"""What the demo's cameras show: four drawn scenes, and a fight in one of them."""

from __future__ import annotations

from dataclasses import dataclass

FIGHT_AT_S = 8.0
FIGHT_FOR_S = 20.0
PERIOD_S = 60.0


@dataclass(frozen=True, slots=True)
class DemoCamera:
    """``shows`` tells a person what to expect; ``fight`` is the span of each ``PERIOD_S`` in which one is on, in
    seconds of the camera's own clock."""

    id: str
    source: str
    shows: str
    fight: tuple[float, float] | None = None

    def delay_s(self, time_s: float) -> float | None:
        """Seconds since the start of the fight that is on at ``time_s`` of the camera's clock, if one is."""
        if self.fight is None:
            return None
        start, end = self.fight
        within = time_s % PERIOD_S
        return within - start if start <= within < end else None


def make_site(seed: int) -> tuple[DemoCamera, ...]:
    """The four cameras that ``seed`` draws, always the same for the same seed."""
    raise SystemExit(seed)
