"""The URI grammar of drawn footage: ``scene:yard?seed=7&fight=12-20``, ``scene:wall?rows=2&columns=2``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import parse_qsl

import numpy as np

from scenes.casting import assign, random_spec
from scenes.errors import SceneError
from scenes.scene import Scene
from scenes.spec import ACTIVITIES, CAST, MAX_DURATION_S, MAX_PEOPLE, MAX_SEED, PLACES, Act, Activity, SceneSpec
from scenes.truth import Footage, Interval
from scenes.wall import MOST, Wall, WallSpec

Query = Mapping[str, str]
SETTINGS = (
    "seed", "fps", "size", "duration", "people", "night", "noise", "compression", "flicker", "shadows", "overlay",
    "name", "loop",
)  # fmt: skip
WALL_SETTINGS = ("rows", "columns", "border", "labels", "cell")
_TIMES = re.compile(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)")


def parse_scene(uri: str) -> SceneSpec | WallSpec:
    """Read a scene URI; ``docs/scenes.md`` has the grammar.

    Everything not said is drawn from the seed; what is said of acts replaces the drawn ones, so
    ``scene:yard?fight=none`` is calm throughout. Raises ``SceneError``.

    >>> parse_scene("scene:yard?seed=7&fight=12-20&people=4").fights
    (Interval(start_s=12.0, end_s=20.0),)
    """
    scheme, _, rest = uri.partition(":")
    if scheme != "scene":
        raise SceneError(f"{uri!r} is not a scene; write scene:yard, scene:corridor or scene:wall")
    place, _, tail = rest.partition("?")
    query = _query(tail)
    if place == "wall":
        return _wall(query)
    if place not in PLACES:
        raise SceneError(f"{uri!r} is set in {place!r}; choose one of {', '.join((*PLACES, 'wall'))}")
    _known(query, (*SETTINGS, *ACTIVITIES))
    return replace(_camera(query, _integer(query, "seed", 0, MAX_SEED, 0)), place=place)


def open_scene(uri: str) -> Footage:
    """The footage that a scene URI names. Raises ``SceneError``."""
    spec = parse_scene(uri)
    if isinstance(spec, SceneSpec):
        return Scene(spec)
    return Wall(spec.cells, spec.rows, spec.columns, border=spec.border, labels=spec.labels)


def _query(tail: str) -> dict[str, str]:
    if not tail:
        return {}
    try:
        pairs = parse_qsl(tail, keep_blank_values=True, strict_parsing=True)
    except ValueError as error:
        raise SceneError(f"{tail!r} is no list of settings; write key=value&key=value ({error})") from error
    query: dict[str, str] = {}
    for key, value in pairs:
        if key in query:
            raise SceneError(f"{key} is given twice; give it once, with several times as 3-8,12-20")
        query[key] = value
    return query


def _known(query: Query, allowed: tuple[str, ...]) -> None:
    for key in query:
        if key not in allowed:
            raise SceneError(f"unknown setting {key!r}; known are {', '.join(allowed)}")


def _camera(query: Query, seed: int, fight: bool | None = None) -> SceneSpec:
    """A drawn specification with what the query says put in its place."""
    duration = _number(query, "duration", 0.5, MAX_DURATION_S, 60.0)
    fps = _number(query, "fps", 1, 60, 15.0)
    drawn = random_spec(seed, fight=fight, duration_s=duration, fps=fps, size=_size(query))
    said = any(activity in query for activity in ACTIVITIES)
    people = _integer(query, "people", 0, MAX_PEOPLE, max(drawn.people, 4) if said else drawn.people)
    # Fewer people than drawn: what takes those who are missing does not happen.
    acts = _acts(query, people, seed) if said else tuple(act for act in drawn.acts if max(act.people) < people)
    return replace(
        drawn,
        people=people,
        acts=acts,
        night=_flag(query, "night", drawn.night),
        noise=_number(query, "noise", 0, 40, drawn.noise),
        compression=_number(query, "compression", 0, 1, drawn.compression),
        flicker=_number(query, "flicker", 0, 0.3, drawn.flicker),
        shadows=_flag(query, "shadows", True),
        overlay=_flag(query, "overlay", True),
        name=query.get("name", drawn.name),
        loop=_flag(query, "loop", False),
    )


def _acts(query: Query, people: int, seed: int) -> tuple[Act, ...]:
    """Acts at the times the query gives, cast from those who are free."""
    rng = np.random.default_rng([seed, 1])
    wanted = [(activity, when) for activity in ACTIVITIES for when in _times(query, activity)]
    # Those that need most people choose first, or two walkers could leave nobody to fight.
    wanted.sort(key=lambda one: (one[0] not in {"fight", "hug", "play"}, one[1].start_s))
    acts: list[Act] = []
    for index, (activity, when) in enumerate(wanted):
        later = [one for one, then in wanted[index + 1 :] if then.start_s < when.end_s and when.start_s < then.end_s]
        acts.append(assign(activity, when, people, acts, rng, spare=sum(CAST[one][0] for one in later)))
    return tuple(sorted(acts, key=lambda act: act.start_s))


def _times(query: Query, activity: Activity) -> tuple[Interval, ...]:
    text = query.get(activity, "none")
    if text == "none":
        return ()
    found: list[Interval] = []
    for part in text.split(","):
        match = _TIMES.fullmatch(part)
        if match is None:
            raise SceneError(f"{activity}={text!r} is no list of times; write {activity}=12-20 or 3-8,12-20 or none")
        found.append(Interval(float(match[1]), float(match[2])))
    return tuple(found)


def _wall(query: Query) -> WallSpec:
    """Cameras with neighbouring seeds; acts happen in the cell that ``cell`` names, and all others are calm."""
    _known(query, (*SETTINGS, *WALL_SETTINGS, *ACTIVITIES))
    rows, columns = _integer(query, "rows", 1, MOST, 2), _integer(query, "columns", 1, MOST, 2)
    chosen = _integer(query, "cell", 1, rows * columns, 1)
    seed = _integer(query, "seed", 0, MAX_SEED, 0)
    said = any(activity in query for activity in ACTIVITIES)
    unsaid = {key: value for key, value in query.items() if key not in ACTIVITIES}
    cells: list[SceneSpec] = []
    for number in range(1, rows * columns + 1):
        calm = said and number != chosen
        cell = _camera(unsaid if calm else query, seed + number - 1, fight=False if calm else None)
        cells.append(replace(cell, name=f"{query.get('name', 'CAM')} {number:02d}"))
    return WallSpec(tuple(cells), rows, columns, _integer(query, "border", 0, 64, 2), _flag(query, "labels", True))


def _size(query: Query) -> tuple[int, int]:
    text = query.get("size", "640x360")
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    if match is None:
        raise SceneError(f"size={text!r} is no size; write size=640x360")
    return int(match[1]), int(match[2])


def _read(query: Query, key: str, convert: Callable[[str], float], low: float, high: float, default: float) -> float:
    text = query.get(key)
    if text is None:
        return default
    try:
        value = convert(text)
    except ValueError as error:
        raise SceneError(f"{key}={text!r} is no number; give a value from {low:g} to {high:g}") from error
    if not low <= value <= high:
        raise SceneError(f"{key}={text} is out of range; give a value from {low:g} to {high:g}")
    return value


def _number(query: Query, key: str, low: float, high: float, default: float) -> float:
    return _read(query, key, float, low, high, default)


def _integer(query: Query, key: str, low: int, high: int, default: int) -> int:
    return int(_read(query, key, int, low, high, default))


def _flag(query: Query, key: str, default: bool) -> bool:
    text = query.get(key)
    if text is None:
        return default
    if text not in {"0", "1"}:
        raise SceneError(f"{key}={text!r} is no switch; write {key}=0 or {key}=1")
    return text == "1"
