"""How long one pass over a wall of 36 cameras takes, where the time goes, and whether the capture is read in time.

A drawn wall of 6x6 cells, 1920x1080 H.264 at 60 frames a second, is decoded, split, sampled, encoded and judged with
the agent's own parts. *One pass* gives every cell one new sample and judges it. A glance makes the sample of three
frames 0.1 s apart that nothing is known of yet: all three are converted and shrunk. While all cells are alert, a pass
is due every 0.1 s, in which six frames arrive and one is needed, as the two before it are kept. Passes are timed
from decoded frames to probabilities, splitting on one thread and the encoder on ``--threads``, one after the other, and
nothing else runs meanwhile; decoding has lines of its own, since it goes on in its own thread whatever is judged.

Beside it stands the naive design: for each cell 20 frames are decoded, converted, cut, shrunk and encoded anew.
Usage: ``python -m benchmarks.wall --bundle B [--plot FILE]``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from benchmarks.budget import NAIVE_FRAMES
from benchmarks.outcome import machine_line, run, tell, write_json
from benchmarks.sampling import decode
from benchmarks.wall_plot import plot_pass
from benchmarks.wall_result import Reading, Result
from edge_agent.cell_image import CellImage, SharedImage
from edge_agent.events import Mode
from edge_agent.frame import Frame, Image
from edge_agent.grid import Grid
from edge_agent.inference import Judge
from edge_agent.sample import Sample, SampleMaker
from edge_agent.sampling import SamplingPolicy
from edge_agent.sources.source import SourceOptions
from edge_agent.sources.video import VideoReader
from edge_agent.splitter import Splitter
from models.bundle import Bundle
from models.manifest import Manifest
from models.preprocessing import Luma, make_sample, shrink
from runtimes.bench.opened_targets import open_any_bundle
from runtimes.bench.table import table_lines
from runtimes.bench.timing import spread, time_side_by_side
from runtimes.detector import Detector, open_detector
from runtimes.protocol import SessionOptions
from scenes import open_scene
from scenes.film import write_film

FPS = 60.0
TARGET_MS = 150.0
_SEED = 20_261_126
_GAP = 6
_SIZE = "320x180"
_WORDS = {
    "luma": "luma of 3 frames",
    "split": "cells of 3 frames, shrunk",
    "sample": "samples of all cells",
    "encode": "encode them, one batch",
    "head": "judge all windows",
    "glance": "one pass, from 3 frames",
    "alert": "one pass while all are alert, from 1 of 6 frames",
}


def main(argv: list[str]) -> int:
    """Time one pass over a wall of cameras, and show where the time goes."""
    arguments = _parser().parse_args(argv)
    bundle = open_any_bundle(arguments.bundle)
    # As the agent does: the cores are for the engine and the decoder.
    cv2.setNumThreads(1)
    seconds, rounds, naive = (1.0, 10, 1) if arguments.quick else (2.0, arguments.rounds, 3)
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "wall.mp4"
        uri = f"scene:wall?rows=6&columns=6&border=0&seed=7&fps={FPS:g}&duration={seconds:g}&size={_SIZE}"
        write_film(open_scene(uri), film, film.with_suffix(".jsonl"))
        result = measure(bundle, film, Grid(6, 6), arguments.threads, rounds, naive, time.perf_counter)
    tell(describe(result))
    write_json(arguments.json, result)
    plot_pass(arguments.plot, result, TARGET_MS)
    return 0


def measure(
    bundle: Bundle, film: Path, grid: Grid, threads: int, rounds: int, naive: int, clock: Callable[[], float]
) -> Result:
    """Time everything on ``film``, a wall of ``grid`` with ``FPS`` frames a second: ``rounds`` passes and ``naive``
    naive ones. Raises ``NoRuntimeError``."""
    images, decoding = decode(film, clock)
    with closing(open_detector(bundle, options=SessionOptions(threads=threads))) as detector:
        taken = time_side_by_side(
            _steps(detector, bundle.manifest, grid, images), rounds, clock, np.random.default_rng(_SEED)
        )
        anew = []
        for _ in range(naive):
            before = clock()
            judge_naively(detector, bundle.manifest, grid, film, clock)
            anew.append((clock() - before) * 1000)
        target = detector.description
    modes: tuple[Mode, ...] = ("idle", "alert")
    return Result(
        bundle=f"{bundle.manifest.name} {bundle.manifest.version}",
        target=target,
        threads=threads,
        cells=grid.rows * grid.columns,
        size=images[0].size,
        frames=len(images),
        decode=spread(decoding),
        steps={name: spread(times) for name, times in taken.items()},
        naive=spread(np.array(anew)),
        readings=(
            read_through("every frame converted, none sampled", film, clock, lambda frame: frame.image.luma()),
            *(read_through(f"all cells {mode}", film, clock, _sampling(bundle.manifest, grid, mode)) for mode in modes),
        ),
    )


def read_through(name: str, film: Path, clock: Callable[[], float], take: Callable[[Frame], object]) -> Reading:
    """Decode a film and hand each frame to ``take``, as a camera's thread does, timing each frame."""
    taken = []
    with closing(VideoReader(str(film), SourceOptions(realtime=False), clock)) as reader:
        while True:
            before = clock()
            read = reader.read()
            if read is None:
                break
            take(Frame(read[0], 0, read[1]))
            taken.append((clock() - before) * 1000)
    return Reading(name=name, mean_ms=float(np.mean(taken)), frame=spread(np.array(taken)))


