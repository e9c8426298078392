"""Batches in which windows are blended or cut together, with labels as soft as the windows are mixed.

Sources: Zhang, Cissé, Dauphin & Lopez-Paz, mixup (ICLR 2018); Yun et al., CutMix (ICCV 2019) and, over space and time,
VideoMix (2020). A head alone is given mixed embeddings: Verma et al., Manifold mixup (ICML 2019).
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.training.batch import Batch

Strength = Annotated[float, msgspec.Meta(ge=0)]
Windows = NDArray[np.uint8] | NDArray[np.float32]
SPACE_AND_TIME = 3


class Mixing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``mixup`` and ``cutmix`` are the parameters of the Beta distributions that shares are drawn from (0: never; 0.2:
    mostly nearly whole windows; 1: any share alike); with both, each batch is mixed in one of the two ways. ``chance``
    is that of a batch to be mixed at all, ``seed`` that of all draws."""

    mixup: Strength = 0.0
    cutmix: Strength = 0.0
    chance: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    seed: int = 0


class _Mixed(NamedTuple):
    """Mixed windows, and how much of each is still its own."""

    windows: Windows
    share: float


def mix_batch(batch: Batch, mixing: Mixing, rng: np.random.Generator, warmth: float = 1.0) -> Batch:
    """``batch`` with each window mixed with another of the batch's, and labels ``(B, 2)`` and weights ``(B,)`` in the
    same shares.

    A teacher never judged the mixed windows, and judging them in every step would cost as many passes as it has
    members. So its probabilities at the temperature ``warmth``, softened as the loss will soften them, are mixed like
    the labels, and the logits given are those that soften to just that mixture.
    """
    if not len(batch.labels) or rng.random() >= mixing.chance:
        return batch
    ways = [way for way, alpha in ((_blend, mixing.mixup), (_cut, mixing.cutmix)) if alpha]
    if not ways:
        return batch
    way = ways[int(rng.integers(len(ways)))]
    drawn = float(rng.beta(*(2 * (mixing.mixup if way is _blend else mixing.cutmix,))))
    partners = rng.permutation(len(batch.labels))
    windows, share = way(batch.windows, batch.windows[partners], drawn, rng)
    labels = share * batch.labels + (1 - share) * batch.labels[partners]
    logits = None if batch.logits is None else _mix_logits(batch.logits, batch.logits[partners], share, warmth)
    weights = None if batch.weights is None else share * batch.weights + (1 - share) * batch.weights[partners]
    return Batch(windows, labels.astype(np.float32), logits, weights=weights)


def _blend(own: Windows, other: Windows, share: float, _: np.random.Generator) -> _Mixed:
    # Differences are linear in the frames, so mixed samples are the samples of mixed videos, but for saturation.
    mixed = np.float32(share) * own + np.float32(1 - share) * other
    if own.dtype == np.uint8:
        return _Mixed(np.rint(mixed).astype(np.uint8), share)
    return _Mixed(mixed.astype(np.float32), share)


def _cut(own: Windows, other: Windows, share: float, rng: np.random.Generator) -> _Mixed:
    """A box of about ``1 - share`` of the window, as long in time as it is in space in relation, from the other; a
    window of embeddings has no place in the picture and is cut in time only."""
    sides = own.shape[1 : 1 + SPACE_AND_TIME] if own.ndim > SPACE_AND_TIME else own.shape[1:2]
    relative = (1 - share) ** (1 / len(sides))
    lengths = [round(side * relative) for side in sides]
    starts = [int(rng.integers(0, side - length + 1)) for side, length in zip(sides, lengths, strict=True)]
    box = (slice(None), *(slice(start, start + length) for start, length in zip(starts, lengths, strict=True)))
    mixed = own.copy()
    mixed[box] = other[box]
    return _Mixed(mixed, 1 - float(np.prod(lengths) / np.prod(sides)))


def _mix_logits(
    own: NDArray[np.float32], other: NDArray[np.float32], share: float, warmth: float
) -> NDArray[np.float32]:
    mixed = share * _softmax(own / warmth) + (1 - share) * _softmax(other / warmth)
    # A share too small for any float stays finite: its logarithm would have no limit.
    return np.asarray(warmth * np.log(np.maximum(mixed, np.finfo(np.float32).tiny)), dtype=np.float32)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)).astype(np.float64))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
