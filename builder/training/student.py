"""The student: distilled from the ensemble on the very views that the ensemble judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from builder.errors import BuilderError
from builder.framework import load_keras
from builder.training.fit import Batch, Distillation, Progress, Schedule, fit
from builder.training.held_out import embed_held_out
from builder.training.network import Network, standardise, standardised
from builder.training.probe import embedder, train_probe
from builder.training.stacking import stacked_weights
from builder.training.training_set import TrainingSet, repeated
from models.manifest import Preprocessing

if TYPE_CHECKING:
    import tf_keras

VIEW_SEED = 2_000_003


class TeacherViews:
    """Drawn views of each clip with the teacher's logits ``(views, N, 2) float32`` and, where the network is to keep
    them, ``embeddings (views, N, T, D) float32``; ``untouched`` are those of the student's encoder as it was
    pretrained, where they are known."""

    def __init__(
        self,
        training: TrainingSet,
        logits: NDArray[np.float32],
        embeddings: NDArray[np.float32] | None = None,
        *,
        untouched: NDArray[np.float32] | None = None,
    ) -> None:
        self._training = training
        self.logits = logits
        self.untouched = untouched
        self._embeddings = embeddings

    def hinting(self, embeddings: NDArray[np.float32]) -> TeacherViews:
        """The same views with embeddings ``(views, N, T, D)`` that are to be kept."""
        return TeacherViews(self._training, self.logits, embeddings, untouched=self.untouched)

    def embedded(self, encoder: tf_keras.Model, preprocessing: Preprocessing) -> NDArray[np.float32]:
        """What ``encoder`` makes of each view of each clip, ``(views, N, T, D) float32``."""
        embed = embedder(encoder, preprocessing)
        return np.stack([embed(self.windows(view)) for view in range(len(self.logits))])

    def epoch(self, seed: int, batch: int, number: int) -> list[Callable[[], Batch]]:
        """One view of every clip that the epoch shows, in drawn order; epochs go round the views."""
        view = number % len(self.logits)
        return [partial(self._batch, view, rows) for rows in self._training.chunks(seed, batch, number)]

    def windows(self, view: int) -> NDArray[np.uint8]:
        """That view of every clip, ``(N, T, H, W, C) uint8``."""
        return self._training.views(VIEW_SEED, view, range(len(self._training)))

    def labels(self) -> NDArray[np.float32]:
        """One-hot labels of the clips ``(N, 2) float32``."""
        return self._training.labels()

    def weights(self) -> NDArray[np.float32] | None:
        """How much the clips count ``(N,) float32``, or ``None`` where all count alike."""
        return self._training.weights()

    def held_out(self) -> Batch | None:
        """Windows that nothing is learnt from, when there are any."""
        return self._training.held_out

    def _batch(self, view: int, rows: NDArray[np.intp]) -> Batch:
        clips = rows.tolist()
        hints = None if self._embeddings is None else self._embeddings[view, rows]
        return Batch(
            self._training.views(VIEW_SEED, view, clips),
            self._training.labels(clips),
            self.logits[view, rows],
            hints,
            # What an encoder makes of a clip is to be kept however much the clip says of fights.
            None if hints is not None else self._training.epoch_weights(clips),
        )


class Teacher(NamedTuple):
    """A member and the clips as it sees them; of one whose encoder is as it was pretrained, what that makes of the
    student's views may be known: ``untouched (views, N, T, D) float32``."""

    network: Network
    training: TrainingSet
    untouched: NDArray[np.float32] | None = None