def judge_naively(detector: Detector, manifest: Manifest, grid: Grid, film: Path, clock: Callable[[], float]) -> None:
    """One pass of a design that keeps nothing: every cell decodes and encodes its whole window again."""
    preprocessing = manifest.preprocessing
    for region in grid.regions:
        shrunk: list[Luma] = []
        with closing(VideoReader(str(film), SourceOptions(realtime=False), clock)) as reader:
            while len(shrunk) < NAIVE_FRAMES and (read := reader.read()) is not None:
                shrunk.append(shrink(CellImage(read[1], region).luma(), preprocessing))
        samples = np.stack(
            [
                make_sample(shrunk[max(0, index - 2)], shrunk[max(0, index - 1)], luma, preprocessing)
                for index, luma in enumerate(shrunk)
            ]
        )
        window = detector.encode(samples)[-manifest.geometry.samples :]
        detector.judge(window[None])


def describe(result: Result) -> Iterator[str]:
    """The lines that the benchmark prints."""
    height, width = result.size
    yield machine_line()
    yield f"bundle: {result.bundle} on {result.target}, {result.threads} thread(s)"
    yield f"wall: {result.cells} cells in {width}x{height} H.264, {result.frames} frames at {FPS:g} a second"
    yield ""
    rows = [("decode a frame", result.decode)]
    rows += [(_WORDS[name], one) for name, one in result.steps.items()]
    rows.append((f"naive pass, {NAIVE_FRAMES} frames a cell, decoding included", result.naive))
    lines = [(name, f"{one.p50_ms:.1f}", f"{one.p95_ms:.1f}") for name, one in rows]
    yield from table_lines(("step", "p50 ms", "p95 ms"), lines)
    yield ""
    took = result.steps["glance"].p50_ms
    yield f"One pass takes {took:.0f} ms; allowed are {TARGET_MS:.0f}. A naive one takes {result.naive.p50_ms:.0f} ms."
    yield ""
    budget = 1000 / FPS
    read = [
        (one.name, f"{one.mean_ms:.1f}", f"{one.frame.p95_ms:.1f}", "yes" if one.mean_ms < budget else "no")
        for one in result.readings
    ]
    yield from table_lines(("reading the capture", "mean ms a frame", "p95 ms", f"under {budget:.1f} ms"), read)
    yield ""
    yield "Reading is one thread's work, from packets to samples. Single frames may take longer, the mean may not."


