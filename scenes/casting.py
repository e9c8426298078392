"""Draws whole specifications from a seed: the place, the conditions, and who does what."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from scenes.errors import SceneError
from scenes.spec import CAST, MAX_PEOPLE, Act, Activity, Place, SceneSpec
from scenes.truth import Interval

# Up to this length a clip is one act from beginning to end, as the clips of real data sets are cut.
ONE_ACT_S = 10.0
# What calm footage shows. The hard ones, which a careless detector takes for fights, come more often than in life.
CALM: tuple[tuple[Activity, float], ...] = (
    ("walk", 0.14), ("stand", 0.1), ("run", 0.18), ("dance", 0.17), ("hug", 0.15), ("play", 0.13), ("fall", 0.13),
)  # fmt: skip
SIZES = ((640, 360), (480, 360), (640, 480), (480, 270))
RATES = (10.0, 12.0, 15.0, 20.0, 25.0, 30.0)


def random_spec(
    seed: int,
    *,
    fight: bool | None = None,
    duration_s: float = 60.0,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
) -> SceneSpec:
    """Draw a scene with a fight, without one, or (``None``) either; what is not given is drawn too.

    A scene of at most 10 s shows its fight or its calm act throughout; a longer one shows several acts and, if any,
    one fight. Raises ``SceneError``.
    """
    if duration_s < 0.5:
        raise SceneError(f"duration is {duration_s:g} s; give at least 0.5 s")
    rng = np.random.default_rng([seed, 0])
    fights = bool(rng.random() < 0.5) if fight is None else fight
    place: Place = "yard" if rng.random() < 0.62 else "corridor"
    night = bool(rng.random() < 0.3)
    people = int(rng.integers(2, 7)) if fights or rng.random() < 0.8 else int(rng.integers(6, 10))
    width, height = size or SIZES[int(rng.integers(len(SIZES)))]
    draw = _one_act if duration_s <= ONE_ACT_S else _many_acts
    return SceneSpec(
        seed=seed,
        place=place,
        width=width,
        height=height,
        fps=fps or RATES[int(rng.integers(len(RATES)))],
        duration_s=duration_s,
        people=people,
        acts=draw(duration_s, people, fights, rng),
        night=night,
        noise=float(rng.gamma(2.0, 1.5 if night else 0.9)),
        compression=float(rng.beta(1.5, 2.0)),
        flicker=float(rng.choice([0.0, 0.0, 0.005, 0.02])),
        shadows=True,
        overlay=bool(rng.random() < 0.75),
        name=f"CAM {int(rng.integers(1, 33)):02d}",
    )


def assign(
    activity: Activity, when: Interval, people: int, taken: Iterable[Act], rng: np.random.Generator, spare: int = 0
) -> Act:
    """Give an activity to people who are free at that time, leaving ``spare`` of them for others where it can.

    Raises ``SceneError`` when too few are free.
    """
    busy = {person for act in taken if act.start_s < when.end_s and when.start_s < act.end_s for person in act.people}
    free = [person for person in range(people) if person not in busy]
    fewest, most = CAST[activity]
    if len(free) < fewest:
        raise SceneError(
            f"{activity} {when.start_s:g}-{when.end_s:g} takes {fewest} people, {len(free)} of {people} are free then; "
            f"raise people= (at most {MAX_PEOPLE}) or move it"
        )
    count = max(fewest, min(len(free) - spare, most, _head_count(activity, rng)))
    chosen = sorted(int(person) for person in rng.choice(free, size=count, replace=False))
    return Act(when.start_s, when.end_s, tuple(chosen), activity)


def _head_count(activity: Activity, rng: np.random.Generator) -> int:
    if activity == "fight":
        return int(rng.choice([2, 2, 3, 3, 4]))
    if activity in {"hug", "play"}:
        return 2
    return {"fall": 1, "run": int(rng.integers(1, 3))}.get(activity, int(rng.integers(1, 5)))


def _calm_activity(rng: np.random.Generator) -> Activity:
    odds = np.array([weight for _, weight in CALM])
    return CALM[int(rng.choice(len(CALM), p=odds / odds.sum()))][0]


def _one_act(duration_s: float, people: int, fights: bool, rng: np.random.Generator) -> tuple[Act, ...]:
    whole = Interval(0.0, duration_s)
    first = assign("fight" if fights else _calm_activity(rng), whole, people, (), rng)
    if first.activity != "fall" or people < 2:
        return (first,)
    # Whoever falls is not alone: a second act beside it keeps "someone lies there" from meaning anything by itself.
    return first, assign("walk" if rng.random() < 0.5 else "stand", whole, people, (first,), rng)


def _many_acts(duration_s: float, people: int, fights: bool, rng: np.random.Generator) -> tuple[Act, ...]:
    """Calm acts of 5 to 15 s one after the other, and a fight in place of one of them."""
    slots: list[Interval] = []
    at = float(rng.uniform(0.5, 4.0))
    while at + 4.0 < duration_s:
        end = round(min(duration_s, at + float(rng.uniform(5.0, 15.0))), 2)
        slots.append(Interval(round(at, 2), end))
        at = end + float(rng.uniform(1.0, 6.0))
    chosen = int(rng.integers(len(slots))) if fights else -1
    acts: list[Act] = []
    for index, slot in enumerate(slots):
        acts.append(assign("fight" if index == chosen else _calm_activity(rng), slot, people, acts, rng))
    return tuple(acts)
