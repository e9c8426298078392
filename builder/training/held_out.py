"""Clips that nothing is learnt from, by which training is judged while it runs: of sources of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
import numpy as np

from builder.data.clips import Clip
from builder.data.samples import clip_windows
from builder.errors import DataError
from builder.evaluation.clip_samples import ClipSamples
from builder.training.batch import Batch
from builder.training.network import Network
from builder.training.probe import embedder
from models.manifest import Geometry, Preprocessing

CLASSES = 2


class Validation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """About ``share`` of a fold's training clips, whole sources drawn by ``seed``, is kept out of all its training; up
    to ``windows`` of each clip are judged."""

    share: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.15
    windows: Annotated[int, msgspec.Meta(ge=1)] = 4
    seed: int = 0


def hold_out(
    clips: Sequence[Clip], share: float, rng: np.random.Generator
) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """Part ``clips`` into what is learnt from and what is held out, never a source into both.

    Sources are taken in a drawn order, each that leaves at most ``share`` of the clips held out; where that gives one
    class only, the smallest others are taken until it gives both. Raises ``DataError`` when either part lacks a class.
    """
    sizes = Counter(clip.source for clip in clips)
    drawn = [sorted(sizes)[place] for place in rng.permutation(len(sizes))]
    held: set[str] = set()
    for source in drawn:
        if sum(sizes[name] for name in held) + sizes[source] <= share * len(clips):
            held.add(source)
    for source in sorted(set(drawn) - held, key=lambda name: (sizes[name], drawn.index(name))):
        if _both([clip for clip in clips if clip.source in held]):
            break
        held.add(source)
    parts = (
        tuple(clip for clip in clips if clip.source not in held),
        tuple(clip for clip in clips if clip.source in held),
    )
    if not all(_both(part) for part in parts):
        raise DataError(
            f"validation: {len(clips)} clips of {len(sizes)} source(s) leave no two parts with both classes each; give "
            "clips of more sources, or leave [validation] out"
        )
    return parts


def held_out_batch(clips: Iterable[ClipSamples], geometry: Geometry, windows: int) -> Batch:
    """Up to ``windows`` windows of each clip, evenly over its length, as clips are judged: ``(M, T, H, W, C) uint8``
    with their clips' one-hot labels ``(M, 2)``."""
    cut, labels = [], []
    for clip in clips:
        indices = clip_windows(len(clip.samples), geometry)
        chosen = np.unique(np.linspace(0, len(indices) - 1, min(windows, len(indices))).round().astype(int))
        cut.append(clip.samples[indices[chosen]])
        labels += [clip.label] * len(chosen)
    return Batch(np.concatenate(cut), np.eye(CLASSES, dtype=np.float32)[labels])


def embed_held_out(network: Network, held_out: Batch | None, preprocessing: Preprocessing) -> Batch | None:
    """What is held out as a head alone sees it: embeddings ``(M, T, D) float32`` in the place of windows."""
    if held_out is None:
        return None
    windows = np.asarray(held_out.windows, dtype=np.uint8)
    return Batch(embedder(network.encoder, preprocessing)(windows), held_out.labels)


def _both(clips: Sequence[Clip]) -> bool:
    return len({clip.label for clip in clips}) == CLASSES