def _steps(
    detector: Detector, manifest: Manifest, grid: Grid, images: Sequence[Image]
) -> dict[str, Callable[[], object]]:
    preprocessing = manifest.preprocessing
    chosen = images[: 2 * _GAP + 1 : _GAP]
    shared = [SharedImage(image) for image in chosen]
    before, now, after = (
        [shrink(CellImage(one, region).luma(), preprocessing) for region in grid.regions] for one in shared
    )
    cut = list(zip(before, now, after, strict=True))
    samples = np.stack([make_sample(one, two, three, preprocessing) for one, two, three in cut])
    windows = np.repeat(detector.encode(samples)[:, None], manifest.geometry.samples, axis=1)
    judge = Judge(detector, manifest.geometry, 1.0, lambda: 0.0)
    alert = _Alert(manifest, grid, images)
    return {
        "luma": lambda: [image.luma() for image in chosen],
        "split": lambda: [
            shrink(CellImage(one, region).luma(), preprocessing) for region in grid.regions for one in shared
        ],
        "sample": lambda: [make_sample(one, two, three, preprocessing) for one, two, three in cut],
        "encode": lambda: detector.encode(samples),
        "head": lambda: detector.judge(windows),
        "glance": lambda: judge.judge(glance(manifest, grid, chosen)),
        "alert": lambda: judge.judge(alert.due()),
    }


def glance(manifest: Manifest, grid: Grid, images: Sequence[Image]) -> list[Sample]:
    """One sample of every cell from three frames 0.1 s apart, by the agent's own parts, new to what they see."""
    splitter = _splitter(manifest, grid, "idle")
    gap_s = manifest.geometry.frame_gap_s
    return [
        sample
        for number, image in enumerate(images)
        for sample in splitter.make(Frame(number * gap_s, 0, image), number * gap_s)
    ]


class _Alert:
    """All cells of a wall while they are watched closely; ``due`` gives their samples of the next tenth of a second."""

    def __init__(self, manifest: Manifest, grid: Grid, images: Sequence[Image]) -> None:
        self._splitter = _splitter(manifest, grid, "alert")
        self._images = images
        self._next = 0
        self.due()
        self.due()

    def due(self) -> list[Sample]:
        samples: list[Sample] = []
        for _ in range(_GAP):
            time_s = self._next / FPS
            frame = Frame(time_s, 0, self._images[self._next % len(self._images)])
            samples += self._splitter.make(frame, time_s)
            self._next += 1
        return samples


def _sampling(manifest: Manifest, grid: Grid, mode: Mode) -> Callable[[Frame], object]:
    splitter = _splitter(manifest, grid, mode)
    return lambda frame: splitter.make(frame, frame.time_s)


def _splitter(manifest: Manifest, grid: Grid, mode: Mode) -> Splitter:
    # Every pass is one in which something moves in each cell.
    policy = SamplingPolicy(full_glance_s=0)
    make = partial(SampleMaker, policy=policy, geometry=manifest.geometry, preprocessing=manifest.preprocessing)
    names = grid.names("wall")
    splitter = Splitter({name: (region, make(name)) for name, region in zip(names, grid.regions, strict=True)})
    for name in names:
        splitter.set_mode(name, mode)
    return splitter


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wall", description=main.__doc__)
    parser.add_argument("--bundle", type=Path, required=True, help="bundle directory or .nexara file")
    parser.add_argument("--threads", type=int, default=2, help="threads of the engine (default 2)")
    parser.add_argument("--rounds", type=int, default=100, help="timed passes (default 100)")
    parser.add_argument("--quick", action="store_true", help="a second of film, ten passes, one naive one")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw where the time goes there (SVG)")
    return parser


if __name__ == "__main__":
    run(main)
