"""A bundle evaluated on a folder of clips, target by target, as a device would run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.evaluation.clip_samples import ClipSamples
from builder.evaluation.figures import Figures, figure
from builder.evaluation.intervals import compare
from builder.evaluation.operating_point import OperatingPoint, operating_point
from builder.evaluation.scores import ClipScore, Scores, Skipped
from builder.evaluation.scoring import score_clip
from models.bundle import Bundle
from runtimes.detector import Detector, open_detector
from runtimes.errors import EngineError, NoRuntimeError
from runtimes.protocol import SessionOptions


class TargetEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """One target. ``sample_ms`` is the median over batches of encoding time by sample, ``clip_ms`` the median time of a
    clip without decoding; ``deviation`` is the largest difference of a clip's probability from ``reference``."""

    target: str
    description: str
    figures: Figures
    operating_points: tuple[OperatingPoint, ...]
    sample_ms: float
    clip_ms: float
    reference: str | None
    deviation: float | None
    scores: tuple[ClipScore, ...]


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle on a folder of clips; ``refused`` says of each target that could not run here why."""

    bundle: str
    version: str
    data: str
    sources_known: bool
    targets: tuple[TargetEvaluation, ...]
    refused: dict[str, str]
    skipped: tuple[Skipped, ...]


@dataclass(slots=True)
class _Run:
    """One open target, what it has said so far, and how long that took."""

    detector: Detector
    clock: Callable[[], float]
    scores: list[ClipScore] = field(default_factory=list)
    sample_ms: list[float] = field(default_factory=list)
    clip_ms: list[float] = field(default_factory=list)

    def encode(self, samples: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As ``Detector.encode``, timed."""
        before = self.clock()
        embeddings = self.detector.encode(samples)
        self.sample_ms.append((self.clock() - before) * 1000 / len(samples))
        return embeddings

    def logits(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """As ``Detector.logits``."""
        return self.detector.logits(windows)

    def judge(self, clip: ClipSamples, bundle: Bundle) -> None:
        """Score one more clip."""
        before = self.clock()
        manifest = bundle.manifest
        self.scores.append(score_clip(self, clip, manifest.geometry, manifest.calibration.temperature))
        self.clip_ms.append((self.clock() - before) * 1000)


@contextmanager
def open_targets(
    bundle: Bundle, targets: Iterable[str], options: SessionOptions
) -> Iterator[tuple[dict[str, Detector], dict[str, str]]]:
    """Open each target that runs here, and say why the others do not; all are closed at the end.

    Raises ``NoRuntimeError`` when none runs and ``BundleFormatError`` for a target that the bundle does not have.
    """
    opened: dict[str, Detector] = {}
    refused: dict[str, str] = {}
    with ExitStack() as stack:
        for target in targets:
            detector = _open(bundle, target, options)
            if isinstance(detector, Detector):
                stack.callback(detector.close)
                opened[target] = detector
            else:
                refused[target] = detector
        if not opened:
            raise NoRuntimeError(bundle.manifest.name, tuple(refused.values()))
        yield opened, refused


def run_targets(
    detectors: Mapping[str, Detector],
    bundle: Bundle,
    clips: Iterable[ClipSamples | Skipped],
    *,
    threshold: float,
    clock: Callable[[], float],
    generator: np.random.Generator,
) -> tuple[tuple[TargetEvaluation, ...], tuple[Skipped, ...]]:
    """Judge every clip with every target; each clip is decoded once. ``clock`` gives seconds.

    Raises ``NoClipsError`` when no clip could be read.
    """
    runs = {target: _Run(detector, clock) for target, detector in detectors.items()}
    skipped: list[Skipped] = []
    for clip in clips:
        if isinstance(clip, Skipped):
            skipped.append(clip)
            continue
        for run in runs.values():
            run.judge(clip, bundle)
    everything = {target: Scores(clips=tuple(run.scores), skipped=tuple(skipped)) for target, run in runs.items()}
    reference = _reference(bundle, everything)
    evaluations = tuple(
        _summarise(target, run, everything, reference, bundle, threshold, generator) for target, run in runs.items()
    )
    return evaluations, tuple(skipped)


def _open(bundle: Bundle, target: str, options: SessionOptions) -> Detector | str:
    try:
        return open_detector(bundle, target=target, options=options)
    except NoRuntimeError as error:
        return "; ".join(error.attempts) or str(error)
    except EngineError as error:
        return str(error)


def _reference(bundle: Bundle, scores: Mapping[str, Scores]) -> str | None:
    """The float target that the others are held against: the first of the manifest that ran."""
    precisions = {target: bundle.manifest.artifact(target, "encoder").precision for target in scores}
    exact = [target for target in bundle.manifest.targets() if precisions.get(target) == "float32"]
    near = [target for target in bundle.manifest.targets() if precisions.get(target) == "float16"]
    return next(iter([*exact, *near]), None)


def _summarise(
    target: str,
    run: _Run,
    everything: Mapping[str, Scores],
    reference: str | None,
    bundle: Bundle,
    threshold: float,
    generator: np.random.Generator,
) -> TargetEvaluation:
    scores = everything[target]
    figures = figure(scores, threshold, generator)
    deviation = None
    if reference is not None:
        deviation = compare(everything[reference], scores, threshold, generator).largest_deviation
    thresholds = bundle.manifest.calibration.thresholds
    return TargetEvaluation(
        target=target,
        description=run.detector.description,
        figures=figures,
        operating_points=tuple(
            operating_point(name, value, scores)
            for name, value in (("wake", thresholds.wake), ("alert", thresholds.alert), ("clear", thresholds.clear))
        ),
        sample_ms=float(np.median(run.sample_ms)),
        clip_ms=float(np.median(run.clip_ms)),
        reference=reference,
        deviation=deviation,
        scores=scores.clips,
    )
