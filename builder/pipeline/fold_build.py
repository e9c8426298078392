"""One fold: members, their ensemble, the student distilled from it and made smaller, judged on unseen sources."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.backbones.registry import BackboneSpec, build_backbone
from builder.compression.recovery import Recovery
from builder.data.clips import Clip
from builder.data.folds import forbid_leakage
from builder.evaluation.scores import Scores, read_scores, write_scores
from builder.evaluation.scoring import FloatScorer, Scorer, score_clips, score_embeddings
from builder.framework import load_keras
from builder.heads import HeadName
from builder.members import Member, NetworkSpec
from builder.pipeline.curated import CuratedClips
from builder.pipeline.ensemble import average_scores
from builder.pipeline.fold_clips import FoldClips
from builder.pipeline.fold_stages import FoldStages
from builder.pipeline.learnt_clips import LearntClips
from builder.pipeline.passes import LOSSES, FoldParts, run_passes
from builder.pipeline.pretrained import (
    EMBEDDINGS,
    Pretrained,
    judged_samples,
    pretrained_encoder,
    probe_views,
    stays_pretrained,
    taught_views,
)
from builder.recipe import Recipe
from builder.stages import Stage, StageStore
from builder.training.batch import Batch
from builder.training.fit import Progress
from builder.training.held_out import held_out_batch, hold_out
from builder.training.member import train_member
from builder.training.network import (
    Network,
    build_network,
    load_weights,
    restore_network,
    save_weights,
    standardised,
    traced,
)
from builder.training.precision import computing_in
from builder.training.probe import PROBE_SEED, embed_views
from builder.training.student import Teacher, TeacherViews, teacher_logits, train_student, weigh_members, with_labels
from builder.training.training_set import TrainingSet
from models.manifest import Geometry, Preprocessing

SCORES = "scores.json"
WEIGHTS = "weights.json"


class FoldBuild:
    """Runs the stages of one fold; ``key`` stands for all data that goes in."""

    def __init__(
        self,
        recipe: Recipe,
        real: CuratedClips,
        scenes: CuratedClips | None,
        clips: FoldClips,
        store: StageStore,
        progress: Progress,
        negatives: Sequence[CuratedClips] = (),
    ) -> None:
        clips.require_apart()
        for more in negatives:
            forbid_leakage(more.clips, (*clips.judge, *clips.calibrate))
        self._recipe = recipe
        self._real = real
        self._learnt = LearntClips(recipe, real, scenes, negatives)
        self._pretrained = Pretrained(recipe, self._learnt, store, progress)
        self._clips = clips
        self._store = store
        self._progress = progress
        self._training: dict[tuple[Preprocessing, bool], TrainingSet] = {}
        self._finished: dict[str, Stage] = {}

    def run(self) -> FoldStages:
        """All stages of the fold, each skipped when it is there."""
        return FoldStages(self._clips, self.members(), self.teacher(), self.student(), self.passes(), self.judged())

    def embedded(self, member: Member) -> tuple[Stage, ...]:
        """Views of the training clips as the member sees them, embedded by its untouched encoder: of all clips of each
        part, once for all folds, or of this fold's alone where it draws some of its own again."""
        if not self._draws_again():
            return self._pretrained.stages(probe_views(member))
        spec = member.spec
        inputs = (self._members_key(member), spec.backbone, spec.probe_views)
        name = "embed" if not member.variant else f"embed-{member.variant}"
        return (self._stage(name, inputs, partial(self._embed, member)),)

    def member(self, member: Member) -> Stage:
        """One member with its verdicts on what the fold holds out."""
        embedded, spec = self.embedded(member), member.spec
        alignment = () if spec.alignment is msgspec.UNSET else (spec.alignment,)
        curriculum = () if spec.curriculum is None else (spec.curriculum,)
        own = self._members_key(member)
        inputs = ([stage.key for stage in embedded], own, _tuned(spec), member.seed, *alignment, *curriculum)
        return self._stage(member.name, inputs, partial(self._member, member, embedded))

    def members(self) -> tuple[Stage, ...]:
        """Each of the recipe's members."""
        return tuple(self.member(member) for member in self._recipe.each_member())

    def teacher(self) -> Stage:
        """The ensemble's logits on the student's views, and its verdicts on what the fold holds out."""
        members, weights = self.members(), self._weights()
        counted = () if weights is None else (weights,)
        margin = self._recipe.scene_margin
        drawn = () if margin is None else (self._data_key(self._recipe.preprocessing), margin)
        inputs = ([member.key for member in members], self._recipe.student.views, *counted, *drawn)
        return self._stage("teacher", inputs, partial(self._teacher, members))

    def average(self, members: Sequence[Scores]) -> Scores:
        """What the ensemble says where its members, in order, say this."""
        return average_scores(members, self._weights())

    def student(self) -> Stage:
        """The student before it is made smaller, with its verdicts."""
        teacher = self.teacher()
        return self._stage("student", (teacher.key, self._recipe.student), partial(self._student, teacher))

    def passes(self) -> tuple[Stage, ...]:
        """What makes the student smaller, as far as the recipe asks."""
        recipe = self._recipe
        read = partial(self.network, recipe.student, seen=recipe.preprocessing)
        return run_passes(recipe, self.student(), FoldParts(self._stage, read, self._recovery, self._real_views))

    def shipped(self) -> Stage:
        """The student as it is compiled."""
        return (self.student(), *self.passes())[-1]

    def judged(self) -> Stage:
        """The verdicts of the student as it is compiled on what the fold holds out."""
        shipped = self.shipped()
        inputs = (shipped.key, [clip.name for clip in self._clips.calibrate])
        return self._stage("judge", inputs, partial(self._judge, shipped))

    @property
    def recipe(self) -> Recipe:
        """How it is built."""
        return self._recipe

    @property
    def clips(self) -> FoldClips:
        """What is learnt from and what is held out."""
        return self._clips

    def kept(self) -> frozenset[str]:
        """Names of the clips that are held out for calibration and not judged on."""
        return frozenset(clip.name for clip in self._clips.calibrate)

    def network(self, spec: NetworkSpec, stage: Stage, seen: Preprocessing) -> Network:
        """The network that a stage left, of clips seen by this preprocessing."""
        return restore_network(self._new(spec, seen), stage.directory, self._recipe.geometry, seen)

    def training(self, seen: Preprocessing) -> TrainingSet:
        """The fold's training clips, the scenes and the negatives, seen by this preprocessing."""
        return self._gathered(seen, scenes=True)

    def _shown_to_members(self, seen: Preprocessing) -> TrainingSet:
        return self._gathered(seen, scenes=self._recipe.scene_margin is None)

    def _rows_of_members(self, training: TrainingSet) -> Sequence[int]:
        """The clips that members judge for the student."""
        return range(len(training)) if self._recipe.scene_margin is None else self._learnt.not_scenes(training)

    def _gathered(self, seen: Preprocessing, *, scenes: bool) -> TrainingSet:
        if (seen, scenes) not in self._training:
            train, held_out = self._held_apart(seen)
            self._training[seen, scenes] = self._learnt.chosen(train, seen, held_out, scenes=scenes)
        return self._training[seen, scenes]

    def scores(self, scorer: Scorer, clips: Sequence[Clip], seen: Preprocessing, temperature: float = 1.0) -> Scores:
        """Verdicts on clips of this fold, seen by this preprocessing."""
        geometry = self._recipe.geometry
        cut = (self._real.samples(clip, geometry, seen) for clip in clips)
        return score_clips(scorer, cut, geometry, temperature, self._clips.number)

    def scorer(self, network: Network, seen: Preprocessing) -> Scorer:
        """A float network of clips seen by this preprocessing, as something that can be judged."""
        return FloatScorer(traced(network.encoder), traced(network.head), seen)

    def _held_apart(self, seen: Preprocessing) -> tuple[tuple[Clip, ...], Batch | None]:
        """The clips that are learnt from, and windows of those that training is judged by while it runs."""
        recipe, validation = self._recipe, self._recipe.validation
        if validation is msgspec.UNSET:
            return self._clips.train, None
        train, held_out = hold_out(self._clips.train, validation.share, np.random.default_rng(validation.seed))
        forbid_leakage(train, held_out)
        cut = (self._real.samples(clip, recipe.geometry, seen) for clip in held_out)
        return train, held_out_batch(cut, recipe.geometry, validation.windows)

    def _stage(self, name: str, inputs: object, work: Callable[[Path], None]) -> Stage:
        if name not in self._finished:
            self._finished[name] = self._store.run(f"{self._clips.name}-{name}", inputs, work)
        return self._finished[name]

    def _members_key(self, member: Member) -> object:
        return self._data_key(member.preprocessing, scenes=self._recipe.scene_margin is None)

    def _data_key(self, seen: Preprocessing, *, scenes: bool = True) -> object:
        recipe = self._recipe
        train = [clip.name for clip in self._clips.train]
        drawn = (recipe.scenes.weight, recipe.scenes.shown) if scenes and recipe.scenes is not None else ()
        told = [one for one in (recipe.oversampling, recipe.validation, *drawn) if one is not msgspec.UNSET]
        return self._learnt.key(seen, scenes=scenes), train, *told

    def _draws_again(self) -> bool:
        return self._recipe.oversampling is not msgspec.UNSET

    def _new(self, spec: NetworkSpec, seen: Preprocessing) -> Network:
        return new_network(spec.backbone, spec.head, self._recipe.geometry, seen)

    def _learner(self, spec: NetworkSpec, seen: Preprocessing, seed: int) -> Network:
        """A new network that computes in the precision it is to be trained in, its first weights drawn by ``seed``."""
        load_keras().utils.set_random_seed(seed)
        with computing_in("float32" if spec.precision is msgspec.UNSET else spec.precision):
            return self._new(spec, seen)

    def _keep(self, spec: NetworkSpec, trained: Network, seen: Preprocessing, directory: Path) -> None:
        """Write a trained network's weights, and what it says of held-out clips in float32, as later stages see it."""
        save_weights(trained, directory)
        if stays_pretrained(spec):
            write_scores(self._judge_pretrained(spec, trained, seen), directory / SCORES)
            return
        network = trained
        if spec.precision is not msgspec.UNSET:
            network = self._new(spec, seen)
            load_weights(network, directory)
        scores = self.scores(self.scorer(network, seen), self._held_out(), seen)
        write_scores(scores, directory / SCORES)

    def _judge_pretrained(self, spec: NetworkSpec, network: Network, seen: Preprocessing) -> Scores:
        embedding = judged_samples(spec.backbone, seen)
        known = ((clip, standardised(network, self._pretrained.samples(embedding, clip))) for clip in self._held_out())
        return score_embeddings(self.scorer(network, seen), known, self._recipe.geometry, self._clips.number)

    def _embed(self, member: Member, directory: Path) -> None:
        spec, seen = member.spec, member.preprocessing
        encoder = pretrained_encoder(spec.backbone, seen)
        flat = embed_views(encoder, self._shown_to_members(seen), spec.probe_views, seen, self._progress, PROBE_SEED)
        np.save(directory / EMBEDDINGS, flat)

    def _member(self, member: Member, embedded: Sequence[Stage], directory: Path) -> None:
        spec, seen = member.spec, member.preprocessing
        network = self._learner(spec, seen, member.seed)
        embeddings = self._probe_embeddings(member, embedded)
        losses = train_member(
            network,
            self._shown_to_members(seen),
            embeddings,
            spec.probe,
            spec.tune,
            member.seed,
            self._progress,
            alignment=None if spec.alignment is msgspec.UNSET else spec.alignment,
            curriculum=spec.curriculum,
        )
        (directory / LOSSES).write_bytes(msgspec.json.encode(losses))
        self._keep(spec, network, seen, directory)

    def _probe_embeddings(self, member: Member, embedded: Sequence[Stage]) -> NDArray[np.float32]:
        if self._draws_again():
            return np.asarray(np.load(embedded[0].directory / EMBEDDINGS))
        found = self._pretrained.views(probe_views(member), self._shown_to_members(member.preprocessing).numbers)
        return found.reshape(-1, *found.shape[2:])

    def _teachers(self, members: Sequence[Stage]) -> list[Teacher]:
        """The members with the clips as each sees them."""
        return [
            Teacher(
                self.network(member.spec, stage, member.preprocessing),
                self.training(member.preprocessing),
                self._taught(member.spec, member.preprocessing),
            )
            for member, stage in zip(self._recipe.each_member(), members, strict=True)
        ]

    def _taught(self, spec: NetworkSpec, seen: Preprocessing) -> NDArray[np.float32] | None:
        """What the spec's encoder makes of the student's views where it stays, or still is, as it was pretrained."""
        if self._draws_again() or not (stays_pretrained(spec) or spec is self._recipe.student):
            return None
        training = self.training(seen)
        rows = range(len(training)) if spec is self._recipe.student else self._rows_of_members(training)
        numbers = [training.numbers[row] for row in rows]
        return self._pretrained.views(taught_views(spec.backbone, seen, self._recipe), numbers)

    def _weights(self) -> list[float] | None:
        """How much each member counts, or ``None`` where all count alike."""
        if self._recipe.members.averaging is msgspec.UNSET:
            return None
        members = self.members()
        stage = self._stage("weights", [member.key for member in members], partial(self._weigh, members))
        return msgspec.json.decode((stage.directory / WEIGHTS).read_bytes(), type=list[float])

    def _weigh(self, members: Sequence[Stage], directory: Path) -> None:
        weights = weigh_members(self._teachers(members))
        (directory / WEIGHTS).write_bytes(msgspec.json.encode(weights))

    def _teacher(self, members: Sequence[Stage], directory: Path) -> None:
        views, training = self._recipe.student.views, self.training(self._recipe.preprocessing)
        rows = self._rows_of_members(training)
        logits = teacher_logits(self._teachers(members), views, self._progress, self._weights(), rows=rows)
        if (margin := self._recipe.scene_margin) is not None:
            logits = with_labels(logits, rows, training.labels(), margin)
        np.save(directory / "logits.npy", logits)
        write_scores(self.average([read_scores(member.directory / SCORES) for member in members]), directory / SCORES)

    def _student(self, teacher: Stage, directory: Path) -> None:
        spec, seen = self._recipe.student, self._recipe.preprocessing
        network = self._learner(spec, seen, spec.seed)
        views = self._teacher_views(teacher)
        losses = train_student(
            network,
            views,
            spec.probe,
            spec.tune,
            spec.distillation,
            spec.seed,
            seen,
            self._progress,
        )
        (directory / LOSSES).write_bytes(msgspec.json.encode(losses))
        self._keep(spec, network, seen, directory)

    def _real_views(self, count: int) -> NDArray[np.uint8]:
        """So many views of each clip that is not drawn: drawn ones show what no camera shows."""
        training, seed = self.training(self._recipe.preprocessing), self._recipe.student.seed
        rows = self._learnt.not_scenes(training)
        return np.concatenate([training.views(seed, view, rows) for view in range(count)])

    def _recovery(self) -> Recovery:
        recipe = self._recipe
        views = self._teacher_views(self.teacher())
        return Recovery(views, recipe.student, recipe.geometry, recipe.preprocessing, self._progress)

    def _judge(self, shipped: Stage, directory: Path) -> None:
        seen = self._recipe.preprocessing
        network = self.network(self._recipe.student, shipped, seen)
        write_scores(self.scores(self.scorer(network, seen), self._held_out(), seen), directory / SCORES)

    def _teacher_views(self, teacher: Stage) -> TeacherViews:
        seen = self._recipe.preprocessing
        untouched = self._taught(self._recipe.student, seen)
        return TeacherViews(self.training(seen), np.load(teacher.directory / "logits.npy"), untouched=untouched)

    def _held_out(self) -> tuple[Clip, ...]:
        return (*self._clips.judge, *self._clips.calibrate)


def new_network(backbone: BackboneSpec, head: HeadName, geometry: Geometry, preprocessing: Preprocessing) -> Network:
    """An untrained head on a pretrained backbone."""
    features = build_backbone(backbone, preprocessing.size, len(preprocessing.channels)).features
    return build_network(features, head, geometry, preprocessing, root=backbone.root is True)


def _tuned(spec: NetworkSpec) -> object:
    """What a member's training is made of beside its embeddings, which know no block as frozen."""
    precision = () if spec.precision is msgspec.UNSET else (spec.precision,)
    frozen = () if spec.tune is None else (spec.backbone.frozen,)
    return spec.head, spec.probe, spec.tune, *precision, *frozen
