"""A benchmark's picture: an SVG file beside its figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.outcome import ResultFileError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
