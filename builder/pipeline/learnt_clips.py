"""All that any fold may learn from: real clips, drawn scenes and negatives, numbered once, each read when it is
looked at."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial

import msgspec

from builder.data.clips import Clip
from builder.data.decode import Footage, StoredClip
from builder.pipeline.curated import CuratedClips
from builder.recipe import Recipe
from builder.training.batch import Batch
from builder.training.training_set import DegradedCopies, Rotation, TrainingSet
from models.manifest import Preprocessing


class LearntClips:
    """The clips of a recipe's data; those that are not real are learnt from by every fold."""

    def __init__(
        self, recipe: Recipe, real: CuratedClips, scenes: CuratedClips | None, negatives: Sequence[CuratedClips] = ()
    ) -> None:
        self._recipe = recipe
        self._real = real
        self._scenes = scenes
        self._negatives = tuple(negatives)

    @property
    def real(self) -> CuratedClips:
        """The clips that are judged on, each by the fold that does not learn from it."""
        return self._real

    @cached_property
    def numbers(self) -> dict[Clip, int]:
        """The number of each real clip; those of all others follow."""
        return {clip: number for number, clip in enumerate(self._real.clips)}

    @cached_property
    def _others(self) -> list[tuple[CuratedClips, Clip]]:
        parts = (*(() if self._scenes is None else (self._scenes,)), *self._negatives)
        return [(part, clip) for part in parts for clip in part.clips]

    def chosen(
        self,
        clips: Sequence[Clip],
        seen: Preprocessing,
        held_out: Batch | None = None,
        *,
        oversampled: bool = True,
    ) -> TrainingSet:
        """Some of the real ``clips`` and all that are not real, to learn from; ``held_out`` are windows of others.
        Those that the recipe draws again are left out unless ``oversampled``."""
        recipe = self._recipe
        count = len(self.numbers)
        numbers = [self.numbers[clip] for clip in clips] + list(range(count, count + len(self._others)))
        entries = [(self._real, clip) for clip in clips] + self._others
        copies = None
        if recipe.degradation is not None:
            told = (_footage(entry, degraded=True) for entry in entries)
            copies = DegradedCopies(tuple(told), recipe.degradation.degrade)
        return TrainingSet(
            [(entry[1], _footage(entry)) for entry in entries],
            recipe.geometry,
            seen,
            recipe.augmentation,
            numbers=numbers,
            weights=self._weights(len(clips)),
            rotation=self._rotation(len(clips)),
            degraded=copies,
            oversampling=recipe.oversampling if oversampled and recipe.oversampling is not msgspec.UNSET else None,
            held_out=held_out,
        )

    def all(self, seen: Preprocessing) -> TrainingSet:
        """Every clip, whether a fold holds it out or not: for what is learnt from none of them."""
        return self.chosen(self._real.clips, seen, oversampled=False)

    def key(self, seen: Preprocessing) -> tuple[object, ...]:
        """What views of the clips depend on, but for how many are drawn."""
        recipe = self._recipe
        scenes = None if self._scenes is None else self._scenes.listed.fingerprint
        chosen: list[object] = [("negatives", more.listed.fingerprint) for more in self._negatives]
        if recipe.degradation is not None:
            chosen.append(recipe.degradation)
        return self._real.listed.fingerprint, scenes, recipe.geometry, seen, recipe.augmentation, *chosen

    def _weights(self, real: int) -> list[float] | None:
        spec = self._recipe.scenes
        if spec is None or spec.weight is msgspec.UNSET or self._scenes is None:
            return None
        return [1.0] * real + [spec.weight if part is self._scenes else 1.0 for part, _ in self._others]

    def _rotation(self, real: int) -> Rotation | None:
        spec = self._recipe.scenes
        if spec is None or spec.shown is msgspec.UNSET:
            return None
        rows = [real + place for place, (part, _) in enumerate(self._others) if part is self._scenes]
        return Rotation(tuple(rows), spec.shown)


def _footage(entry: tuple[CuratedClips, Clip], *, degraded: bool = False) -> Footage:
    part, clip = entry
    return StoredClip(partial(part.degraded if degraded else part.wide, clip))
