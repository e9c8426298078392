"""From samples to a verdict on a clip, for whatever can encode and judge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from builder.data.clips import Clip
from builder.data.samples import clip_windows
from builder.evaluation.clip_samples import ClipSamples
from builder.evaluation.scores import CALM, FIGHT, ClipScore, Scores, Skipped
from models.manifest import Geometry, Preprocessing
from models.preprocessing import normalise
from runtimes.pair import probability

_BATCH = 64


class Scorer(Protocol):
    """What can be evaluated: ``runtimes.Detector``, ``runtimes.Pair`` and ``FloatScorer`` all are."""

    def encode(self, samples: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embeddings ``(N, D) float32`` of samples ``(N, P * H, W, C) uint8``."""
        ...

    def logits(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits ``(N, 2) float32``, calm and fight, of windows ``(N, T, D) float32``."""
        ...


class FloatScorer:
    """The float network before it is compiled: what all its artifacts are compared with.

    ``encoder`` and ``head`` are called on float32 batches, as a ``tf_keras`` model is.
    """

    def __init__(
        self,
        encoder: Callable[[NDArray[np.float32]], object],
        head: Callable[[NDArray[np.float32]], object],
        preprocessing: Preprocessing,
    ) -> None:
        self._encoder = encoder
        self._head = head
        self._preprocessing = preprocessing

    def encode(self, samples: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embeddings ``(N, D) float32`` of samples ``(N, P * H, W, C) uint8``."""
        panes = samples.reshape(-1, *self._preprocessing.pane_shape)
        found = np.asarray(self._encoder(normalise(panes, self._preprocessing)), dtype=np.float32)
        return found.reshape(len(samples), self._preprocessing.panes * found.shape[-1])

    def logits(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits ``(N, 2) float32`` of windows ``(N, T, D) float32``."""
        return np.asarray(self._head(windows), dtype=np.float32)


def score_clip(
    scorer: Scorer, clip: ClipSamples, geometry: Geometry, temperature: float, fold: int | None = None
) -> ClipScore:
    """Judge one clip: each sample is encoded once, windows slide over the embeddings, and their logits are averaged; so
    are then those of its views."""
    judged = [judge_view(scorer, samples, geometry) for samples in (clip.samples, *clip.others.values())]
    return average_views(clip, judged, temperature, fold)


def judge_view(scorer: Scorer, samples: NDArray[np.uint8], geometry: Geometry) -> NDArray[np.float32]:
    """Logits ``(M, 2) float32`` of all windows over samples ``(K, P * H, W, C) uint8``."""
    starts = range(0, len(samples), _BATCH)
    embeddings = np.concatenate([scorer.encode(samples[start : start + _BATCH]) for start in starts])
    return judge_embeddings(scorer, embeddings, geometry)


def judge_embeddings(scorer: Scorer, embeddings: NDArray[np.float32], geometry: Geometry) -> NDArray[np.float32]:
    """Logits ``(M, 2) float32`` of all windows over embedded samples ``(K, D) float32``."""
    return scorer.logits(embeddings[clip_windows(len(embeddings), geometry)])


def average_views(
    clip: ClipSamples, judged: Sequence[NDArray[np.float32]], temperature: float, fold: int | None = None
) -> ClipScore:
    """The verdict on a clip from the logits ``(M, 2)`` of each of its views; views count alike, however long."""
    return _score(clip.clip, clip.source, clip.label, judged, temperature, fold)


def score_embeddings(
    scorer: Scorer, clips: Iterable[tuple[Clip, NDArray[np.float32]]], geometry: Geometry, fold: int | None = None
) -> Scores:
    """Judge clips whose samples are embedded already, ``(K, D) float32`` each; probabilities are uncalibrated."""
    return Scores(
        clips=tuple(
            _score(
                clip.name,
                clip.source,
                FIGHT if clip.fight else CALM,
                [judge_embeddings(scorer, embeddings, geometry)],
                1.0,
                fold,
            )
            for clip, embeddings in clips
        ),
        skipped=(),
    )


def _score(
    name: str,
    source: str,
    label: Literal[0, 1],
    judged: Sequence[NDArray[np.float32]],
    temperature: float,
    fold: int | None,
) -> ClipScore:
    mean = np.mean([logits.mean(axis=0) for logits in judged], axis=0, keepdims=True)
    return ClipScore(
        clip=name,
        source=source,
        label=label,
        margin=float(mean[0, 1] - mean[0, 0]),
        probability=float(probability(mean, temperature)[0]),
        windows=sum(len(logits) for logits in judged),
        fold=fold,
    )


def score_clips(
    scorer: Scorer,
    clips: Iterable[ClipSamples | Skipped],
    geometry: Geometry,
    temperature: float,
    fold: int | None = None,
) -> Scores:
    """Judge clips one after another; those that could not be read are carried over as skipped."""
    scored, skipped = [], []
    for clip in clips:
        if isinstance(clip, Skipped):
            skipped.append(clip)
        else:
            scored.append(score_clip(scorer, clip, geometry, temperature, fold))
    return Scores(clips=tuple(scored), skipped=tuple(skipped))
