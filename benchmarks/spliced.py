"""Long streams with rare fights at known times, joined of films that are encoded once.

Three kinds: drawn scenes with drawn fights, ordinary footage with real clips of fights that the bundle never saw, and
drawn places where mostly nobody is. A clip lasts some two seconds, and a fight longer: it is played forwards and
backwards, again and again.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.camera_films import draw_empty_films, draw_films
from benchmarks.delay import FightFilm, draw_fights
from benchmarks.films import find_footage
from benchmarks.streaming import film_pictures, join_films, length_s
from builder.data.clips import find_clips
from models.errors import NexaraError
from models.manifest import Manifest
from scenes import Interval

SIZE = (640, 360)
# Most of the ordinary footage has as many, and it is what a sample's frames are apart.
REAL_FPS = 10.0
FIGHT_S = 8.0
CALM_FILMS, CALM_S, KEY_EVERY_S = 12, 60.0, 2.0
# Of the minutes of a quiet stream in which nobody fights, one in so many has people in it.
PEOPLED_EVERY = 10


class TooFewFightsError(NexaraError):
    """There are not as many fights as were asked for."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A joined film, what it is made of, and the fights in it by its own clock."""

    path: Path
    kind: str
    fights: tuple[Interval, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """``count`` streams of at least ``seconds`` with ``fights`` fights in each, kept under ``cache``; ``seed`` deals
    them out."""

    count: int
    seconds: float
    fights: int
    cache: Path
    seed: int


def splice_drawn(plan: Plan) -> list[Stream]:
    """Calm drawn scenes with drawn fights between them."""
    calm = draw_films(plan.cache, SIZE, CALM_S, KEY_EVERY_S, CALM_FILMS)
    return _splice("drawn", plan, calm, draw_fights(plan.cache, plan.count * plan.fights, plan.seed))


def splice_quiet(plan: Plan) -> list[Stream]:
    """Drawn places in which nobody is for nine minutes of ten, with the fights of the drawn scenes."""
    peopled = draw_films(plan.cache, SIZE, CALM_S, KEY_EVERY_S, CALM_FILMS)
    calm = mix_in(peopled, draw_empty_films(plan.cache, SIZE, CALM_S, KEY_EVERY_S), PEOPLED_EVERY)
    return _splice("quiet", plan, calm, draw_fights(plan.cache, plan.count * plan.fights, plan.seed))


def mix_in(rare: Sequence[Path], usual: Sequence[Path], every: int) -> list[Path]:
    """Each of the ``rare`` films once, followed by so many of the ``usual`` that it is one in ``every``."""
    more = itertools.cycle(usual)
    return [film for one in rare for film in (one, *itertools.islice(more, every - 1))]


def splice_real(plan: Plan, footage: Path, data: Path, manifest: Manifest) -> list[Stream]:
    """Ordinary footage with fights of sources that the bundle never saw, each shown once. Raises ``FilmError`` without
    footage and ``TooFewFightsError``."""
    films = find_footage(footage)
    calm = [_encode(film.path, plan.cache / f"ordinary-{film.path.stem}.mp4", 0.0) for film in films]
    held_out = set(manifest.lineage.held_out_sources)
    clips = [clip for clip in find_clips(data).clips if clip.fight and clip.source in held_out]
    needed = plan.count * plan.fights
    if len(clips) < needed:
        raise TooFewFightsError(
            f"{data}: {len(clips)} fights of sources that the bundle never saw, {needed} were asked for; ask for fewer"
        )
    fights = []
    for clip in clips[:needed]:
        path = _encode(clip.path, plan.cache / f"real-{FIGHT_S:g}s-{clip.path.stem}.mp4", FIGHT_S)
        fights.append(FightFilm(path, Interval(0.0, _seconds(path))))
        sys.stderr.write(f"clip {len(fights)} of {needed} is there\n")
    return _splice("real", plan, calm, fights)


def _splice(kind: str, plan: Plan, calm: Sequence[Path], fights: Sequence[FightFilm]) -> list[Stream]:
    rng = np.random.default_rng(plan.seed)
    order = rng.permutation(len(fights)).reshape(plan.count, plan.fights)
    streams = []
    for number, chosen in enumerate(order.tolist()):
        parts, times = _deal([fights[index] for index in chosen], _rotate(calm, number), plan.seconds, rng)
        name = f"{kind}-seed{plan.seed}-{plan.fights}fights-{plan.seconds:g}s-{number}of{plan.count}.mp4"
        path = join_films(parts, plan.cache / name)
        streams.append(Stream(path, kind, times, _seconds(path)))
    return streams


def _rotate(films: Sequence[Path], by: int) -> list[Path]:
    by %= len(films)
    return [*films[by:], *films[:by]]


def _deal(
    fights: Sequence[FightFilm], calm: Sequence[Path], seconds: float, rng: np.random.Generator
) -> tuple[list[Path], tuple[Interval, ...]]:
    """The films of one stream and when its fights are: one in each equal share of it, at any time there."""
    share_s = seconds / len(fights)
    more = itertools.cycle(calm)
    parts: list[Path] = []
    times = []
    now_s = 0.0
    for number, film in enumerate(fights):
        due_s = (number + rng.uniform(0.1, 0.8)) * share_s
        while now_s < due_s:
            parts.append(next(more))
            now_s += _seconds(parts[-1])
        times.append(Interval(now_s + film.fight.start_s, now_s + film.fight.end_s))
        parts.append(film.path)
        now_s += _seconds(film.path)
    while now_s < seconds:
        parts.append(next(more))
        now_s += _seconds(parts[-1])
    return parts, tuple(times)


def _encode(film: Path, path: Path, seconds: float) -> Path:
    """``film`` as a camera of ``REAL_FPS`` would send it, to and fro until ``seconds`` are over, or once for 0."""
    if path.exists():
        return path
    return film_pictures(_to_and_fro(list(_pictures(film)), seconds), SIZE, REAL_FPS, path)


def _pictures(film: Path) -> Iterator[NDArray[np.uint8]]:
    """The film's pictures nearest to each tick of ``REAL_FPS``, at most half a picture late."""
    due = 0
    with av.open(str(film)) as container:
        rate = float(container.streams.video[0].average_rate or REAL_FPS)
        for number, frame in enumerate(container.decode(video=0)):
            while (number + 0.5) / rate >= due / REAL_FPS:
                due += 1
                resized = cv2.resize(frame.to_ndarray(format="bgr24"), SIZE, interpolation=cv2.INTER_AREA)
                yield np.asarray(resized, dtype=np.uint8)


def _to_and_fro(pictures: Sequence[NDArray[np.uint8]], seconds: float) -> Iterator[NDArray[np.uint8]]:
    there_and_back = [*pictures, *pictures[-2:0:-1]]
    count = max(len(pictures), round(seconds * REAL_FPS)) if seconds else len(pictures)
    return itertools.islice(itertools.cycle(there_and_back), count)


def _seconds(film: Path) -> float:
    with av.open(str(film)) as container:
        return length_s(container.streams.video[0])
