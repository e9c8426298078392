"""Films that a bundle takes for calm and for a fight, whatever it has learned, and the thresholds between them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from edge_agent.inference import Judge
from edge_agent.sample import SampleMaker
from edge_agent.sampling import SamplingPolicy
from edge_agent.sources import SourceOptions, open_source
from models.bundle import Bundle
from models.manifest import Thresholds
from runtimes.detector import Detector, open_detector
from tests.edge_agent.films import SIZE, write_film

FPS = 20
STEPS, HELD, STRIPES = 30, 2, 8
Pictures = list[NDArray[np.uint8]]


@dataclass(frozen=True)
class Plot:
    """``calm`` and ``fight`` are seamless loops of pictures, ``FPS`` a second."""

    calm: Pictures
    fight: Pictures
    thresholds: Thresholds

    def film(
        self,
        path: Path,
        *acts: tuple[str, float],
        codec: str = "mpeg4",
        options: Mapping[str, str] = MappingProxyType({}),
    ) -> Path:
        """Write acts, each "calm" or "fight" with its seconds, one after another."""
        pictures: Pictures = []
        for act, seconds in acts:
            loop = self.calm if act == "calm" else self.fight
            pictures += [loop[index % len(loop)] for index in range(round(seconds * FPS))]
        return write_film(path, pictures, fps=FPS, codec=codec, options=options)


def make_plot(bundle: Bundle, folder: Path) -> Plot:
    """Judge a few loops with the bundle, and take the lowest for calm and the highest for a fight."""
    loops = {
        "dark": _still(0),
        "bright": _still(255),
        "rising": _wave(0, 51, 102, 153, 204, 255),
        "falling": _wave(255, 204, 153, 102, 51, 0),
        "sparks": _wave(0, 0, 255),
        "winks": _wave(255, 255, 0),
        "flicker": _wave(0, 255),
    }
    with closing(open_detector(bundle)) as detector:
        scores = {name: _score(bundle, detector, loop, folder / f"{name}.mp4") for name, loop in loops.items()}
    low, high = min(scores, key=scores.__getitem__), max(scores, key=scores.__getitem__)
    span = scores[high] - scores[low]
    assert span > 0.1, f"the bundle cannot tell any of these apart: {scores}"
    at = [scores[low] + part * span for part in (0.3, 0.4, 0.6)]
    return Plot(loops[low], loops[high], Thresholds(wake=at[0], clear=at[1], alert=at[2]))


def _score(bundle: Bundle, detector: Detector, loop: Pictures, path: Path) -> float:
    geometry, preprocessing = bundle.manifest.geometry, bundle.manifest.preprocessing
    maker = SampleMaker("plot", SamplingPolicy(), geometry, preprocessing)
    maker.mode = "alert"
    judge = Judge(detector, geometry, 1.0, lambda: 0.0)
    source = open_source(str(write_film(path, loop, fps=FPS)), SourceOptions(realtime=False), time.monotonic)
    scores = []
    while frame := source.read(threading.Event()):
        scores += [one.probability for one in judge.judge(maker.make(frame, 0.0))]
    return median(scores)


def _still(level: int) -> Pictures:
    return [np.full((*SIZE, 3), level, np.uint8)] * (STEPS * HELD)


def _wave(*levels: int) -> Pictures:
    """Stripes that go through the levels, one each tenth of a second, each stripe a level ahead of the one before: the
    same motion at every instant."""
    rows = [[levels[(step + stripe) % len(levels)] for stripe in range(STRIPES)] for step in range(STEPS)]
    wide = np.repeat(np.array(rows, np.uint8), SIZE[1] // STRIPES, axis=1)
    pictures = np.broadcast_to(wide[:, None, :, None], (STEPS, *SIZE, 3))
    return [np.ascontiguousarray(pictures[index // HELD]) for index in range(STEPS * HELD)]
