"""How fast scenes are drawn, and how their motion compares with that of real clips.

Usage: ``python -m benchmarks.drawing [--data DIR]``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.outcome import machine_line, run, tell, write_json
from builder.data.clips import LABELS, Clip, Label, find_clips
from builder.data.decode import decode_clip
from builder.data.samples import clip_samples
from builder.errors import DataError
from builder.evaluation.metrics import auc
from builder.recipe import Recipe, load_recipe
from runtimes.bench.table import table_lines
from scenes import open_scene, write_clips

FILMS = {
    "one camera": "scene:yard?seed=7&people=4&fight=1-3&duration=4",
    "one camera by night": "scene:yard?seed=7&people=4&fight=1-3&duration=4&night=1",
    "one camera, 1280x720": "scene:yard?seed=7&people=4&fight=1-3&duration=4&size=1280x720",
    "corridor": "scene:corridor?seed=7&people=4&fight=1-3&duration=4",
    "wall of 2x2": "scene:wall?seed=7&rows=2&columns=2&people=4&fight=1-3&duration=4",
}
_MIDDLE = 128

Motions = dict[Label, NDArray[np.float64]]


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """How fast one film is drawn, all of its frames one after another."""

    film: str
    size: tuple[int, int]
    frames_a_second: float


class Motion(msgspec.Struct, frozen=True, kw_only=True):
    """How strongly clips move: mean distance of a sample's values from mid-grey.

    ``percentiles`` are the 10th, 50th and 90th over the clips of one label.
    """

    clips: str
    label: Label
    count: int
    percentiles: tuple[float, float, float]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that the benchmark found; ``areas`` is, by set of clips, the AUC of motion alone as a score of fights."""

    speeds: tuple[Speed, ...]
    motions: tuple[Motion, ...]
    areas: dict[str, float]


def main(argv: list[str]) -> int:
    """Time drawing, and compare the motion of drawn and real clips."""
    arguments = _parser().parse_args(argv)
    recipe = load_recipe("full")
    speeds = tuple(time_film(name, uri, time.perf_counter) for name, uri in FILMS.items())
    with tempfile.TemporaryDirectory() as folder:
        write_clips(Path(folder), arguments.clips, 3.0, 1)
        sets = {"scenes": find_clips(Path(folder)).clips}
        if arguments.data is not None:
            sets[arguments.data.resolve().name] = find_clips(arguments.data).clips
        energies = {name: measure_motion(clips, recipe) for name, clips in sets.items()}
    result = Result(
        speeds=speeds,
        motions=tuple(motion for name, found in energies.items() for motion in _motions(name, found)),
        areas={name: _area(found) for name, found in energies.items()},
    )
    tell(describe(result))
    write_json(arguments.json, result)
    return 0


def time_film(name: str, uri: str, clock: Callable[[], float]) -> Speed:
    """Draw a film from its first frame to its last."""
    footage = open_scene(uri)
    before = clock()
    count = sum(1 for _ in footage.frames())
    return Speed(film=name, size=(footage.width, footage.height), frames_a_second=count / (clock() - before))


def measure_motion(clips: Sequence[Clip], recipe: Recipe) -> Motions:
    """Each clip's motion by its label; clips that cannot be read are left out."""
    found: dict[Label, list[float]] = {label: [] for label in LABELS}
    for clip in clips:
        try:
            decoded = decode_clip(clip.path, recipe.preprocessing)
        except DataError:
            continue
        samples = clip_samples(decoded, recipe.geometry, recipe.preprocessing).astype(np.float32)
        found[clip.label].append(float(np.abs(samples - _MIDDLE).mean()))
    return {label: np.array(values) for label, values in found.items()}


def describe(result: Result) -> Iterator[str]:
    """The lines that the benchmark prints."""
    yield machine_line()
    yield ""
    speeds = [(one.film, f"{one.size[0]}x{one.size[1]}", f"{one.frames_a_second:.0f}") for one in result.speeds]
    yield from table_lines(("film", "pixels", "frames drawn a second"), speeds)
    yield ""
    motions = [
        (one.clips, one.label, str(one.count), *(f"{value:.2f}" for value in one.percentiles)) for one in result.motions
    ]
    yield from table_lines(("clips", "label", "count", "motion, 10th percentile", "50th", "90th"), motions)
    yield ""
    yield "Motion is the mean distance of a sample's values from mid-grey, 0 to 128, of samples as the recipe has them."
    for name, area in result.areas.items():
        yield f"AUC of motion alone as a score of fights, {name}: {area:.3f}"


def _motions(name: str, found: Motions) -> Iterator[Motion]:
    for label, values in found.items():
        if len(values):
            low, middle, high = np.percentile(values, [10, 50, 90])
            yield Motion(
                clips=name, label=label, count=len(values), percentiles=(float(low), float(middle), float(high))
            )


def _area(found: Motions) -> float:
    labels = np.concatenate([np.full(len(values), label == "fight") for label, values in found.items()])
    return auc(labels.astype(np.int64), np.concatenate(list(found.values())).astype(np.float64))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drawing", description=main.__doc__)
    parser.add_argument("--data", type=Path, help="folder of real clips to compare with")
    parser.add_argument("--clips", type=int, default=40, help="scene clips to draw for the comparison (default 40)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    return parser


if __name__ == "__main__":
    run(main)
