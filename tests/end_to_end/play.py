"""A film of a drawn world that makes a bundle raise exactly one alarm, whatever the bundle has learnt."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_agent.inference import Judge
from edge_agent.sample import SampleMaker
from edge_agent.sampling import SamplingPolicy
from edge_agent.sources import SourceOptions, open_source
from models.bundle import Bundle
from models.manifest import Thresholds
from runtimes.detector import Detector, open_detector
from scenes import open_scene
from tests.edge_agent.films import write_film

SIZE, FPS, ACT_S = (108, 192), 15, 2.6
_LOOK = f"duration={ACT_S:g}&fps={FPS}&size={SIZE[1]}x{SIZE[0]}"
_ACTS = (
    f"scene:corridor?seed=7&people=4&night=0&fight=0-{ACT_S:g}&{_LOOK}",
    f"scene:corridor?seed=5&people=0&night=1&fight=none&{_LOOK}",
    f"scene:yard?seed=5&people=0&night=0&fight=none&{_LOOK}",
)
Pictures = list[NDArray[np.uint8]]


class Play(NamedTuple):
    """An H.264 film (calm, alarm, calm, each ``ACT_S`` long) and the thresholds that make it so."""

    film: Path
    thresholds: Thresholds


def stage(bundle: Bundle, folder: Path) -> Play:
    """Judge a few scenes with the bundle and play the highest between two turns of the lowest.

    A bundle that is small enough for tests knows nothing of fights; what it tells apart has to do.
    """
    films = [_pictures(uri) for uri in _ACTS]
    with closing(open_detector(bundle)) as detector:
        scores = [
            _scores(bundle, detector, write_film(folder / f"{index}.mp4", film, fps=FPS, size=SIZE, codec="libx264"))
            for index, film in enumerate(films)
        ]
    calm = min(range(len(films)), key=lambda index: scores[index].max())
    alarm = max(range(len(films)), key=lambda index: scores[index].min())
    low, high = float(scores[calm].max()), float(scores[alarm].min())
    assert high - low > 0.01, f"the bundle cannot tell any of these apart: {scores}"
    film = [*films[calm], *films[alarm], *films[calm]]
    middle = (low + high) / 2
    return Play(
        write_film(folder / "play.mp4", film, fps=FPS, size=SIZE, codec="libx264"),
        Thresholds(wake=middle, alert=middle, clear=middle),
    )


def _pictures(uri: str) -> Pictures:
    footage = open_scene(uri)
    return [footage.frame(index).image for index in range(footage.frame_count)]


def _scores(bundle: Bundle, detector: Detector, film: Path) -> NDArray[np.float64]:
    geometry, preprocessing = bundle.manifest.geometry, bundle.manifest.preprocessing
    maker = SampleMaker("play", SamplingPolicy(), geometry, preprocessing)
    maker.mode = "alert"
    judge = Judge(detector, geometry, 1.0, lambda: 0.0)
    scores = []
    with closing(open_source(str(film), SourceOptions(realtime=False), time.monotonic)) as source:
        while frame := source.read(threading.Event()):
            scores += [one.probability for one in judge.judge(maker.make(frame, 0.0))]
    return np.array(scores)
