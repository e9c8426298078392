from __future__ import annotations

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest

from builder.release.error_picture import write_pictures
from builder.release.markdown_text import code, plain
from builder.release.model_card import render_card
from builder.report.data import ReportData
from builder.report.figures import make_figures
from tests.builder.made_report import HOSTILE, make_full_report, make_report


def card_of(report: ReportData, directory: Path) -> str:
    figures = make_figures(report, np.random.default_rng(0))
    return render_card(figures, "noise", write_pictures(report.errors, directory))


def section(card: str, heading: str) -> str:
    return card.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_card_shows_every_measurement_and_names_none_as_missing(tmp_path: Path) -> None:
    report = make_full_report()
    told = section(card_of(report, tmp_path), "Further measurements")
    for evidence in report.evidence:
        table = evidence.table()
        assert f"### {table.title}\n" in told
        for row in (table.head, *table.rows):
            assert f"| {' | '.join(row)} |\n" in told
        assert all(note in told for note in table.notes)
    assert "Not measured" not in told


def test_card_has_a_line_for_each_target_and_no_latency_where_none_was_measured(tmp_path: Path) -> None:
    lines = section(card_of(make_full_report(), tmp_path), "Figures").splitlines()
    rows = {line.split(" | ")[0].strip("| "): line for line in lines if line.endswith(" |")}
    assert rows["gpu-onnx"].endswith("| not measured | not measured |")
    assert rows["cpu-tflite"].endswith(" ms |")


def test_card_says_plainly_what_was_not_measured(tmp_path: Path) -> None:
    told = section(card_of(make_report(), tmp_path), "Further measurements")
    assert told.strip() == (
        "Not measured: random folds; another data set; clips degraded as screen recordings; "
        "false alarms an hour of the agent's own parts."
    )
    only = msgspec.structs.replace(make_report(), evidence=make_full_report().evidence[:1])
    assert "Not measured: another data set; clips" in section(card_of(only, tmp_path), "Further measurements")


def test_card_shows_each_error_with_its_picture_and_its_kind(tmp_path: Path) -> None:
    (missed,) = make_full_report().errors
    alarm = msgspec.structs.replace(missed, clip="calm/hug.mp4", source="yard", label=0, probability=0.97)
    report = msgspec.structs.replace(make_full_report(), errors=(alarm, missed))
    told = section(card_of(report, tmp_path), "Known failures")
    assert "(licence: MIT)" in told
    assert "drawn scenes" not in told
    first, second = told.split("### ")[1:]
    assert first.startswith("1. False alarm\n\n![False alarm: ")
    assert "](pictures/1.jpg)" in first
    assert "`calm/hug.mp4` of source `yard`, labelled calm:\na false alarm, since the student gives it 97.0 %" in first
    assert second.startswith("2. Missed fight\n\n![Missed fight: ")
    assert "](pictures/2.jpg)" in second
    assert (
        f"`{HOSTILE}` of source `camera-1`, labelled fight:\na missed fight, since the student gives it 3.0 %" in second
    )
    assert all((tmp_path / file).is_file() for file in re.findall(r"\((pictures/[^)]*)\)", told))


def test_card_says_so_when_there_is_no_picture(tmp_path: Path) -> None:
    assert "none was kept of the clips that were judged wrong" in card_of(make_report(), tmp_path)


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a.mp4", "`a.mp4`"),
        ("a`b", "``a`b``"),
        ("`a``", "``` `a`` ```"),
        ("a\n\nb", "`a b`"),
    ],
)
def test_a_name_stays_within_its_code_span(text: str, shown: str) -> None:
    assert code(text) == shown
