"""A benchmark's picture: an SVG file beside its figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.outcome import ResultFileError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEAST = 0.001


def write_plot(path: Path | None, alternative: str, size: tuple[float, float], paint: Callable[[Figure], None]) -> None:
    """Draw what ``paint`` paints, ``size`` inches wide and high, where a file was asked for; needs the builder's extra.
    ``alternative`` says in words what is seen. Raises ``ResultFileError``."""
    if path is None:
        return
    from builder.report.style import draw

    try:
        path.write_text(draw(path.stem, alternative, *size, paint))
    except OSError as error:
        raise ResultFileError(f"{path}: cannot be written: {error.strerror}; choose another file") from error


def plot_shares(path: Path | None, alternative: str, shares: Mapping[str, Mapping[str, float]], label: str) -> None:
    """Draw a bar for each of ``shares`` by its name, made of parts (shares of one core), where a file was asked for.
    Parts of less than a thousandth are left out. Raises ``ResultFileError``."""

    def paint(figure: Figure) -> None:
        from builder.report.style import OTHERS

        axes = figure.subplots()
        parts = dict.fromkeys(part for bar in shares.values() for part, share in bar.items() if share >= _LEAST)
        starts = dict.fromkeys(shares, 0.0)
        for number, part in enumerate(parts):
            widths = [bar.get(part, 0.0) * 100 for bar in shares.values()]
            colour = OTHERS[number % len(OTHERS)]
            axes.barh(list(shares), widths, left=list(starts.values()), color=colour, height=0.5, label=part)
            starts = {name: start + width for (name, start), width in zip(starts.items(), widths, strict=True)}
        axes.invert_yaxis()
        axes.set_xlabel(label)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5)

    write_plot(path, alternative, (7.6, 1.4 + 0.4 * len(shares)), paint)
