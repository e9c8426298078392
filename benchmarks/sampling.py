"""Where a core's time goes between a camera and a verdict, and how many cameras a core carries.

A drawn 720p scene is encoded as H.264, then decoded, sampled, encoded by the bundle's network and judged with the
agent's own parts on one thread; beside it stands the naive design, which encodes 20 frames anew for every window.
Usage: ``python -m benchmarks.sampling --bundle B``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.budget import NAIVE_FRAMES, Budget, UnitCosts, cached_budget, naive_budget
from benchmarks.outcome import machine_line, run, tell, write_json
from edge_agent.events import Mode
from edge_agent.frame import Frame
from edge_agent.sample import SampleMaker
from edge_agent.sampling import SamplingPolicy
from edge_agent.sources.source import SourceOptions
from edge_agent.sources.video import VideoImage, VideoReader
from models.bundle import Bundle
from models.manifest import Geometry, Preprocessing
from models.preprocessing import make_sample, shrink
from runtimes.bench.opened_targets import open_any_bundle
from runtimes.bench.table import table_lines
from runtimes.bench.timing import Spread, spread, time_side_by_side
from runtimes.detector import Detector, open_detector
from runtimes.protocol import SessionOptions
from scenes import Scene, random_spec
from scenes.film import write_film

ALERT_HZ = 10.0
_SEED = 20_261_123
_LOOPS = 5
MODES: tuple[Mode, ...] = ("idle", "alert")


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """The agent's sampler in one mode: samples and milliseconds of one core for each second of one camera."""

    mode: str
    samples_a_second: float
    ms_a_second: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that the benchmark found, by one thread."""

    bundle: str
    target: str
    frames: int
    fps: float
    steps: dict[str, Spread]
    sampling: tuple[Sampling, ...]
    budgets: tuple[Budget, ...]


def main(argv: list[str]) -> int:
    """Show where a core's time goes."""
    arguments = _parser().parse_args(argv)
    bundle = open_any_bundle(arguments.bundle)
    # What is counted is one core's time; OpenCV would else resize on all of them.
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "scene.mp4"
        spec = replace(random_spec(7, fight=False, duration_s=arguments.seconds), fps=arguments.fps)
        write_film(Scene(replace(spec, width=1280, height=720)), film, film.with_suffix(".jsonl"))
        result = measure(bundle, film, arguments.fps, arguments.rounds, time.perf_counter)
    tell(describe(result))
    write_json(arguments.json, result)
    return 0


def measure(bundle: Bundle, film: Path, fps: float, rounds: int, clock: Callable[[], float]) -> Result:
    """Time every step on ``film``, ``rounds`` times where a step is repeated. Raises ``NoRuntimeError``."""
    images, decoding = decode(film, clock)
    manifest = bundle.manifest
    steps = {"decode": spread(decoding)}
    with closing(open_detector(bundle, options=SessionOptions(threads=1))) as detector:
        calls = _steps(detector, images, manifest.preprocessing)
        taken = time_side_by_side(calls, rounds, clock, np.random.default_rng(_SEED))
        steps.update({name: spread(times) for name, times in taken.items()})
        target = detector.description
    # Frames differ in cost (keyframes most of all), so that decoding is counted by its mean.
    costs = UnitCosts(decode=float(decoding.mean()), **{name: float(np.median(times)) for name, times in taken.items()})
    sampled = tuple(sample(images, mode, fps, manifest.geometry, manifest.preprocessing, clock) for mode in MODES)
    return Result(
        bundle=f"{manifest.name} {manifest.version}",
        target=target,
        frames=len(images),
        fps=fps,
        steps=steps,
        sampling=sampled,
        budgets=tuple(_budgets(costs, fps, sampled)),
    )


def decode(film: Path, clock: Callable[[], float]) -> tuple[list[VideoImage], NDArray[np.float64]]:
    """All pictures of a film as the agent decodes them, and the milliseconds that each took."""
    images: list[VideoImage] = []
    taken: list[float] = []
    with closing(VideoReader(str(film), SourceOptions(realtime=False), clock)) as reader:
        while True:
            before = clock()
            read = reader.read()
            if read is None:
                return images, np.array(taken)
            taken.append((clock() - before) * 1000)
            images.append(read[1])


