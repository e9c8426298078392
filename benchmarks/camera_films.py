"""Calm films as cameras would stream them, drawn once and kept."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.streaming import Encoding, film_footage
from scenes import Scene, SceneSpec, random_spec

FPS = 15.0
FILMS = 4


def draw_films(
    cache: Path, size: tuple[int, int], seconds: float, key_every_s: float, count: int = FILMS
) -> list[Path]:
    """``count`` films ``(width, height)`` in which people do ordinary things, kept under ``cache``."""
    drawn = (random_spec(seed, fight=False, duration_s=seconds) for seed in range(count))
    specs = [replace(spec, fps=FPS, width=size[0], height=size[1]) for spec in drawn]
    return _draw("calm", specs, cache, key_every_s)


def draw_empty_films(cache: Path, size: tuple[int, int], seconds: float, key_every_s: float) -> list[Path]:
    """``FILMS`` films of places where nobody is, kept under ``cache``: noise, flicker and a clock are all that
    changes."""
    drawn = (random_spec(seed, fight=False, duration_s=seconds, size=size, fps=FPS) for seed in range(FILMS))
    return _draw("empty", [replace(spec, people=0, acts=()) for spec in drawn], cache, key_every_s)


def _draw(kind: str, specs: Sequence[SceneSpec], cache: Path, key_every_s: float) -> list[Path]:
    films = []
    for spec in specs:
        name = f"{kind}-{spec.height}p-seed{spec.seed}-{spec.duration_s:g}s-key{key_every_s:g}.mp4"
        films.append(film_footage(Scene(spec), cache / name, Encoding(key_every_s=key_every_s)))
        sys.stderr.write(f"{kind} film {len(films)} of {len(specs)} is there\n")
    return films