def teacher_logits(
    members: Sequence[Teacher],
    views: int,
    progress: Progress,
    weights: Sequence[float] | None = None,
    *,
    rows: Sequence[int] | None = None,
) -> NDArray[np.float32]:
    """Mean logits of the members ``(views, N, 2) float32`` on the views that ``TeacherViews`` draws, each made into
    samples as the member sees them; without ``weights`` all count alike. Only the clips at ``rows`` are judged, if
    given, and what is known of ``untouched`` encoders is of these."""
    # Members that see the same share one set of clips, drawn once a view.
    looking = [member for member in members if member.untouched is None]
    trainings = {id(member.training): member.training for member in looking}
    embedders = [embedder(network.encoder, training.preprocessing) for network, training, _ in looking]
    judged = []
    for view in range(views):
        windows = {
            name: training.views(VIEW_SEED, view, range(len(training)) if rows is None else rows)
            for name, training in trainings.items()
        }
        looked = iter([embed(windows[id(one.training)]) for embed, one in zip(embedders, looking, strict=True)])
        embeddings = [
            next(looked) if one.untouched is None else standardised(one.network, one.untouched[view]) for one in members
        ]
        logits = [
            np.asarray(one.network.head(known, training=False)) for one, known in zip(members, embeddings, strict=True)
        ]
        judged.append(np.average(logits, axis=0, weights=weights))
        progress(view + 1, views, "teacher judges views")
    return np.stack(judged).astype(np.float32)


def with_labels(
    judged: NDArray[np.float32], rows: Sequence[int], labels: NDArray[np.float32], margin: float
) -> NDArray[np.float32]:
    """Logits ``(views, N, 2) float32`` of all clips, where the teacher ``judged (views, R, 2)`` those at ``rows``: of
    every other clip its one-hot ``labels (N, 2)``, by so many logits of ``margin``."""
    said = np.tile(margin * (labels - 0.5), (len(judged), 1, 1)).astype(np.float32)
    said[:, list(rows)] = judged
    return said


def weigh_members(members: Sequence[Teacher]) -> list[float]:
    """How much each member counts, from what it says of the windows that were held out of its training.

    Raises ``BuilderError`` when none were.
    """
    judged = []
    for network, training, _ in members:
        held_out = embed_held_out(network, training.held_out, training.preprocessing)
        if held_out is None:
            raise BuilderError("members are to be weighed and nothing is held out for it; give the recipe [validation]")
        judged.append((np.asarray(network.head(held_out.windows, training=False)), held_out.labels))
    return [float(weight) for weight in stacked_weights(np.stack([logits for logits, _ in judged]), judged[0][1])]


def teach_head(
    head: tf_keras.Model,
    views: TeacherViews,
    embeddings: NDArray[np.float32],
    probe: Schedule,
    distillation: Distillation,
    seed: int,
    progress: Progress,
    *,
    held_out: Batch | None = None,
    callbacks: Sequence[tf_keras.callbacks.Callback] = (),
) -> tuple[float, ...]:
    """Train ``head`` alone on the views' ``embeddings (views, N, T, D)``, from the teacher's logits and the labels;
    returns the mean loss per epoch."""
    count, clips = embeddings.shape[:2]
    return train_probe(
        head,
        embeddings.reshape(count * clips, *embeddings.shape[2:]),
        np.tile(views.labels(), (count, 1)),
        probe,
        seed,
        progress,
        teacher=views.logits.reshape(-1, 2),
        distillation=distillation,
        held_out=held_out,
        callbacks=callbacks,
        weights=repeated(views.weights(), count),
    )


def train_student(
    network: Network,
    views: TeacherViews,
    probe: Schedule,
    tune: Schedule | None,
    distillation: Distillation,
    seed: int,
    preprocessing: Preprocessing,
    progress: Progress,
) -> dict[str, tuple[float, ...]]:
    """Train ``network`` in place from the teacher's logits and the labels; returns the losses per epoch."""
    load_keras().utils.set_random_seed(seed)
    untouched = views.embedded(network.encoder, preprocessing) if views.untouched is None else views.untouched
    standard = standardise(network, untouched)
    held_out = embed_held_out(network, views.held_out(), preprocessing)
    probed = teach_head(network.head, views, standard, probe, distillation, seed, progress, held_out=held_out)
    if tune is None:
        return {"probe": probed}
    tuned = fit(
        network.whole,
        lambda number: views.epoch(seed, tune.batch, number),
        tune,
        progress,
        distillation=distillation,
        labels=views.labels(),
        held_out=views.held_out(),
    )
    return {"probe": probed, "tune": tuned}
