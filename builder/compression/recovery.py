"""What a student that is made smaller goes on learning, so that it judges as it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from builder.framework import load_keras
from builder.recipe import Student
from builder.training.fit import Progress, Schedule, fit
from builder.training.imitation import imitate
from builder.training.network import Network, expose_embeddings, join_network, standardised
from builder.training.probe import embedder
from builder.training.student import TeacherViews, teach_head
from models.manifest import Geometry, Preprocessing
from models.preprocessing import normalise

if TYPE_CHECKING:
    import tf_keras


SHOWN = 1536
"""Panes that ranges are measured on and channels are fitted to: more of them change little."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """The ``student`` as its recipe has it, and the teacher's views that it learns from."""

    views: TeacherViews
    student: Student
    geometry: Geometry
    preprocessing: Preprocessing
    progress: Progress

    def hinting(self, whole: Network) -> TeacherViews:
        """The views with the embeddings ``(views, N, T, D)`` that the ``whole`` student, not yet smaller, makes of
        them."""
        if self.student.tune is None and self.views.untouched is not None:
            return self.views.hinting(standardised(whole, self.views.untouched))
        return self.views.hinting(self.views.embedded(whole.encoder, self.preprocessing))

    def join(self, encoder: tf_keras.Model, head: tf_keras.Model) -> Network:
        """A network of both."""
        return join_network(encoder, head, self.geometry, self.preprocessing)

    def tune(
        self,
        network: Network,
        views: TeacherViews,
        schedule: Schedule,
        hint: float,
        callbacks: Sequence[tf_keras.callbacks.Callback] = (),
    ) -> tuple[float, ...]:
        """Distil on in the whole network, its embeddings held near those that the ``views`` hint at, if the ``hint``
        weighs anything; returns the mean loss per epoch."""
        seed = self.student.seed
        return fit(
            expose_embeddings(network) if hint else network.whole,
            lambda number: views.epoch(seed, schedule.batch, number),
            schedule,
            self.progress,
            distillation=self.student.distillation,
            callbacks=callbacks,
            labels=views.labels(),
            hint=hint,
        )

    def imitate(
        self,
        encoder: tf_keras.Model,
        model: Network,
        windows: NDArray[np.uint8],
        schedule: Schedule,
        after_step: Callable[[], None] | None = None,
    ) -> tuple[float, ...]:
        """Have ``encoder`` learn to embed the panes of ``windows (M, T, P * H, W, C)`` as that of ``model`` does;
        returns the mean loss per epoch."""
        seen = self.preprocessing
        wanted = embedder(model.encoder, seen)(windows).reshape(-1, model.encoder.output_shape[-1])
        panes = windows.reshape(-1, *seen.pane_shape)
        return imitate(encoder, panes, wanted, schedule, seen, self.student.seed, self.progress, after_step)

    def embedded(self, encoder: tf_keras.Model) -> NDArray[np.float32]:
        """What the smaller encoder makes of the views, ``(views, N, T, D) float32``."""
        return self.views.embedded(encoder, self.preprocessing)

    def shown(self, windows: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Some panes ``(N, H, W, C) float32`` of ``windows (M, T, P * H, W, C)``, as an encoder reads them."""
        panes = windows.reshape(-1, *self.preprocessing.pane_shape)
        chosen = np.random.default_rng(self.student.seed).permutation(len(panes))[:SHOWN]
        return normalise(panes[chosen], self.preprocessing)

    def finish(
        self, encoder: tf_keras.Model, head: tf_keras.Model, probe: Schedule | None
    ) -> tuple[Network, dict[str, tuple[float, ...]]]:
        """The smaller encoder with its ``head``, or with a new one of that form, taught by what the encoder makes of
        the views, where a ``probe`` is asked for; that one's losses per epoch."""
        if probe is None:
            return self.join(encoder, head), {}
        load_keras().utils.set_random_seed(self.student.seed)
        anew = load_keras().models.clone_model(head)
        losses = self.teach(anew, self.embedded(encoder), probe)
        return self.join(encoder, anew), {"probe": losses}

    def teach(
        self,
        head: tf_keras.Model,
        embeddings: NDArray[np.float32],
        schedule: Schedule,
        callbacks: Sequence[tf_keras.callbacks.Callback] = (),
    ) -> tuple[float, ...]:
        """Train an untaught ``head`` on the views' embeddings; returns the mean loss per epoch."""
        student = self.student
        return teach_head(
            head,
            self.views,
            embeddings,
            schedule,
            student.distillation,
            student.seed,
            self.progress,
            callbacks=callbacks,
        )
