"""The clips a network learns from, drawn into batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from builder.data.clips import Clip
from builder.data.decode import Footage
from builder.errors import RecipeError
from builder.training.batch import Batch
from builder.training.oversampling import Oversampling, drawn_again
from builder.training.views import Augmentation, draw_view, strengthened
from models.manifest import Geometry, Preprocessing

DOMAIN_SEED = 3_000_017
ROTATION_SEED = 4_000_037
AGAIN = 1_000_000
"""Entries that are drawn again are numbered from here on: no folder holds so many clips."""


class DegradedCopies(NamedTuple):
    """A degraded copy of each clip, in the clips' order, and the ``share`` of views that show it."""

    clips: tuple[Footage, ...]
    share: float


class Rotation(NamedTuple):
    """The places ``rows`` of clips of which an epoch shows no more than ``shown``, drawn anew for each epoch."""

    rows: tuple[int, ...]
    shown: int


class TrainingSet:
    """Decoded clips with their labels, and the seeded views of them.

    A view is drawn from ``(seed, epoch, number)`` alone, so that it is the same whoever asks, in whatever order, and
    whatever other clips there are: ``numbers`` are those of the clips among all that any fold learns from (without
    them, their places). Clips that ``oversampling`` draws again follow all others, as entries of their own with heavier
    views. ``held_out`` are windows as clips are judged, of sources that are not among ``clips``. ``weights`` say how
    much each clip counts in training, in proportion to the others; without them all count alike. Clips of a
    ``rotation`` are not all shown by each epoch, and those that are count for those that are not.
    """

    def __init__(
        self,
        clips: Sequence[tuple[Clip, Footage]],
        geometry: Geometry,
        preprocessing: Preprocessing,
        augmentation: Augmentation,
        *,
        numbers: Sequence[int] | None = None,
        weights: Sequence[float] | None = None,
        rotation: Rotation | None = None,
        degraded: DegradedCopies | None = None,
        oversampling: Oversampling | None = None,
        held_out: Batch | None = None,
    ) -> None:
        augmentations = [augmentation] * len(clips)
        own = list(range(len(clips)) if numbers is None else numbers)
        if oversampling is not None:
            labels = _one_hot([clip for clip, _ in clips])
            again = drawn_again(labels, oversampling.ratio, np.random.default_rng(oversampling.seed))
            clips = (*clips, *(clips[row] for row in again))
            augmentations += [strengthened(augmentation, oversampling.heavier)] * len(again)
            own += [AGAIN + place for place in range(len(again))]
            weights = None if weights is None else (*weights, *(weights[row] for row in again))
            if rotation is not None:
                copied = [len(clips) - len(again) + place for place, row in enumerate(again) if row in rotation.rows]
                rotation = Rotation((*rotation.rows, *copied), rotation.shown)
            if degraded is not None:
                degraded = degraded._replace(clips=(*degraded.clips, *(degraded.clips[row] for row in again)))
        self.clips = tuple(clip for clip, _ in clips)
        self.numbers = tuple(own)
        self.held_out = held_out
        self.preprocessing = preprocessing
        self._footage = tuple(decoded for _, decoded in clips)
        self._labels = _one_hot(self.clips)
        self._weights = None if weights is None else np.asarray(weights, np.float32) / np.float32(np.mean(weights))
        self._rotation = rotation if rotation is not None and rotation.shown < len(rotation.rows) else None
        self._epoch_weights = _for_all(self._weights, self._rotation, len(self.clips))
        self._geometry = geometry
        self._augmentations = tuple(augmentations)
        self._degraded = degraded

    def __len__(self) -> int:
        return len(self.clips)

    def view(self, seed: int, epoch: int, clip: int) -> NDArray[np.uint8]:
        """One window ``(T, H, W, C) uint8`` of a clip."""
        rng = np.random.default_rng((seed, epoch, self.numbers[clip]))
        shown = self._shown(seed, epoch, clip).decoded()
        return draw_view(shown, self._geometry, self.preprocessing, self._augmentations[clip], rng)

    def with_degraded(self, share: float) -> TrainingSet:
        """The same clips, of whose views ``share`` show the degraded copy: none at 0, all at 1.

        Raises ``RecipeError`` when there are no degraded copies.
        """
        if self._degraded is None:
            raise RecipeError("there are no degraded copies of the clips; add the table [degradation] to the recipe")
        other = copy(self)
        other._degraded = DegradedCopies(self._degraded.clips, share)  # noqa: SLF001 - a copy of its own
        return other

    def _shown(self, seed: int, epoch: int, clip: int) -> Footage:
        # Drawn apart from the view, so that a view is cut alike whether it shows the copy or not.
        copies = self._degraded
        if copies is None:
            return self._footage[clip]
        drawn = np.random.default_rng((seed, epoch, self.numbers[clip], DOMAIN_SEED)).random()
        if drawn < copies.share:
            return copies.clips[clip]
        return self._footage[clip]

    def views(self, seed: int, epoch: int, clips: Sequence[int]) -> NDArray[np.uint8]:
        """Windows ``(B, T, H, W, C) uint8`` of several clips."""
        return np.stack([self.view(seed, epoch, clip) for clip in clips])

    def labels(self, clips: Sequence[int] | None = None) -> NDArray[np.float32]:
        """One-hot labels ``(B, 2) float32``, calm and fight."""
        return self._labels if clips is None else self._labels[list(clips)]

    def weights(self) -> NDArray[np.float32] | None:
        """How much each clip counts ``(N,) float32``, 1 on the average, or ``None`` where all count alike."""
        return self._weights

    def epoch_weights(self, clips: Sequence[int]) -> NDArray[np.float32] | None:
        """How much ``clips`` count in an epoch's batch ``(B,) float32``: those of a rotation for the others too."""
        return None if self._epoch_weights is None else self._epoch_weights[list(clips)]

    def epoch(self, seed: int, batch: int, number: int) -> list[Callable[[], Batch]]:
        """The batches of one epoch, as calls that draw them; clips that do not fill a last batch wait for the next."""
        return [partial(self._batch, seed, number, chunk) for chunk in self.chunks(seed, batch, number)]

    def chunks(self, seed: int, batch: int, number: int) -> list[NDArray[np.intp]]:
        """Which clips make each batch of one epoch."""
        rows = self._shown_by(seed, number)
        return [rows[chunk] for chunk in shuffled(len(rows), batch, (seed, number))]

    def _shown_by(self, seed: int, number: int) -> NDArray[np.intp]:
        rotation, every = self._rotation, np.arange(len(self))
        if rotation is None:
            return every
        drawn = np.random.default_rng((seed, number, ROTATION_SEED)).permutation(rotation.rows)
        return np.setdiff1d(every, drawn[rotation.shown :])

    def _batch(self, seed: int, epoch: int, clips: NDArray[np.intp]) -> Batch:
        chosen = clips.tolist()
        return Batch(self.views(seed, epoch, chosen), self.labels(chosen), weights=self.epoch_weights(chosen))


def _for_all(weights: NDArray[np.float32] | None, rotation: Rotation | None, count: int) -> NDArray[np.float32] | None:
    if rotation is None:
        return weights
    counting = np.ones(count, np.float32) if weights is None else weights.copy()
    counting[list(rotation.rows)] *= len(rotation.rows) / rotation.shown
    return counting


def _one_hot(clips: Sequence[Clip]) -> NDArray[np.float32]:
    return np.array([[not clip.fight, clip.fight] for clip in clips], dtype=np.float32)


def shuffled(count: int, batch: int, seed: tuple[int, ...]) -> list[NDArray[np.intp]]:
    """Indices ``0 .. count - 1`` in a drawn order, in full batches (one short batch when there are too few)."""
    order = np.random.default_rng(seed).permutation(count)
    size = min(batch, count)
    return [order[start : start + size] for start in range(0, count - size + 1, size)]


def repeated(weights: NDArray[np.float32] | None, views: int) -> NDArray[np.float32] | None:
    """The weights ``(views * N,)`` of so many views of each of ``N`` clips, view after view."""
    return None if weights is None else np.tile(weights, views)
