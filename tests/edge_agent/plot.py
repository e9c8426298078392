"""Films that a bundle takes for calm and for a fight, whatever it has learned, and the thresholds between them."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

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
Pictures = list[NDArray[np.uint8]]


@dataclass(frozen=True)
class Plot:
    """``calm`` and ``fight`` are seamless seconds of pictures, ``FPS`` long."""

    calm: Pictures
    fight: Pictures
    thresholds: Thresholds

    def film(self, path: Path, *acts: tuple[str, float]) -> Path:
        """Write acts, each "calm" or "fight" with its seconds, one after another."""
        pictures: Pictures = []
        for act, seconds in acts:
            second = self.calm if act == "calm" else self.fight
            pictures += [second[index % FPS] for index in range(round(seconds * FPS))]
        return write_film(path, pictures, fps=FPS)


def make_plot(bundle: Bundle, folder: Path) -> Plot:
    """Judge a few second-long loops with the bundle, and take the lowest for calm and the highest for a fight."""
    loops = {"dark": _still(0), "bright": _still(255), "flicker": _flicker(), "noise": _noise()}
    with closing(open_detector(bundle)) as detector:
        scores = {name: _score(bundle, detector, loop, folder / f"{name}.mp4") for name, loop in loops.items()}
    low, high = min(scores, key=scores.__getitem__), max(scores, key=scores.__getitem__)
    span = scores[high] - scores[low]
    assert span > 0.02, f"the bundle cannot tell any of these apart: {scores}"
    at = [scores[low] + part * span for part in (0.3, 0.4, 0.6)]
    return Plot(loops[low], loops[high], Thresholds(wake=at[0], clear=at[1], alert=at[2]))


def _score(bundle: Bundle, detector: Detector, loop: Pictures, path: Path) -> float:
    geometry, preprocessing = bundle.manifest.geometry, bundle.manifest.preprocessing
    maker = SampleMaker("plot", SamplingPolicy(), geometry, preprocessing)
    maker.mode = "alert"
    judge = Judge(detector, geometry, 1.0, lambda: 0.0)
    source = open_source(str(write_film(path, loop * 3, fps=FPS)), SourceOptions(realtime=False), time.monotonic)
    scores = []
    while frame := source.read(threading.Event()):
        scores += [one.probability for one in judge.judge(maker.make(frame, 0.0))]
    return median(scores)


def _still(level: int) -> Pictures:
    return [np.full((*SIZE, 3), level, np.uint8)] * FPS


def _flicker() -> Pictures:
    """Black and white in turn, a tenth of a second each."""
    return [np.full((*SIZE, 3), 255 * (index // 2 % 2), np.uint8) for index in range(FPS)]


def _noise() -> Pictures:
    """Coarse blocks that change every tenth of a second."""
    rng = np.random.default_rng(11)
    blocks = [rng.integers(0, 2, (6, 8, 1), np.uint8) * np.full(3, 255, np.uint8) for _ in range(FPS // 2)]
    return [np.kron(blocks[index // 2], np.ones((16, 16, 1), np.uint8)) for index in range(FPS)]
