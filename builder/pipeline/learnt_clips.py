"""All that any fold may learn from: real clips, drawn scenes and negatives, each numbered once and read when it is
looked at."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import NamedTuple

import msgspec

from builder.data.clips import Clip
from builder.data.decode import Footage, StoredClip
from builder.pipeline.curated import CuratedClips
from builder.recipe import Recipe
from builder.training.batch import Batch
from builder.training.training_set import DegradedCopies, Rotation, TrainingSet
from models.manifest import Preprocessing

SCENES = 1
"""The place of the scenes among the parts, where there are any."""
PART_NUMBERS = 10_000_000
"""The clips of each part are numbered from a multiple of this on: their views depend on nothing else that is learnt
from."""


class Part(NamedTuple):
    """Clips of one kind, named for what is embedded of them: the real ones (views), the scenes, or one folder of
    negatives; ``first`` is the first one's number."""

    name: str
    clips: CuratedClips
    first: int

    def row(self, number: int) -> int | None:
        """The place among these clips of the one of that number, if it is one of them."""
        row = number - self.first
        return row if 0 <= row < len(self.clips.clips) else None


class _Entry(NamedTuple):
    number: int
    clips: CuratedClips
    clip: Clip

    def footage(self, *, degraded: bool = False) -> Footage:
        return StoredClip(partial(self.clips.degraded if degraded else self.clips.wide, self.clip))


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
        """The number of each real clip."""
        return {clip: number for number, clip in enumerate(self._real.clips)}

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Real clips, scenes if there are any, and each folder of negatives."""
        scenes = () if self._scenes is None else (Part("scenes", self._scenes, PART_NUMBERS),)
        negatives = (
            Part(f"negatives{number}", more, (number + 1) * PART_NUMBERS)
            for number, more in enumerate(self._negatives, 1)
        )
        return (Part("views", self._real, 0), *scenes, *negatives)

    @cached_property
    def _others(self) -> list[_Entry]:
        return [entry for part in self.parts[1:] for entry in _entries(part)]

    def chosen(
        self, clips: Sequence[Clip], seen: Preprocessing, held_out: Batch | None = None, *, scenes: bool = True
    ) -> TrainingSet:
        """Some of the real ``clips``, those among them that the recipe draws again, and all that are not real, or all
        but the ``scenes``, to learn from; ``held_out`` are windows of others."""
        others = [entry for entry in self._others if scenes or entry.clips is not self._scenes]
        entries = [_Entry(self.numbers[clip], self._real, clip) for clip in clips] + others
        oversampling = self._recipe.oversampling
        return self._training(entries, seen)(
            weights=self._weights(entries),
            rotation=self._rotation(entries),
            oversampling=None if oversampling is msgspec.UNSET else oversampling,
            held_out=held_out,
        )

    def not_scenes(self, training: TrainingSet) -> list[int]:
        """The rows of a training set that show no scene."""
        scenes = frozenset(() if self._scenes is None else self._scenes.clips)
        return [row for row, clip in enumerate(training.clips) if clip not in scenes]

    def part(self, part: Part, seen: Preprocessing) -> TrainingSet:
        """Every clip of a part, whether a fold holds it out or not: for what is learnt from none of them."""
        return self._training(_entries(part), seen)()

    def part_key(self, part: Part, seen: Preprocessing) -> tuple[object, ...]:
        """What views of a part's clips depend on, but for how many are drawn."""
        recipe = self._recipe
        degraded = () if recipe.degradation is None else (recipe.degradation,)
        return part.clips.listed.fingerprint, part.first, recipe.geometry, seen, recipe.augmentation, *degraded

    def key(self, seen: Preprocessing, *, scenes: bool = True) -> tuple[object, ...]:
        """What views of all clips, or all but the ``scenes``, depend on, but for how many are drawn."""
        return tuple(self.part_key(part, seen) for part in self.parts if scenes or part.clips is not self._scenes)

    def _training(self, entries: Sequence[_Entry], seen: Preprocessing) -> partial[TrainingSet]:
        """What makes a training set of these clips, but for what a fold adds."""
        recipe, copies = self._recipe, None
        if recipe.degradation is not None:
            copies = DegradedCopies(
                tuple(entry.footage(degraded=True) for entry in entries), recipe.degradation.degrade
            )
        return partial(
            TrainingSet,
            [(entry.clip, entry.footage()) for entry in entries],
            recipe.geometry,
            seen,
            recipe.augmentation,
            numbers=[entry.number for entry in entries],
            degraded=copies,
        )

    def _weights(self, entries: Sequence[_Entry]) -> list[float] | None:
        spec, drawn = self._recipe.scenes, self._drawn(entries)
        if spec is None or spec.weight is msgspec.UNSET or not drawn:
            return None
        weights = [1.0] * len(entries)
        for place in drawn:
            weights[place] = spec.weight
        return weights

    def _rotation(self, entries: Sequence[_Entry]) -> Rotation | None:
        spec, drawn = self._recipe.scenes, self._drawn(entries)
        if spec is None or spec.shown is msgspec.UNSET or not drawn:
            return None
        return Rotation(drawn, spec.shown)

    def _drawn(self, entries: Sequence[_Entry]) -> tuple[int, ...]:
        return tuple(place for place, entry in enumerate(entries) if entry.clips is self._scenes)


def _entries(part: Part) -> list[_Entry]:
    return [_Entry(number, part.clips, clip) for number, clip in enumerate(part.clips.clips, part.first)]
