"""What encoders make of the clips as they were pretrained: computed once for all folds, members and seeds.

Such an encoder has learnt from none of the clips, so what it makes of one is the same whether a fold learns from that
clip or is judged on it. All that is fitted to clips, statistics of embeddings among it, is fitted by each fold to its
own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.backbones.registry import BackboneSpec, build_backbone
from builder.data.clips import Clip
from builder.members import Member, NetworkSpec
from builder.pipeline.learnt_clips import SCENES, LearntClips, Part
from builder.recipe import Recipe
from builder.stages import Stage, StageStore
from builder.training.fit import Progress
from builder.training.network import pool_encoder
from builder.training.probe import PROBE_SEED, embed_views, embedder
from builder.training.student import VIEW_SEED
from models.manifest import Preprocessing

if TYPE_CHECKING:
    import tf_keras

EMBEDDINGS = "embeddings.npy"
COUNTS = "counts.npy"


class Embedding(NamedTuple):
    """What is embedded by which backbone, of samples made by which preprocessing: so many ``views`` of every clip,
    drawn by ``seed``, or, without views, the samples of every real clip as it is judged."""

    backbone: BackboneSpec
    preprocessing: Preprocessing
    views: int = 0
    seed: int = 0


def stays_pretrained(spec: NetworkSpec) -> bool:
    """Whether a network's encoder is, after training, as it was pretrained, but for how it standardises."""
    return spec.tune is None and spec.precision is msgspec.UNSET


def probe_views(member: Member) -> Embedding:
    """What a member's head is trained on."""
    return Embedding(_pretrained(member.spec.backbone), member.preprocessing, member.spec.probe_views, PROBE_SEED)


def taught_views(backbone: BackboneSpec, seen: Preprocessing, recipe: Recipe) -> Embedding:
    """The views that the student learns from, as a teacher or the student itself sees them."""
    return Embedding(_pretrained(backbone), seen, recipe.student.views, VIEW_SEED)


def judged_samples(backbone: BackboneSpec, seen: Preprocessing) -> Embedding:
    """The samples of every real clip as it is judged."""
    return Embedding(_pretrained(backbone), seen)


def _pretrained(backbone: BackboneSpec) -> BackboneSpec:
    # Which blocks are not to be tuned says nothing of an encoder that is not tuned at all.
    return msgspec.structs.replace(backbone, frozen=0)


def embeddings_of(recipe: Recipe, *, student: bool) -> tuple[Embedding, ...]:
    """All that a recipe's members, and its ``student`` if that is asked for, are trained on or judged by."""
    found = []
    for member in recipe.each_member():
        backbone, seen = member.spec.backbone, member.preprocessing
        if recipe.oversampling is msgspec.UNSET:
            found.append(probe_views(member))
        if stays_pretrained(member.spec):
            found.append(judged_samples(backbone, seen))
            found += [taught_views(backbone, seen, recipe)] if student and _shared(recipe) else []
    if student:
        own = recipe.student.backbone, recipe.preprocessing
        found += [taught_views(*own, recipe)] if _shared(recipe) else []
        found += [judged_samples(*own)] if stays_pretrained(recipe.student) else []
    return tuple(dict.fromkeys(found))


def places_of(embedding: Embedding, recipe: Recipe, parts: int) -> tuple[int, ...]:
    """Which of so many parts it is computed of: of all, or of all but the scenes where the student alone learns from
    them; samples are of the real clips alone."""
    if not embedding.views:
        return (0,)
    own = taught_views(recipe.student.backbone, recipe.preprocessing, recipe)
    without = recipe.scene_margin is not None and embedding != own
    return tuple(place for place in range(parts) if not (without and place == SCENES))


def _shared(recipe: Recipe) -> bool:
    # Which clips are drawn again is each fold's own.
    return recipe.oversampling is msgspec.UNSET


