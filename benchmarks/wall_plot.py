"""Where the time of one pass over a wall goes, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.plot import write_plot
from benchmarks.wall_result import STEPS, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NAMES = ("luma", "cells, shrunk", "samples", "encoder", "head")


def plot_pass(path: Path | None, result: Result, target_ms: float) -> None:
    """Draw the steps of a pass, where a file was asked for. Raises ``ResultFileError``."""

    def paint(figure: Figure) -> None:
        from builder.report.style import FIGHT, OTHERS, STUDENT

        axes = figure.subplots()
        start = 0.0
        for name, step, colour in zip(_NAMES, STEPS, (*OTHERS[:3], STUDENT, OTHERS[3]), strict=True):
            took = result.steps[step].p50_ms
            axes.barh(0, took, left=start, color=colour, height=0.5, label=f"{name}, {took:.1f} ms")
            start += took
        axes.axvline(target_ms, color=FIGHT, linestyle="--", linewidth=1, label=f"allowed, {target_ms:g} ms")
        axes.set_yticks([])
        axes.set_xlim(0, max(start, target_ms) * 1.05)
        axes.set_xlabel(f"ms of one pass over {result.cells} cells (naive: {result.naive.p50_ms:.0f} ms)")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.6), ncols=3)

    write_plot(path, "Where the time of one pass over a wall goes", (7.6, 2.0), paint)
