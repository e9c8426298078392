from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import numpy as np
import pytest

from builder.release.model_card import render_card
from builder.report.data import ReportData
from builder.report.figures import ReportError, ReportFigures, make_figures
from builder.report.page import HTML, JSON, write_report
from tests.builder.made_report import HOSTILE, make_choice, make_full_report, make_report

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """What a browser would see: tags that are never closed, ids, what is fetched, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name == "src":
                self.fetched.append(value or "")
            if name in {"href", "xlink:href"}:
                self.links.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("report")
    write_report(make_full_report(), directory, np.random.default_rng(0))
    return directory


@pytest.fixture(scope="module")
def page(written: Path) -> Page:
    return Page((written / HTML).read_text(encoding="utf-8"))


def test_page_is_one_whole_file_that_fetches_nothing(page: Page) -> None:
    assert page.open == []
    assert "script" not in page.tags
    assert page.fetched
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.fetched)
    assert all(link.startswith("#") for link in page.links)


def test_page_has_each_id_once_and_every_link_leads_somewhere(page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


def test_page_draws_every_picture(page: Page) -> None:
    assert page.tags.count("svg") == 8


def test_page_escapes_what_a_file_name_may_hold(page: Page) -> None:
    assert HOSTILE in page.text


def test_page_tells_the_figures_of_the_document(written: Path, page: Page) -> None:
    figures = msgspec.json.decode((written / JSON).read_bytes(), type=ReportFigures)
    student = figures.student().figures
    assert student.auc is not None
    for told in (
        f"{100 * student.accuracy.value:.1f} %",
        f"{student.auc.value:.3f}",
        "broken.avi: cannot be decoded",
        "Judged on short clips only.",
        "0.70 MB",
        *(subject.name for subject in figures.subjects),
    ):
        assert told in page.text


def test_page_tells_the_budget_of_false_alarms_and_each_way_to_calibrate(written: Path, page: Page) -> None:
    figures = msgspec.json.decode((written / JSON).read_bytes(), type=ReportFigures)
    assert figures.alarms == make_choice()
    words = " ".join(page.text.split())
    assert "30 calm drawn streams (30 minutes), judged by cpu-tflite-int8, raised 1: 2.0 an hour, 95 %: 0.1" in words
    assert "to 11.1; 59.4 % sure of the budget. The camera was awake for 40.0 % of that time." in words
    assert "Of 40 held-out fights 75.0 %" in words
    assert "none of those tried is sure enough" not in words
    ways = figures.calibration.methods
    assert [(way.method, way.ships) for way in ways] == [("none", False), ("platt", False), ("temperature", True)]
    assert figures.calibration.error_before == ways[0].error
    assert figures.calibration.error_after == ways[2].error
    assert all(f"{100 * way.error:.1f} %" in words and f"{way.brier:.3f}" in words for way in ways)


def test_page_tells_parity_size_and_latency_of_each_target_in_one_row(written: Path) -> None:
    figures = msgspec.json.decode((written / JSON).read_bytes(), type=ReportFigures)
    cost = (written / HTML).read_text(encoding="utf-8").partition('<section id="cost">')[2].partition("</section>")[0]
    rows = {row.partition("</td>")[0]: row.partition("</tr>")[0] for row in cost.split("<tr><td>")[1:]}
    assert list(rows) == [target.target for target in figures.targets] == ["gpu-onnx", "cpu-tflite", "cpu-tflite-int8"]
    assert "not judged" in rows["gpu-onnx"]
    assert rows["gpu-onnx"].count("not measured") == 2
    assert "gpu-onnx was judged by onnx on a processor" in " ".join(cost.split())
    for name in ("cpu-tflite", "cpu-tflite-int8"):
        subject = figures.subject(name)
        assert subject is not None
        change = subject.against_student
        assert change is not None
        assert f"{100 * change.accuracy.value:+.1f} points" in rows[name]
        assert f"<td>{change.flips}</td><td>{change.mean_deviation:.3f} / {change.largest_deviation:.3f}" in rows[name]


def test_page_shows_what_other_commands_measured_and_names_what_they_did_not(tmp_path: Path, page: Page) -> None:
    words = " ".join(page.text.split())
    for evidence in make_full_report().evidence:
        table = evidence.table()
        told = [table.title, *table.head, *table.notes, *(cell for row in table.rows for cell in row)]
        assert all(" ".join(text.split()) in words for text in told)
    assert "Not measured:" not in words
    write_report(make_report(targets=()), tmp_path, np.random.default_rng(0))
    assert "Not measured: random folds; another data set;" in Page((tmp_path / HTML).read_text(encoding="utf-8")).text


def test_document_holds_what_other_commands_measured_without_their_paths(written: Path) -> None:
    document = (written / JSON).read_bytes()
    assert msgspec.json.decode(document, type=ReportFigures).evidence == make_full_report().evidence
    assert b"somebody" not in document


def test_card_tells_the_budget_of_false_alarms_where_there_is_one() -> None:
    rng = np.random.default_rng(0)
    with_budget = " ".join(render_card(make_figures(make_full_report(), rng), "noise").split())
    assert "to keep surely to 4.0 false alarms an hour: at alert 0.70, 30 minutes of calm drawn streams" in with_budget
    assert "raised 1, that is 2.0 an hour [0.1" in with_budget
    without = render_card(make_figures(make_report(), rng), "noise")
    assert "to keep surely" not in without
    assert "Expected calibration error of the float student" in without


def test_bytes_repeat_when_written_again(written: Path, tmp_path: Path) -> None:
    write_report(make_full_report(), tmp_path, np.random.default_rng(0))
    for name in (HTML, JSON):
        assert (tmp_path / name).read_bytes() == (written / name).read_bytes()


def test_page_is_made_when_nothing_optional_is_there(tmp_path: Path) -> None:
    write_report(make_report(targets=()), tmp_path, np.random.default_rng(0))
    plain = Page((tmp_path / HTML).read_text(encoding="utf-8"))
    assert plain.open == []
    assert re.search(r"No target was compiled", plain.text)


def test_document_holds_folds_and_differences_for_every_subject(written: Path) -> None:
    figures = msgspec.json.decode((written / JSON).read_bytes(), type=ReportFigures)
    assert [subject.kind for subject in figures.subjects] == ["member", "ensemble", "student", "artifact", "artifact"]
    assert all([fold.fold for fold in subject.folds] == [0, 1, 2, 3, 4] for subject in figures.subjects)
    assert all((subject.against_student is None) == (subject.kind == "student") for subject in figures.subjects)
    artifact = figures.subject("cpu-tflite-int8")
    assert artifact is not None
    assert artifact.against_student is not None
    # The made-up targets repeat the student's scores.
    assert artifact.against_student.largest_deviation == 0


def without_student(report: ReportData) -> ReportData:
    kept = tuple(subject for subject in report.subjects if subject.kind != "student")
    return msgspec.structs.replace(report, subjects=kept)


def twice(report: ReportData) -> ReportData:
    return msgspec.structs.replace(report, subjects=(*report.subjects, report.subjects[0]))


@pytest.mark.parametrize("spoil", [without_student, twice])
def test_figures_are_refused_when_subjects_are_not_as_they_must_be(spoil: object) -> None:
    assert callable(spoil)
    with pytest.raises(ReportError, match="exactly one"):
        make_figures(spoil(make_report()), np.random.default_rng(0))


def test_clips_that_a_target_judges_otherwise_are_listed_with_both_probabilities(tmp_path: Path) -> None:
    report = make_report()
    target = report.subjects[-1]
    first = target.scores.clips[0]
    other = msgspec.structs.replace(first, probability=round(1 - first.probability, 3))
    scores = msgspec.structs.replace(target.scores, clips=(other, *target.scores.clips[1:]))
    changed = msgspec.structs.replace(target, scores=scores)
    write_report(
        msgspec.structs.replace(report, subjects=(*report.subjects[:-1], changed)), tmp_path, np.random.default_rng(0)
    )
    page = Page((tmp_path / HTML).read_text(encoding="utf-8"))
    assert "Clips that a target judges otherwise" in page.text
    truth = "fight" if first.label else "calm"
    listed = "".join(page.text.split("Target says", 1)[1].split())
    assert listed.startswith(f"{target.name}{first.clip}{truth}{first.probability:.3f}{other.probability:.3f}")


def test_nothing_is_listed_where_every_target_says_as_the_student_does(written: Path) -> None:
    assert "Clips that a target judges otherwise" not in (written / HTML).read_text(encoding="utf-8")
