"""``report.html``: one file with everything in it, readable with no network and no script."""

from __future__ import annotations

import base64
from pathlib import Path

import msgspec
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from builder.evidence.kinds import unmeasured
from builder.report.cost_plots import plot_cost, plot_training
from builder.report.data import ReportData
from builder.report.figures import ReportFigures, SubjectFigures, make_figures
from builder.report.plots import (
    plot_confusions,
    plot_folds,
    plot_intervals,
    plot_reliability,
    plot_roc,
    plot_scores,
)
from models.manifest import Interval

HTML = "report.html"
JSON = "report.json"


def write_report(data: ReportData, directory: Path, generator: np.random.Generator) -> ReportFigures:
    """Write ``report.html`` and ``report.json`` into ``directory`` and give the figures that both tell.

    Raises ``ReportError`` and ``NoClipsError`` as ``make_figures`` does.
    """
    figures = make_figures(data, generator)
    document = msgspec.json.format(msgspec.json.encode(figures), indent=2)
    (directory / JSON).write_bytes(document + b"\n")
    (directory / HTML).write_text(render(data, figures), encoding="utf-8")
    return figures


def render(data: ReportData, figures: ReportFigures) -> str:
    """The page as HTML, drawn from ``figures``; ``data`` gives what is no figure: curves and pictures."""
    environment = Environment(
        loader=PackageLoader("builder.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=percent, interval=interval, number=number, megabytes=megabytes, jpeg=_jpeg)
    student = next(subject for subject in data.subjects if subject.kind == "student")
    return environment.get_template("report.html").render(
        figures=figures,
        student=figures.student(),
        weakest=weakest_int8(figures),
        errors=data.errors,
        evidence=[one.table() for one in figures.evidence],
        unmeasured=unmeasured(figures.evidence),
        skipped=[skipped for summary in data.data for skipped in summary.skipped],
        dropped=[dropped for summary in data.data for dropped in summary.dropped],
        joined=[joined for summary in data.data for joined in summary.joined],
        pictures={name: Markup(svg) for name, svg in _pictures(data, figures, student.name).items()},  # noqa: S704
    )


def weakest_int8(figures: ReportFigures) -> SubjectFigures | None:
    """The int8 target that loses most accuracy, for the headline; ``None`` when no int8 target was judged."""
    small = {target.target for target in figures.targets if target.precision == "int8"}
    judged = [subject for subject in figures.subjects if subject.name in small]
    return min(judged, key=lambda subject: subject.figures.accuracy.value, default=None)


def percent(value: float | None, places: int = 1) -> str:
    """A share as percent, or n/a."""
    return "n/a" if value is None else f"{100 * value:.{places}f} %"


def interval(value: Interval | None, *, share: bool = True) -> str:
    """The two ends of an interval, or nothing."""
    if value is None:
        return ""
    scale, places = (100, 1) if share else (1, 3)
    return f"{scale * value.low:.{places}f} – {scale * value.high:.{places}f}"  # noqa: RUF001 - an en dash joins ranges


def number(value: float | None, places: int = 3) -> str:
    """A figure with fixed places, or n/a."""
    return "n/a" if value is None else f"{value:.{places}f}"


def megabytes(size: int) -> str:
    """A size as MB, of a million bytes."""
    return f"{size / 1e6:.2f} MB"


def _pictures(data: ReportData, figures: ReportFigures, student: str) -> dict[str, str]:
    scores = next(subject.scores for subject in data.subjects if subject.name == student)
    pictures = {
        "intervals": plot_intervals(figures),
        "roc": plot_roc(figures),
        "confusion": plot_confusions(figures),
        "reliability": plot_reliability(figures),
        "scores": plot_scores(scores, figures.threshold),
    }
    if figures.student().folds:
        pictures["folds"] = plot_folds(figures)
    if data.targets:
        pictures["cost"] = plot_cost(data.targets)
    if data.curves:
        pictures["training"] = plot_training(data.curves)
    return pictures


def _jpeg(picture: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
