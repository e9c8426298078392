"""A bundle evaluated on a folder of clips, target by target, as a device would run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.data.degradation import Degradation
from builder.evaluation.clip_samples import ClipSamples
from builder.evaluation.figures import Figures, figure
from builder.evaluation.intervals import Difference, compare
from builder.evaluation.judged_views import ViewName
from builder.evaluation.operating_point import OperatingPoint, operating_point
from builder.evaluation.scores import ClipScore, Scores, Skipped
from builder.evaluation.scoring import average_views, judge_view
from models.bundle import Bundle
from runtimes.detector import Detector, open_detector
from runtimes.errors import EngineError, NoRuntimeError
from runtimes.protocol import SessionOptions


class AveragedViews(msgspec.Struct, frozen=True, kw_only=True):
    """One target that judged other ``views`` of each clip too. ``gain`` is this less the clip as it is, paired by clip;
    ``encoder_runs`` says how many samples were encoded for each one of the clip's own, and ``clip_ms`` is the median
    time of a clip with all its views."""

    views: tuple[ViewName, ...]
    figures: Figures
    gain: Difference
    encoder_runs: float
    clip_ms: float
    scores: tuple[ClipScore, ...]


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
    averaged: AveragedViews | None = None


class DegradedEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The same on degraded copies of the same clips, drawn from ``ranges`` by ``seed``; ``changes`` is, of each target,
    degraded less clean, paired by clip."""

    ranges: Degradation
    seed: int
    targets: tuple[TargetEvaluation, ...]
    changes: dict[str, Difference]


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle, of which ``fingerprint`` is its manifest's, on a folder of clips; ``refused`` says of each target that
    could not run here why. With ``held_out`` only clips of sources that the bundle held out of training were judged."""

    bundle: str
    version: str
    fingerprint: str
    data: str
    sources_known: bool
    targets: tuple[TargetEvaluation, ...]
    refused: dict[str, str]
    skipped: tuple[Skipped, ...]
    held_out: bool = False
    degraded: DegradedEvaluation | None = None


@dataclass(slots=True)
class _Run:
    """One open target, what it has said so far, and how long that took."""

    detector: Detector
    clock: Callable[[], float]
    scores: list[ClipScore] = field(default_factory=list)
    sample_ms: list[float] = field(default_factory=list)
    clip_ms: list[float] = field(default_factory=list)
    views: tuple[ViewName, ...] = ()
    averaged: list[ClipScore] = field(default_factory=list)
    averaged_ms: list[float] = field(default_factory=list)
    encoded: int = 0
    plainly_encoded: int = 0

    def encode(self, samples: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As ``Detector.encode``, timed."""
        before = self.clock()
        embeddings = self.detector.encode(samples)
        self.sample_ms.append((self.clock() - before) * 1000 / len(samples))
        self.encoded += len(samples)
        return embeddings

    def logits(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """As ``Detector.logits``."""
        return self.detector.logits(windows)

    def judge(self, clip: ClipSamples, bundle: Bundle) -> None:
        """Score one more clip as it is and, where it has other views, once more with those."""
        before = self.clock()
        geometry, temperature = bundle.manifest.geometry, bundle.manifest.calibration.temperature
        judged = [judge_view(self, clip.samples, geometry)]
        self.plainly_encoded += len(clip.samples)
        self.clip_ms.append((self.clock() - before) * 1000)
        self.scores.append(average_views(clip, judged, temperature))
        if clip.others:
            self.views = tuple(clip.others)
            judged += [judge_view(self, samples, geometry) for samples in clip.others.values()]
            self.averaged_ms.append((self.clock() - before) * 1000)
            self.averaged.append(average_views(clip, judged, temperature))


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


def compare_degraded(
    clean: Iterable[TargetEvaluation],
    degraded: Iterable[TargetEvaluation],
    *,
    threshold: float,
    generator: np.random.Generator,
) -> dict[str, Difference]:
    """Of each target, degraded less clean. Raises ``UnpairedError`` when the clips are not the same."""
    return {
        before.target: compare(Scores(clips=before.scores), Scores(clips=after.scores), threshold, generator)
        for before, after in zip(clean, degraded, strict=True)
    }


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
        averaged=_averaged(run, threshold, generator),
    )


def _averaged(run: _Run, threshold: float, generator: np.random.Generator) -> AveragedViews | None:
    if not run.averaged:
        return None
    scores = Scores(clips=tuple(run.averaged))
    return AveragedViews(
        views=run.views,
        figures=figure(scores, threshold, generator),
        gain=compare(Scores(clips=tuple(run.scores)), scores, threshold, generator),
        encoder_runs=run.encoded / run.plainly_encoded,
        clip_ms=float(np.median(run.averaged_ms)),
        scores=scores.clips,
    )
