"""One fold: members, their ensemble, the student distilled from it and pruned, judged on clips of unseen sources."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from builder.backbones.registry import BackboneSpec, build_backbone
from builder.compression.pruning import prune_network
from builder.data.clips import Clip
from builder.data.folds import forbid_leakage
from builder.evaluation.scores import Scores
from builder.evaluation.scoring import FloatScorer, Scorer, score_clips
from builder.heads import HeadName
from builder.pipeline.curated import CuratedClips
from builder.pipeline.ensemble import Ensemble
from builder.recipe import Members, NetworkSpec, Recipe
from builder.stages import Stage, StageStore
from builder.training.fit import Progress
from builder.training.member import train_member
from builder.training.network import Network, build_network, load_weights, save_weights, traced
from builder.training.probe import embed_views
from builder.training.student import TeacherViews, teacher_logits, train_student
from builder.training.training_set import DegradedCopies, TrainingSet

LOSSES = "losses.json"
SCORES = "scores.json"


class FoldClips(NamedTuple):
    """``train`` is learnt from, ``judge`` is held out, and ``calibrate`` is held out for calibration (or empty)."""

    number: int
    train: tuple[Clip, ...]
    judge: tuple[Clip, ...]
    calibrate: tuple[Clip, ...]


class FoldStages(NamedTuple):
    """The finished stages of a fold that later ones read."""

    clips: FoldClips
    members: tuple[Stage, ...]
    teacher: Stage
    student: Stage
    pruned: Stage
    judged: Stage


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
    ) -> None:
        forbid_leakage(clips.train, (*clips.judge, *clips.calibrate))
        self._recipe = recipe
        self._real = real
        self._scenes = scenes
        self._clips = clips
        self._store = store
        self._progress = progress
        self._training: TrainingSet | None = None

    def run(self) -> FoldStages:
        """All stages of the fold, each skipped when it is there."""
        recipe = self._recipe
        embedded = self._stage(
            "embed", (self._data_key(), recipe.members.backbone, recipe.members.probe_views), self._embed
        )
        members = tuple(
            self._stage(
                f"member{seed}",
                (embedded.key, _member_key(recipe.members), seed),
                partial(self._member, seed, embedded),
            )
            for seed in recipe.members.seeds
        )
        teacher = self._stage(
            "teacher", ([member.key for member in members], recipe.student.views), partial(self._teacher, members)
        )
        student = self._stage("student", (teacher.key, recipe.student), partial(self._student, teacher))
        pruned = self._stage("prune", (student.key, recipe.pruning), partial(self._prune, teacher, student))
        judged = self._stage(
            "judge", (pruned.key, [clip.name for clip in self._clips.calibrate]), partial(self._judge, pruned)
        )
        return FoldStages(self._clips, members, teacher, student, pruned, judged)

    def network(self, spec: NetworkSpec, stage: Stage) -> Network:
        """The network that a stage left."""
        network = self._new(spec)
        load_weights(network, stage.directory)
        return network

    def training(self) -> TrainingSet:
        """The fold's training clips and the scenes, decoded once."""
        if self._training is None:
            clips = [(clip, self._real.wide(clip)) for clip in self._clips.train]
            if self._scenes is not None:
                clips += [(clip, self._scenes.wide(clip)) for clip in self._scenes.clips]
            recipe = self._recipe
            self._training = TrainingSet(
                clips, recipe.geometry, recipe.preprocessing, recipe.augmentation, self._degraded_copies()
            )
        return self._training

    def _degraded_copies(self) -> DegradedCopies | None:
        spec = self._recipe.degradation
        if spec is None:
            return None
        copies = [self._real.degraded(clip) for clip in self._clips.train]
        if self._scenes is not None:
            copies += [self._scenes.degraded(clip) for clip in self._scenes.clips]
        return DegradedCopies(tuple(copies), spec.degrade)

    def scores(self, scorer: Scorer, clips: Sequence[Clip], temperature: float = 1.0) -> Scores:
        """Verdicts on clips of this fold."""
        recipe = self._recipe
        cut = (self._real.samples(clip, recipe.geometry, recipe.preprocessing) for clip in clips)
        return score_clips(scorer, cut, recipe.geometry, temperature, self._clips.number)

    def scorer(self, network: Network) -> Scorer:
        """A float network as something that can be judged."""
        return FloatScorer(traced(network.encoder), traced(network.head), self._recipe.preprocessing)

    def _stage(self, name: str, inputs: object, work: Callable[[Path], None]) -> Stage:
        return self._store.run(f"fold{self._clips.number}-{name}", inputs, work)

    def _data_key(self) -> object:
        scenes = self._scenes.listed.fingerprint if self._scenes is not None else None
        recipe = self._recipe
        train = [clip.name for clip in self._clips.train]
        fingerprint = self._real.listed.fingerprint
        key = (fingerprint, scenes, train, recipe.geometry, recipe.preprocessing, recipe.augmentation)
        return key if recipe.degradation is None else (*key, recipe.degradation)

    def _new(self, spec: NetworkSpec) -> Network:
        return new_network(spec.backbone, spec.head, self._recipe)

    def _embed(self, directory: Path) -> None:
        spec = self._recipe.members
        encoder = self._new(spec).encoder
        embeddings = embed_views(encoder, self.training(), spec.probe_views, self._recipe.preprocessing, self._progress)
        np.save(directory / "embeddings.npy", embeddings)

    def _member(self, seed: int, embedded: Stage, directory: Path) -> None:
        spec = self._recipe.members
        network = self._new(spec)
        embeddings = np.load(embedded.directory / "embeddings.npy")
        losses = train_member(
            network,
            self.training(),
            embeddings,
            spec.probe,
            spec.tune,
            seed,
            self._progress,
            alignment=None if spec.alignment is msgspec.UNSET else spec.alignment,
        )
        save_weights(network, directory)
        (directory / LOSSES).write_bytes(msgspec.json.encode(losses))
        write_scores(self.scores(self.scorer(network), self._held_out()), directory / SCORES)

    def _teacher(self, members: Sequence[Stage], directory: Path) -> None:
        recipe = self._recipe
        networks = [self.network(recipe.members, member) for member in members]
        logits = teacher_logits(networks, self.training(), recipe.student.views, recipe.preprocessing, self._progress)
        np.save(directory / "logits.npy", logits)
        ensemble = Ensemble([self.scorer(network) for network in networks])
        write_scores(self.scores(ensemble, self._held_out()), directory / SCORES)

    def _student(self, teacher: Stage, directory: Path) -> None:
        spec = self._recipe.student
        network = self._new(spec)
        views = self._teacher_views(teacher)
        losses = train_student(
            network,
            views,
            spec.probe,
            spec.tune,
            spec.distillation,
            spec.seed,
            self._recipe.preprocessing,
            self._progress,
        )
        save_weights(network, directory)
        (directory / LOSSES).write_bytes(msgspec.json.encode(losses))
        write_scores(self.scores(self.scorer(network), self._held_out()), directory / SCORES)

    def _prune(self, teacher: Stage, student: Stage, directory: Path) -> None:
        recipe = self._recipe
        pruned, losses = prune_network(
            self.network(recipe.student, student),
            self._teacher_views(teacher),
            recipe.pruning,
            recipe.student,
            recipe.geometry,
            recipe.preprocessing,
            self._progress,
        )
        save_weights(pruned, directory)
        (directory / LOSSES).write_bytes(msgspec.json.encode({"prune": losses}))

    def _judge(self, pruned: Stage, directory: Path) -> None:
        network = self.network(self._recipe.student, pruned)
        write_scores(self.scores(self.scorer(network), self._held_out()), directory / SCORES)

    def _teacher_views(self, teacher: Stage) -> TeacherViews:
        return TeacherViews(self.training(), np.load(teacher.directory / "logits.npy"))

    def _held_out(self) -> tuple[Clip, ...]:
        return (*self._clips.judge, *self._clips.calibrate)


def new_network(backbone: BackboneSpec, head: HeadName, recipe: Recipe) -> Network:
    """An untrained head on a pretrained backbone."""
    preprocessing = recipe.preprocessing
    features = build_backbone(backbone, preprocessing.size, len(preprocessing.channels)).features
    return build_network(features, head, recipe.geometry, preprocessing)


def write_scores(scores: Scores, path: Path) -> None:
    """Write scores as JSON."""
    path.write_bytes(msgspec.json.encode(scores))


def read_scores(path: Path) -> Scores:
    """Read what ``write_scores`` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=Scores)


def _member_key(spec: Members) -> object:
    key = (spec.head, spec.probe, spec.tune)
    return key if spec.alignment is msgspec.UNSET else (*key, spec.alignment)
