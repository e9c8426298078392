"""Calm films as cameras would stream them, drawn once and kept."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.streaming import Encoding, film_footage
from scenes import Scene, random_spec

FPS = 15.0
FILMS = 4


def draw_empty_films(cache: Path, size: tuple[int, int], seconds: float, key_every_s: float) -> list[Path]:
    """``FILMS`` films of places where nobody is, kept under ``cache``: noise, flicker and a clock are all that
    changes."""
    films = []
    for seed in range(FILMS):
        drawn = random_spec(seed, fight=False, duration_s=seconds, size=size, fps=FPS)
        name = f"empty-{size[1]}p-seed{seed}-{seconds:g}s-key{key_every_s:g}.mp4"
        empty = Scene(replace(drawn, people=0, acts=()))
        films.append(film_footage(empty, cache / name, Encoding(key_every_s=key_every_s)))
        sys.stderr.write(f"empty film {seed + 1} of {FILMS} is there\n")
    return films


def draw_films(
    cache: Path, size: tuple[int, int], seconds: float, key_every_s: float, count: int = FILMS
) -> list[Path]:
    """``count`` films ``(width, height)`` in which people do ordinary things, kept under ``cache``."""
    films = []
    for seed in range(count):
        spec = replace(random_spec(seed, fight=False, duration_s=seconds), fps=FPS, width=size[0], height=size[1])
        name = f"calm-{size[1]}p-seed{seed}-{seconds:g}s-key{key_every_s:g}.mp4"
        films.append(film_footage(Scene(spec), cache / name, Encoding(key_every_s=key_every_s)))
        sys.stderr.write(f"film {seed + 1} of {count} is there\n")
    return films
