"""Networks judged on clips, with as much of their figures as is shown."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

import msgspec

from builder.table import decimal, percent
from models.manifest import Interval

HEADS = ("network", "accuracy", "AUC", "recall at 5 % false positives")
SOURCES_UNKNOWN = "Sources are unknown, so each clip counts as its own: figures may be too good."
_STUDENT = "student"
_INT8 = "int8"


class JudgedFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Some of ``builder.evaluation.figures.Figures``, which says what each means."""

    clips: int
    sources: int
    fights: int
    accuracy: Interval
    auc: Interval | None
    low_alarm_recall: Interval | None

    def clips_told(self) -> str:
        """How many clips of which label."""
        return f"{self.clips} clips ({self.fights} fights)"

    def cells(self) -> tuple[str, str, str]:
        """Accuracy, AUC and recall at 5 % false positives, each with its interval."""
        return percent(self.accuracy), decimal(self.auc), percent(self.low_alarm_recall)


def rows_shown(judged: Iterable[tuple[str, str, JudgedFigures]]) -> tuple[tuple[str, ...], ...]:
    """Rows under ``HEADS`` of ensemble, student and int8 targets, out of each network's name, kind and figures.

    Members and the student before it was pruned are steps on the way; float targets repeat the student.
    """
    return tuple(
        (name, *figures.cells())
        for name, kind, figures in judged
        if kind == "ensemble" or name == _STUDENT or (kind == "artifact" and _INT8 in name)
    )


def folder_name(place: str) -> str:
    """The last part of a folder's path: where it lies on somebody's machine is for nobody else to read."""
    return PurePath(place).name or place