def sample(
    images: Sequence[VideoImage],
    mode: Mode,
    fps: float,
    geometry: Geometry,
    preprocessing: Preprocessing,
    clock: Callable[[], float],
) -> Sampling:
    """The agent's own sampler on the pictures, several times over as one long stream of ``fps`` frames a second."""
    maker = SampleMaker("camera", SamplingPolicy(alert_rate_hz=ALERT_HZ), geometry, preprocessing)
    maker.mode = mode
    count = 0
    frames = len(images) * _LOOPS
    before = clock()
    for number in range(frames):
        at = number / fps
        count += len(maker.make(Frame(time_s=at, segment=0, image=images[number % len(images)]), at))
    seconds = frames / fps
    return Sampling(mode=mode, samples_a_second=count / seconds, ms_a_second=(clock() - before) * 1000 / seconds)


def describe(result: Result) -> Iterator[str]:
    """The lines that the benchmark prints."""
    yield machine_line()
    yield f"bundle: {result.bundle} on {result.target}, 1 thread; {result.frames} frames of 1280x720 H.264"
    yield ""
    words = {
        "decode": "decode a frame",
        "shrink": "luma of a frame, shrunk",
        "sample": "a sample of three frames",
        "encode": "encode a sample",
        "head": "judge a window",
        "naive_encode": f"naive: encode {NAIVE_FRAMES} frames",
    }
    rows = [
        (words[name], *(f"{value:.2f}" for value in (one.p50_ms, one.p95_ms, one.p99_ms)))
        for name, one in result.steps.items()
    ]
    yield from table_lines(("step", "p50 ms", "p95 ms", "p99 ms"), rows)
    yield ""
    header = ("ms of a core for each second of a camera", *(budget.name for budget in result.budgets))
    yield from table_lines(header, list(_rows(result)))
    yield ""
    yield f"Cameras of {result.fps:g} frames a second; every frame is decoded, whether a sample needs it or not."


def _rows(result: Result) -> Iterator[tuple[str, ...]]:
    budgets = result.budgets
    yield ("decoding", *(f"{one.decode:.1f}" for one in budgets))
    yield ("from frames to samples", *(f"{one.samples:.1f}" for one in budgets))
    yield ("encoder", *(f"{one.encode:.1f}" for one in budgets))
    yield ("head", *(f"{one.head:.1f}" for one in budgets))
    yield ("all", *(f"{one.total:.1f}" for one in budgets))
    yield ("cameras a core carries", *(f"{one.cameras(decoding=True):.1f}" for one in budgets))
    yield ("the same, decoded elsewhere", *(f"{one.cameras(decoding=False):.1f}" for one in budgets))


def _steps(
    detector: Detector, images: Sequence[VideoImage], preprocessing: Preprocessing
) -> dict[str, Callable[[], object]]:
    middle = len(images) // 2
    before, now, after = (shrink(image.luma(), preprocessing) for image in images[middle - 1 : middle + 2])
    one = make_sample(before, now, after, preprocessing)[None]
    many = np.repeat(one, NAIVE_FRAMES, axis=0)
    window = np.repeat(detector.encode(one)[None], detector.geometry.samples, axis=1)
    return {
        "shrink": lambda: shrink(images[middle].luma(), preprocessing),
        "sample": lambda: make_sample(before, now, after, preprocessing),
        "encode": lambda: detector.encode(one),
        "head": lambda: detector.judge(window),
        "naive_encode": lambda: detector.encode(many),
    }


def _budgets(costs: UnitCosts, fps: float, sampled: Sequence[Sampling]) -> Iterator[Budget]:
    for one in sampled:
        rate = f"{one.samples_a_second:.1f}/s"
        yield cached_budget(f"{one.mode}, {rate}", costs, fps, one.samples_a_second, one.ms_a_second)
        yield naive_budget(f"naive, {rate}", costs, fps, one.samples_a_second)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sampling", description=main.__doc__)
    parser.add_argument("--bundle", type=Path, required=True, help="bundle directory or .nexara file")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of the drawn scene (default 8)")
    parser.add_argument("--fps", type=float, default=25.0, help="its frames a second (default 25)")
    parser.add_argument("--rounds", type=int, default=100, help="timed calls of each step (default 100)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    return parser


if __name__ == "__main__":
    run(main)
