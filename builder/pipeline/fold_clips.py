"""Which clips a fold learns from and which it holds out."""

from __future__ import annotations

from typing import NamedTuple

from builder.data.clips import Clip
from builder.data.folds import FoldProtocol, forbid_leakage, forbid_overlap

WHOLE = -1


class FoldClips(NamedTuple):
    """``train`` is learnt from, ``judge`` is held out, and ``calibrate`` is held out for calibration (or empty).

    The fold of number ``WHOLE`` learns from all clips and holds none out.
    """

    number: int
    train: tuple[Clip, ...]
    judge: tuple[Clip, ...]
    calibrate: tuple[Clip, ...]
    protocol: FoldProtocol = "grouped"

    @property
    def name(self) -> str:
        """What the names of the fold's stages begin with."""
        return "whole" if self.number == WHOLE else f"fold{self.number}"

    def require_apart(self) -> None:
        """Raise ``DataError`` when a source, or on random folds a clip, is both learnt from and held out."""
        forbid = forbid_leakage if self.protocol == "grouped" else forbid_overlap
        forbid(self.train, (*self.judge, *self.calibrate))
