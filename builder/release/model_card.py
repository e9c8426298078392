"""``MODEL_CARD.md``: what the model is for, what it must not be used for, and what is known of it.

The headings follow Mitchell et al., "Model cards for model reporting" (2019).
"""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from builder.evidence.kinds import unmeasured
from builder.evidence.table import EvidenceTable
from builder.release.error_picture import ErrorPicture
from builder.release.markdown_text import code, plain
from builder.report.figures import ReportFigures
from builder.report.page import interval, megabytes, number, percent
from builder.table import markdown

MODEL_CARD = "MODEL_CARD.md"


def render_card(figures: ReportFigures, golden_origin: str, pictures: Sequence[ErrorPicture] = ()) -> str:
    """The card as Markdown, every figure of it out of ``figures``; ``golden_origin`` as in ``ReleaseInputs``, and
    ``pictures`` of the worst errors lie beside the card."""
    # Markdown for a reader, not markup for a browser: nothing is to be escaped.
    environment = Environment(
        loader=PackageLoader("builder.release", "."),
        autoescape=False,  # noqa: S701 - the line above
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(percent=percent, interval=interval, number=number, megabytes=megabytes)
    environment.filters.update(plain=plain, code=code, table=_table)
    return environment.get_template("model_card.md").render(
        figures=figures,
        student=figures.student(),
        golden_origin=golden_origin,
        evidence=[one.table() for one in figures.evidence],
        unmeasured=unmeasured(figures.evidence),
        pictures=pictures,
        judged=[summary for summary in figures.data if summary.judged],
    )


def _table(shown: EvidenceTable) -> str:
    return "\n".join(markdown([[plain(cell) for cell in row] for row in (shown.head, *shown.rows)]))
