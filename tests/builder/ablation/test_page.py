from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from builder.ablation.ablate import Ablation, Row
from builder.ablation.comparison import compare_arms
from builder.ablation.page import describe, read_ablation, write_ablation
from builder.result_file import ReportFileError
from tests.builder.evaluation.made_scores import draw_scores


def make_row(name: str, on: float, off: float) -> Row:
    """A row whose networks judged with so much noise."""
    arms = [[draw_scores(90, seed=seed, noise=noise) for seed in (1, 2, 3)] for noise in (on, off)]
    return Row(
        name=name,
        title=f"what {name} does",
        source="Somebody (2001)",
        on={"augmentation.flip": 0.5},
        off={"augmentation.flip": 0.0},
        comparison=compare_arms(arms[0], arms[1], np.random.default_rng(0)),
        seconds_on=120.4,
        seconds_off=100.0,
    )


@pytest.fixture(scope="module")
def ablation() -> Ablation:
    rows = (make_row("better", 0.3, 5.0), make_row("worse", 5.0, 0.3), make_row("a|b", 1.0, 1.0))
    return Ablation(recipe="tiny", data="clips", network="member", folds=5, seeds=3, sources_known=False, rows=rows)


def test_the_verdict_is_what_the_paired_difference_of_auc_shows(ablation: Ablation) -> None:
    assert [row.verdict() for row in ablation.rows] == ["helps", "harms", "not shown to help"]


def test_the_table_has_three_lines_a_technique_and_says_cost_source_and_doubt(ablation: Ablation) -> None:
    told = list(describe(ablation))
    table = [line for line in told if line.startswith("|")]
    assert len(table) == 2 + 3 * len(ablation.rows)
    assert len({line.replace(r"\|", "").count("|") for line in table}) == 1
    assert table[2].startswith("| better | on | ")
    assert table[2].endswith(" | 120 s |")
    assert table[4].startswith("|  | helps | +")
    assert table[4].endswith(" | +20 s |")
    assert any(line.startswith("- **worse**: what worse does. Somebody (2001)") for line in told)
    assert "Sources are unknown" in "\n".join(told)


def test_every_file_is_written_and_the_figures_are_read_again(ablation: Ablation, tmp_path: Path) -> None:
    write_ablation(ablation, tmp_path)
    assert read_ablation(tmp_path) == ablation
    assert (tmp_path / "ablation.md").read_text().startswith("# Ablation of tiny on clips\n")
    svg = (tmp_path / "ablation.svg").read_text()
    assert svg.startswith("<svg ")
    assert "better" in svg
    picture = cv2.imread(str(tmp_path / "ablation.png"))
    assert picture is not None
    assert picture.std() > 1
    again = (tmp_path / "ablation.png").read_bytes(), svg
    write_ablation(ablation, tmp_path)
    assert ((tmp_path / "ablation.png").read_bytes(), (tmp_path / "ablation.svg").read_text()) == again


@pytest.mark.parametrize("left", [None, b"", b"{}", b'{"rows": 3}', b"\xff"])
def test_there_is_no_earlier_table_where_none_can_be_read(tmp_path: Path, left: bytes | None) -> None:
    if left is not None:
        (tmp_path / "ablation.json").write_bytes(left)
    assert read_ablation(tmp_path) is None


def test_one_clear_error_when_a_file_cannot_be_written(ablation: Ablation, tmp_path: Path) -> None:
    with pytest.raises(ReportFileError, match=r"ablation\.json: cannot be written: No such file or directory"):
        write_ablation(ablation, tmp_path / "absent")