class Pretrained:
    """Runs the stages that embed, each skipped when it is there: one for each part of what is learnt from, so that
    scenes are embedded once for all data, and data once for all scenes."""

    def __init__(self, recipe: Recipe, learnt: LearntClips, store: StageStore, progress: Progress) -> None:
        self._recipe = recipe
        self._learnt = learnt
        self._store = store
        self._progress = progress
        self._finished: dict[tuple[Embedding, int], Stage] = {}
        self._ends: dict[Embedding, NDArray[np.intp]] = {}

    def stages(self, embedding: Embedding) -> tuple[Stage, ...]:
        """The stages that embed, in the order of the parts."""
        return tuple(self.stage(embedding, place) for place in self._places(embedding))

    def stage(self, embedding: Embedding, place: int = 0) -> Stage:
        """The stage that embeds the part at that place, the real clips unless another is meant."""
        if (embedding, place) not in self._finished:
            part = self._learnt.parts[place]
            work = partial(self._views, part) if embedding.views else self._samples
            name = f"embed-{part.name if embedding.views else 'samples'}"
            inputs = (self._key(embedding, part), embedding)
            self._finished[embedding, place] = self._store.run(name, inputs, partial(work, embedding))
        return self._finished[embedding, place]

    def views(self, embedding: Embedding, numbers: Sequence[int]) -> NDArray[np.float32]:
        """Embeddings ``(views, N, T, D)`` of the clips of these ``numbers``, part after part, not standardised."""
        found = []
        for place in self._places(embedding):
            part = self._learnt.parts[place]
            rows = [row for number in numbers if (row := part.row(number)) is not None]
            stored = np.load(self.stage(embedding, place).directory / EMBEDDINGS, mmap_mode="r")
            found.append(np.asarray(stored[:, rows], dtype=np.float32))
        return np.concatenate(found, axis=1)

    def samples(self, embedding: Embedding, clip: Clip) -> NDArray[np.float32]:
        """Embeddings ``(K, D)`` of a real clip's samples, not standardised."""
        directory = self.stage(embedding).directory
        if embedding not in self._ends:
            self._ends[embedding] = np.cumsum(np.load(directory / COUNTS))
        ends, place = self._ends[embedding], self._learnt.numbers[clip]
        stored = np.load(directory / EMBEDDINGS, mmap_mode="r")
        return np.asarray(stored[ends[place - 1] if place else 0 : ends[place]], dtype=np.float32)

    def _places(self, embedding: Embedding) -> tuple[int, ...]:
        return places_of(embedding, self._recipe, len(self._learnt.parts))

    def _key(self, embedding: Embedding, part: Part) -> tuple[object, ...]:
        if embedding.views:
            return self._learnt.part_key(part, embedding.preprocessing)
        # As clips are judged, nothing is drawn and nothing else is looked at.
        return part.clips.listed.fingerprint, self._recipe.geometry, embedding.preprocessing

    def _views(self, part: Part, embedding: Embedding, directory: Path) -> None:
        backbone, seen, count, seed = embedding
        training = self._learnt.part(part, seen)
        flat = embed_views(pretrained_encoder(backbone, seen), training, count, seen, self._progress, seed)
        np.save(directory / EMBEDDINGS, flat.reshape(count, len(training), *flat.shape[1:]))

    def _samples(self, embedding: Embedding, directory: Path) -> None:
        seen, real = embedding.preprocessing, self._learnt.real
        embed = embedder(pretrained_encoder(embedding.backbone, seen), seen)
        found = []
        for number, clip in enumerate(real.clips, 1):
            found.append(embed(real.samples(clip, self._recipe.geometry, seen).samples[None])[0])
            self._progress(number, len(real.clips), "embedding clips")
        np.save(directory / COUNTS, [len(one) for one in found])
        np.save(directory / EMBEDDINGS, np.concatenate(found))


def pretrained_encoder(backbone: BackboneSpec, seen: Preprocessing) -> tf_keras.Model:
    """A backbone as it was pretrained, pooled: panes ``(N, H, W, C) float32`` to ``(N, D)``."""
    features = build_backbone(backbone, seen.size, len(seen.channels)).features
    return pool_encoder(features, root=backbone.root is True)
