"""The pictures of accuracy: intervals, ROC, confusion, folds and calibration, each an inline SVG."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from builder.evaluation.metrics import Confusion, ReliabilityBin
from builder.evaluation.scores import Scores
from builder.report.figures import ReportFigures, SubjectFigures
from builder.report.style import BAND, CALM, FIGHT, GRID, INK, MUTED, STUDENT, colour, draw
from models.manifest import Interval

_DARK = 0.6


def plot_intervals(figures: ReportFigures) -> str:
    """Accuracy and AUC of every subject with their intervals, one row a subject."""
    subjects = tuple(reversed(figures.subjects))

    def paint(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        _forest(left, subjects, [subject.figures.accuracy for subject in subjects], "Accuracy", 100)
        _forest(right, subjects, [subject.figures.auc for subject in subjects], "AUC", 1)

    height = 0.9 + 0.32 * len(subjects)
    return draw("intervals", "Accuracy and AUC of every network with 95 % intervals", 9.2, height, paint)


def plot_roc(figures: ReportFigures) -> str:
    """The student's ROC curve in its band, the other subjects as thin lines, and the bundle's thresholds as points."""
    student = figures.student()

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (4, 4)))
        others = [subject for subject in figures.subjects if subject.kind in {"ensemble", "artifact"}]
        for index, subject in enumerate(others):
            if subject.roc is not None:
                axes.plot(
                    subject.roc.false_positive_rate,
                    subject.roc.true_positive_rate,
                    color=colour(index),
                    linewidth=0.9,
                    label=subject.name,
                )
        if student.roc is not None:
            rates = student.roc.false_positive_rate
            axes.fill_between(rates, student.roc.low, student.roc.high, color=BAND, linewidth=0, alpha=0.8)
            axes.plot(rates, student.roc.true_positive_rate, color=STUDENT, linewidth=2, label="student, 95 % band")
        _operating_points(axes, figures)
        axes.set(
            xlabel="False alarms: calm clips called a fight", ylabel="Fights found", xlim=(-0.01, 1), ylim=(0, 1.01)
        )
        axes.set_aspect("equal")
        axes.legend(loc="lower right", fontsize=8)

    return draw("roc", "ROC curves with the band of the student", 5.2, 4.8, paint)


def plot_confusions(figures: ReportFigures) -> str:
    """Confusion matrices of student and compiled targets, side by side."""
    shown = [subject for subject in figures.subjects if subject.kind in {"student", "artifact"}]

    def paint(figure: Figure) -> None:
        for axes, subject in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
            _matrix(axes, subject.name, subject.figures.confusion)

    return draw("confusion", "Confusion matrices of the student and every target", 1.9 * len(shown), 2.2, paint)


def plot_reliability(figures: ReportFigures) -> str:
    """The student's reliability before and after calibration, with how many clips stand behind each point."""
    calibration = figures.calibration

    def paint(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        _reliability(left, calibration.before, f"Before: error {100 * calibration.error_before:.1f} points", MUTED)
        _reliability(right, calibration.after, f"After: error {100 * calibration.error_after:.1f} points", STUDENT)
        left.set_ylabel("Share that are fights")

    return draw("reliability", "Reliability curves before and after calibration", 7.6, 3.8, paint)


def plot_scores(scores: Scores, threshold: float) -> str:
    """How the student's probabilities spread over calm clips and fights."""
    table = scores.table()

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        bins = np.linspace(0, 1, 21).tolist()
        parts = [table.probabilities[table.labels == label] for label in (0, 1)]
        axes.hist(parts, bins=bins, color=[CALM, FIGHT], label=["calm", "fight"], rwidth=0.9)
        axes.axvline(threshold, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.set(xlabel="Calibrated probability of a fight", ylabel="Clips", xlim=(0, 1))
        axes.grid(visible=False, axis="x")
        axes.legend(loc="upper center", ncols=2, fontsize=8)

    return draw("scores", "Distribution of the student's probabilities by class", 4.6, 3.4, paint)


def plot_folds(figures: ReportFigures) -> str:
    """Accuracy of each fold: student and ensemble."""
    shown = [subject for subject in figures.subjects if subject.kind in {"student", "ensemble"} and subject.folds]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for index, subject in enumerate(shown):
            shade = STUDENT if subject.kind == "student" else colour(index)
            places = [fold.fold + (index - (len(shown) - 1) / 2) * 0.16 for fold in subject.folds]
            axes.plot(places, [100 * fold.accuracy for fold in subject.folds], "o", color=shade, label=subject.name)
            axes.axhline(100 * subject.figures.accuracy.value, color=shade, linewidth=1, linestyle=(0, (4, 3)))
        axes.set(xlabel="Fold", ylabel="Accuracy, %")
        axes.set_xticks([fold.fold for fold in shown[0].folds] if shown else [])
        axes.grid(visible=False, axis="x")
        axes.legend(loc="best", fontsize=8)

    return draw("folds", "Accuracy of each fold", 4.6, 3.4, paint)


def _forest(
    axes: Axes, subjects: Sequence[SubjectFigures], intervals: Sequence[Interval | None], title: str, scale: float
) -> None:
    for row, (subject, interval) in enumerate(zip(subjects, intervals, strict=True)):
        if interval is None:
            continue
        shade = STUDENT if subject.kind == "student" else MUTED
        axes.plot([scale * interval.low, scale * interval.high], [row, row], color=shade, linewidth=2.2, alpha=0.55)
        axes.plot(scale * interval.value, row, "o", color=shade, markersize=6)
        text = f"{scale * interval.value:.1f} %" if scale > 1 else f"{interval.value:.3f}"
        axes.annotate(
            text, (scale * interval.value, row), (0, 6), textcoords="offset points", ha="center", fontsize=7.5
        )
    axes.set_yticks(range(len(subjects)), [subject.name for subject in subjects])
    axes.set_ylim(-0.6, len(subjects) - 0.2)
    axes.set_title(title)
    axes.grid(visible=False, axis="y")


def _operating_points(axes: Axes, figures: ReportFigures) -> None:
    for point in figures.calibration.operating_points:
        if point.recall is None or point.specificity is None:
            continue
        place = (1 - point.specificity, point.recall)
        axes.plot(*place, "o", color=FIGHT, markersize=5, zorder=5)
        axes.annotate(point.name, place, (7, -9), textcoords="offset points", fontsize=8, color=FIGHT)


def _matrix(axes: Axes, name: str, counts: Confusion) -> None:
    cells = np.array(
        [[counts.true_negatives, counts.false_positives], [counts.false_negatives, counts.true_positives]], dtype=float
    )
    shares = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)
    shades = LinearSegmentedColormap.from_list("share", ["#f4f7fb", STUDENT])
    for row in range(2):
        for column in range(2):
            ink = "white" if shares[row, column] > _DARK else INK
            corner = (column - 0.5, row - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, facecolor=shades(shares[row, column]), edgecolor="white"))
            text = f"{cells[row, column]:.0f}\n{100 * shares[row, column]:.0f} %"
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=9)
    axes.set(xlim=(-0.5, 1.5), ylim=(1.5, -0.5), aspect="equal")
    axes.set_xticks([0, 1], ["calm", "fight"])
    axes.set_yticks([0, 1], ["calm", "fight"], rotation=90, va="center")
    axes.set_xlabel("called")
    axes.set_title(name, fontsize=8.5)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _reliability(axes: Axes, bins: Sequence[ReliabilityBin], title: str, shade: str) -> None:
    total = sum(bin_.clips for bin_ in bins)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (4, 4)))
    places = [bin_.probability for bin_ in bins]
    axes.bar(places, [bin_.clips / total for bin_ in bins], width=0.06, color=GRID, label="share of all clips")
    axes.plot(places, [bin_.share for bin_ in bins], "o-", color=shade, linewidth=1.6, markersize=5)
    axes.set(xlabel="Probability given", xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title(title)
    axes.set_aspect("equal")
    axes.legend(loc="upper left", fontsize=8)
