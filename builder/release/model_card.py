"""``MODEL_CARD.md``: what the model is for, what it must not be used for, and what is known of it.

The headings follow Mitchell et al., "Model cards for model reporting" (2019).
"""

from __future__ import annotations

from collections.abc import Sequence

from builder.evidence.kinds import unmeasured
from builder.evidence.table import EvidenceTable
from builder.release.card_template import open_card_template
from builder.release.error_picture import ErrorPicture
from builder.release.markdown_text import code, plain
from builder.report.figures import ReportFigures
from builder.table import markdown

MODEL_CARD = "MODEL_CARD.md"


def render_card(figures: ReportFigures, golden_origin: str, pictures: Sequence[ErrorPicture] = ()) -> str:
    """The card as Markdown, every figure of it out of ``figures``; ``golden_origin`` as in ``ReleaseInputs``, and
    ``pictures`` of the worst errors lie beside the card."""
    return open_card_template("model_card.md", plain=plain, code=code, table=_table).render(
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
