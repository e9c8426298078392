"""The design that ours is held against: every picture decoded, and 20 frames encoded anew for every verdict.

Run as a program it is one camera's process: ``python -m benchmarks.naive --bundle B --source rtsp://…`` prints how many
verdicts it gave, at each.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.budget import NAIVE_FRAMES
from edge_agent.sources import Source, SourceOptions, open_source
from models.bundle import Bundle
from models.preprocessing import Luma, make_sample, shrink
from runtimes.bench.opened_targets import open_any_bundle
from runtimes.detector import Detector, open_detector
from runtimes.protocol import SessionOptions


def watch(source: Source, bundle: Bundle, detector: Detector, every_s: float) -> Iterator[float]:
    """Probabilities, one for every ``every_s`` of the source's time, of the newest 20 frames. Raises
    ``SourceError``."""
    newest: deque[Luma] = deque(maxlen=NAIVE_FRAMES + 2)
    due_s = 0.0
    while (frame := source.read(threading.Event())) is not None:
        newest.append(shrink(frame.image.luma(), bundle.manifest.preprocessing))
        if len(newest) == newest.maxlen and frame.time_s >= due_s:
            due_s = frame.time_s + every_s
            yield judge(list(newest), bundle, detector)


def judge(frames: list[Luma], bundle: Bundle, detector: Detector) -> float:
    """The probability of a window of 20 frames, each encoded anew."""
    pixels = np.stack(
        [
            make_sample(before, now, after, bundle.manifest.preprocessing)
            for before, now, after in zip(frames, frames[1:], frames[2:], strict=False)
        ]
    )
    embeddings = detector.encode(pixels)
    picked = np.linspace(0, len(embeddings) - 1, bundle.manifest.geometry.samples).round().astype(int)
    window: NDArray[np.float32] = embeddings[picked]
    return float(detector.judge(window[None])[0])


def main(argv: list[str]) -> int:
    """Watch one camera until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--every", type=float, default=1.0)
    arguments = parser.parse_args(argv)
    cv2.setNumThreads(1)
    bundle = open_any_bundle(arguments.bundle)
    options = SessionOptions(threads=1)
    with (
        closing(open_detector(bundle, options=options)) as detector,
        closing(open_source(arguments.source, SourceOptions(), time.monotonic)) as source,
    ):
        for count, _ in enumerate(watch(source, bundle, detector, arguments.every), 1):
            sys.stdout.write(f"{count}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
