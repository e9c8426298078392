"""A curriculum: easy clips first, harder ones as training goes on.

Sources: Bengio, Louradour, Collobert & Weston, Curriculum learning (ICML 2009); difficulty by a classifier on the
pretrained network's features, easy clips of both classes alike: Hacohen & Weinshall, On the power of curriculum
learning (ICML 2019); the square-root pace: Platanios et al., Competence-based curriculum learning (NAACL 2019).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.training.batch import Batch

if TYPE_CHECKING:
    import tf_keras

Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
REPEAT = 100_003
"""Added to the number of an epoch for the view of a clip that stands in for another, since its own is drawn too."""
_BATCH = 256


class Curriculum(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tuning begins with the easiest share ``begin`` of each class; after the share ``until`` of it all clips are
    drawn."""

    begin: Share = 0.5
    until: Share = 0.6

    def share(self, done: float) -> float:
        """The share of clips that are drawn once the share ``done`` of tuning is over, both from 0 to 1."""
        progress = min(1.0, done / self.until)
        return math.sqrt(self.begin**2 + progress * (1 - self.begin**2))


class Clips(Protocol):
    """What a curriculum orders: ``builder.training.training_set.TrainingSet`` is one."""

    def __len__(self) -> int: ...

    def views(self, seed: int, epoch: int, clips: list[int]) -> NDArray[np.uint8]: ...

    def labels(self, clips: list[int] | None = None) -> NDArray[np.float32]: ...

    def epoch_weights(self, clips: list[int]) -> NDArray[np.float32] | None: ...

    def chunks(self, seed: int, batch: int, number: int) -> list[NDArray[np.intp]]: ...


def difficulty(
    head: tf_keras.Model, embeddings: NDArray[np.float32], labels: NDArray[np.float32], clips: int
) -> NDArray[np.float64]:
    """How hard each clip is ``(N,)``: the probe's margin against its label, the mean over its views.

    ``embeddings (V * N, T, D)``, standardised, and one-hot ``labels (V * N, 2)`` hold ``V`` views of ``N`` clips.
    """
    starts = range(0, len(embeddings), _BATCH)
    logits = np.concatenate([np.asarray(head(embeddings[at : at + _BATCH], training=False)) for at in starts])
    against = (logits * (1 - 2 * labels)).sum(axis=1, dtype=np.float64)
    return np.asarray(against.reshape(-1, clips).mean(axis=0))


def ranks(hardness: NDArray[np.float64], labels: NDArray[np.float32]) -> NDArray[np.float64]:
    """The place ``(N,)`` of each clip among those of its class (one-hot ``labels (N, 2)``), from 0 for the easiest to
    just below 1."""
    places = np.zeros(len(hardness))
    for column in labels.T:
        rows = np.flatnonzero(column)
        order = rows[np.argsort(hardness[rows], kind="stable")]
        places[order] = np.arange(len(rows)) / max(1, len(rows))
    return places


def paced_epoch(
    clips: Clips, curriculum: Curriculum, hardness: NDArray[np.float64], seed: int, batch: int, epochs: int, number: int
) -> list[Callable[[], Batch]]:
    """The batches of one epoch as calls that draw them: a clip that is still too hard gives way to an easier one of its
    class, so that the number of batches and the balance of the classes stay what they are without a curriculum."""
    chunks = clips.chunks(seed, batch, number)
    places, fights = ranks(hardness, clips.labels()), clips.labels()[:, 1] > 0
    makers: list[Callable[[], Batch]] = []
    for step, chunk in enumerate(chunks):
        allowed = places < curriculum.share((number + step / len(chunks)) / epochs)
        rng = np.random.default_rng((seed, number, step, REPEAT))
        chosen = [(clip, False) if allowed[clip] else (_easier(clip, allowed, fights, rng), True) for clip in chunk]
        makers.append(partial(_batch, clips, seed, number, chosen))
    return makers


def _easier(clip: int, allowed: NDArray[np.bool_], fights: NDArray[np.bool_], rng: np.random.Generator) -> int:
    # Both shares are above 0 and ranks begin at 0, so that each class has at least its easiest clip.
    return int(rng.choice(np.flatnonzero(allowed & (fights == fights[clip]))))


def _batch(clips: Clips, seed: int, number: int, chosen: list[tuple[int, bool]]) -> Batch:
    windows = [clips.views(seed, number + REPEAT * standing_in, [int(clip)])[0] for clip, standing_in in chosen]
    shown = [int(clip) for clip, _ in chosen]
    return Batch(np.stack(windows), clips.labels(shown), weights=clips.epoch_weights(shown))
