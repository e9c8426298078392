from __future__ import annotations

import msgspec
import numpy as np
import pytest

from builder.release.markdown_text import plain
from builder.release.model_card import render_card
from builder.report.data import ReportData
from builder.report.figures import make_figures
from tests.builder.made_report import make_full_report, make_report


def card_of(report: ReportData) -> str:
    figures = make_figures(report, np.random.default_rng(0))
    return render_card(figures, "noise")


def section(card: str, heading: str) -> str:
    return card.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_card_shows_every_measurement_and_names_none_as_missing() -> None:
    report = make_full_report()
    told = section(card_of(report), "Further measurements")
    for evidence in report.evidence:
        table = evidence.table()
        assert f"### {table.title}\n" in told
        for row in (table.head, *table.rows):
            assert f"| {' | '.join(row)} |\n" in told
        assert all(note in told for note in table.notes)
    assert "Not measured" not in told


def test_card_says_plainly_what_was_not_measured() -> None:
    told = section(card_of(make_report()), "Further measurements")
    assert told.strip() == (
        "Not measured: random folds; another data set; clips degraded as screen recordings; "
        "false alarms an hour of the agent's own parts."
    )
    only = msgspec.structs.replace(make_report(), evidence=make_full_report().evidence[:1])
    assert "Not measured: another data set; clips" in section(card_of(only), "Further measurements")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("yard by day 8.0 [2.2, 20.5]", "yard by day 8.0 [2.2, 20.5]"),
        ("![x](http://there)", r"![x]\(http://there)"),
        ("<b>a*b`c\\d", r"\<b>a\*b\`c\\d"),
        ("a\n# b", "a # b"),
    ],
)
def test_a_name_stays_text_on_a_page(text: str, shown: str) -> None:
    assert plain(text) == shown
