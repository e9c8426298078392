"""Temporal heads: a window of embeddings ``(N, T, D)`` to two logits ``(N, 2)``, calm and fight."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from builder.heads.bilstm import build_bilstm
from builder.heads.moments import build_moments
from builder.heads.tcn import build_tcn

if TYPE_CHECKING:
    import tf_keras

HeadName = Literal["bilstm", "moments", "tcn"]
HEADS: dict[HeadName, Callable[[int, int], tf_keras.Model]] = {
    "bilstm": build_bilstm,
    "moments": build_moments,
    "tcn": build_tcn,
}

__all__ = ["HEADS", "HeadName", "build_bilstm", "build_moments", "build_tcn"]
