"""The pictures of cost: size, latency, and how training went, each an inline SVG."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from builder.report.data import TargetFacts, TrainingCurve
from builder.report.style import MUTED, STUDENT, colour, draw

_MEGA = 1e6


def plot_cost(targets: Sequence[TargetFacts]) -> str:
    """Size and latency of each target, encoder and head stacked."""
    rows = tuple(reversed(targets))

    def paint(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        names = [target.target for target in rows]
        sizes = [(target.encoder_bytes / _MEGA, target.head_bytes / _MEGA) for target in rows]
        times = [_medians(target) for target in rows]
        _bars(left, names, sizes, "Size, MB", "{:.2f}")
        _bars(right, names, times, "Median latency, ms", "{:.2f}")
        right.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=8, borderaxespad=0.2)

    return draw("cost", "Size and latency of every target", 9.2, 0.9 + 0.42 * len(rows), paint)


def plot_training(curves: Sequence[TrainingCurve]) -> str:
    """Loss over epochs, one panel a run; each fold is a line, full where it was trained on and dashed where it was
    validated on."""
    runs = tuple(dict.fromkeys(curve.run for curve in curves))
    columns = min(4, len(runs))
    lines = -(-len(runs) // columns)

    def paint(figure: Figure) -> None:
        grid = figure.subplots(lines, columns, squeeze=False).ravel()
        for axes, run in zip(grid, runs, strict=False):
            _losses(axes, run, [curve for curve in curves if curve.run == run])
        for axes in grid[len(runs) :]:
            axes.set_visible(False)

    return draw("training", "Loss of every training run over its epochs", 2.4 * columns, 2.4 * lines, paint)


def _medians(target: TargetFacts) -> tuple[float, float]:
    """Milliseconds of encoder and head; none where they were not measured."""
    if target.latencies is None:
        return 0.0, 0.0
    encoder, head = target.latencies
    return encoder.p50_ms, head.p50_ms


def _bars(axes: Axes, names: Sequence[str], parts: Sequence[tuple[float, float]], title: str, form: str) -> None:
    encoder, head = zip(*parts, strict=True)
    rows = range(len(names))
    axes.barh(rows, encoder, color=STUDENT, height=0.55, label="encoder")
    axes.barh(rows, head, left=encoder, color=MUTED, height=0.55, label="head")
    for row, part in enumerate(parts):
        told = form.format(sum(part)) if sum(part) else "not measured here"
        axes.annotate(told, (sum(part), row), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(rows, names)
    axes.set_title(title)
    axes.margins(x=0.14)
    axes.grid(visible=False, axis="y")


def _losses(axes: Axes, run: str, curves: Sequence[TrainingCurve]) -> None:
    for index, curve in enumerate(curves):
        epochs = [epoch.epoch for epoch in curve.epochs]
        shade = STUDENT if curve.fold is None else colour(index)
        axes.plot(epochs, [epoch.loss for epoch in curve.epochs], color=shade, linewidth=1.2)
        validated = [
            (epoch.epoch, epoch.validation_loss) for epoch in curve.epochs if epoch.validation_loss is not None
        ]
        if validated:
            axes.plot(*zip(*validated, strict=True), color=shade, linewidth=1.2, linestyle=(0, (3, 2)))
    axes.set_title(run, fontsize=9)
    axes.set_xlabel("epoch")
