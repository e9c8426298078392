"""One look for all pictures of a report: colours by meaning, text that stays text, the same bytes for the same data."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Callable

INK = "#1d2430"
MUTED = "#6b7686"
GRID = "#e4e8ee"
STUDENT = "#1f5fa8"
BAND = "#c9dcf0"
FIGHT = "#c2472f"
CALM = "#2f8578"
OTHERS = ("#8a6fb0", "#c98a1b", "#5a8f3c", "#a8527a", "#4f8fa8", "#7d7464")

# Families that a browser resolves, since text is kept as text: a picture of outlines is five times larger.
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}
_PROLOGUE = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)


def draw(name: str, alternative: str, width: float, height: float, paint: Callable[[Figure], None]) -> str:
    """An inline ``<svg>`` of ``width`` by ``height`` inches that ``paint`` fills; ``name`` is unique on its page and
    ``alternative`` says in words what is seen."""
    with rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        paint(figure)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    svg = _METADATA.sub("", _PROLOGUE.sub("", stream.getvalue()))
    svg = svg.replace('id="', f'id="{name}-').replace("url(#", f"url(#{name}-").replace('href="#', f'href="#{name}-')
    label = alternative.replace("&", "and").replace('"', "'").replace("<", "under ")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def draw_png(width: float, height: float, paint: Callable[[Figure], None]) -> bytes:
    """A PNG of ``width`` by ``height`` inches, on white, for pages that show no SVG."""
    with rc_context({**_STYLE, "figure.facecolor": "white"}):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        paint(figure)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=120, facecolor="white", metadata={"Software": None})
    return stream.getvalue()


def colour(index: int) -> str:
    """The colour of the ``index``-th subject that is not the student."""
    return OTHERS[index % len(OTHERS)]
