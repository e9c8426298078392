"""What an ablation found, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from builder.ablation.ablate import Ablation, Row
from builder.ablation.comparison import Measures
from builder.report.style import CALM, FIGHT, INK, MUTED, draw, draw_png
from builder.result_file import write_bytes, write_json
from builder.table import decimal, markdown, percent
from models.manifest import Interval

_METRICS = ("accuracy", "auc", "low_alarm_recall")
_TITLES = ("Accuracy, points", "AUC", "Recall at 5 % alarms, points")
_TICKS = 4
_SCALES = (100.0, 1.0, 100.0)
_ALTERNATIVE = "What each technique adds to accuracy, AUC and recall at 5 % false alarms, with 95 % intervals"
HEADERS = ("technique", "", "accuracy", "AUC", "recall at 5 % alarms", "training")


def write_ablation(found: Ablation, directory: Path) -> None:
    """Write ``ablation.json``, ``ablation.md``, ``ablation.svg`` and ``ablation.png``.

    Raises ``ReportFileError`` when a file cannot be written.
    """
    write_json(directory / "ablation.json", found)
    write_bytes(directory / "ablation.md", "".join(f"{line}\n" for line in describe(found)).encode())
    width, height = 11.0, 1.3 + 0.34 * len(found.rows)
    paint = _painter(found)
    write_bytes(directory / "ablation.svg", draw("ablation", _ALTERNATIVE, width, height, paint).encode())
    write_bytes(directory / "ablation.png", draw_png(width, height, paint))


def read_ablation(directory: Path) -> Ablation | None:
    """The table that an earlier run left in ``directory``; ``None`` where there is none that can be read."""
    try:
        return msgspec.json.decode((directory / "ablation.json").read_bytes(), type=Ablation)
    except (OSError, msgspec.MsgspecError):
        return None


def describe(found: Ablation) -> Iterator[str]:
    """The Markdown that says it all."""
    yield f"# Ablation of {found.recipe} on {found.data}"
    yield ""
    yield (
        f"Each technique on and off, all else as in the recipe: {found.seeds} seed(s) of one {found.network}, "
        f"{found.folds} folds grouped by source. Means over seeds; brackets are 95 % intervals over sources and seeds. "
        "The third line is on less off on the same resamples, and its AUC decides the verdict. Training is the sum of "
        "all stages behind one seed's figures, over all folds, as long as they took when they ran."
    )
    if not found.sources_known:
        yield ""
        yield "Sources are unknown, so each clip counts as its own: figures may be too good."
    yield ""
    yield from markdown([HEADERS, *(line for row in found.rows for line in lines(row))])
    yield ""
    yield from (f"- **{row.name}**: {row.title}. {row.source}." for row in found.rows)


def lines(row: Row) -> Iterator[tuple[str, ...]]:
    """A technique's three lines of the table."""
    compared = row.comparison
    yield (row.name, "on", *_cells(compared.on), f"{row.seconds_on:.0f} s")
    yield ("", "off", *_cells(compared.off), f"{row.seconds_off:.0f} s")
    cost = f"{row.seconds_on - row.seconds_off:+.0f} s"
    yield ("", row.verdict(), *_cells(compared.difference, signed=True), cost)


def _cells(measures: Measures, *, signed: bool = False) -> tuple[str, ...]:
    return (
        percent(measures.accuracy, signed=signed),
        decimal(measures.auc, signed=signed),
        percent(measures.low_alarm_recall, signed=signed),
    )


def _painter(found: Ablation) -> Callable[[Figure], None]:
    rows = tuple(reversed(found.rows))

    def paint(figure: Figure) -> None:
        figure.suptitle(f"On less off: {found.recipe}, one {found.network}, {found.seeds} seed(s)", fontsize=10)
        panels = figure.subplots(1, len(_METRICS), sharey=True, squeeze=False)[0]
        for axes, metric, title, scale in zip(panels, _METRICS, _TITLES, _SCALES, strict=True):
            for place, row in enumerate(rows):
                interval: Interval = getattr(row.comparison.difference, metric)
                _bar(axes, place, interval, scale)
            axes.axvline(0, color=INK, linewidth=1)
            axes.set_title(title)
            axes.set_yticks(range(len(rows)), [row.name for row in rows])
            axes.set_ylim(-0.6, len(rows) - 0.4)
            axes.grid(visible=False, axis="y")
            # Three decimals are wide: more ticks than these would run into each other.
            axes.locator_params(axis="x", nbins=_TICKS)

    return paint


def _bar(axes: Axes, place: int, interval: Interval, scale: float) -> None:
    shade = CALM if interval.low > 0 else FIGHT if interval.high < 0 else MUTED
    axes.plot([scale * interval.low, scale * interval.high], [place, place], color=shade, linewidth=2.2, alpha=0.55)
    axes.plot(scale * interval.value, place, "o", color=shade, markersize=6)
