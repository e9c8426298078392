from __future__ import annotations

import msgspec
import pytest

from builder.evidence.cross_dataset import CrossDatasetEvidence
from builder.evidence.cross_validation import CrossValidationEvidence
from builder.evidence.degradation import DegradationEvidence
from builder.evidence.false_alarms import FalseAlarmEvidence
from builder.evidence.kinds import Evidence, unmeasured
from builder.evidence.table import EvidenceTable
from builder.table import decimal, percent
from tests.builder.evidence.made_evidence import make_abroad, make_alarms, make_crossval, make_evaluation

SHOWN = ["ensemble", "student", "cpu-tflite-int8"]


def evidence_of(found: msgspec.Struct, kind: type[Evidence]) -> Evidence:
    return msgspec.json.decode(msgspec.json.encode(found), type=kind)


def table_of(found: msgspec.Struct, kind: type[Evidence]) -> EvidenceTable:
    table = evidence_of(found, kind).table()
    assert all(len(row) == len(table.head) for row in table.rows)
    return table


def test_cross_validation_shows_ensemble_student_and_int8_targets() -> None:
    found = make_crossval("grouped")
    table = table_of(found, CrossValidationEvidence)
    assert table.title == (
        "Grouped folds: recipe tiny 0.1.0 cross-validated on clips, 60 clips (30 fights) of 20 sources, 2 folds, "
        "members of seeds 1, 2"
    )
    assert [row[0] for row in table.rows] == SHOWN
    figures = {one.name: one.pooled for one in found.subjects}
    for name, *cells in table.rows:
        wanted = figures[name]
        assert cells == [percent(wanted.accuracy), decimal(wanted.auc), percent(wanted.low_alarm_recall)]
    assert table.notes == ("No source is on both sides of a fold; brackets are 95 % intervals over sources.",)


def test_random_folds_say_what_they_are_not() -> None:
    table = table_of(make_crossval("random", sources_known=False), CrossValidationEvidence)
    assert table.title.startswith("Random folds: ")
    assert " sources" not in table.title
    assert "no promise for a camera that was never seen" in table.notes[0]
    assert table.notes[1].startswith("Sources are unknown")


@pytest.mark.parametrize(("calibrated", "words"), [(True, "calibrated on here"), (False, "not calibrated")])
def test_another_data_set_says_what_was_learnt_from_and_how_it_was_calibrated(calibrated: bool, words: str) -> None:
    table = table_of(make_abroad(calibrated=calibrated), CrossDatasetEvidence)
    assert table.title == (
        "Another data set: recipe tiny 0.1.0 trained on all of here, judged on all of there, 30 clips (15 fights) of "
        "10 sources, members of seeds 1, 2"
    )
    assert [row[0] for row in table.rows] == SHOWN
    assert f"from 0.5, {words};" in table.notes[0]


def test_degradation_shows_clean_degraded_and_their_difference() -> None:
    found = make_evaluation()
    table = table_of(found, DegradationEvidence)
    assert "tiny 0.1.0 on clips, 60 clips (30 fights) of 20 sources, held out, copies of seed 3" in table.title
    clean, degraded, difference = table.rows
    assert found.degraded is not None
    change = found.degraded.changes["cpu-tflite-int8"]
    assert clean[:3] == ("cpu-tflite-int8", "clean", percent(found.targets[0].figures.accuracy))
    assert degraded[1:3] == ("degraded", percent(found.degraded.targets[0].figures.accuracy))
    assert change.accuracy.value < 0
    assert difference[2].startswith(f"{100 * change.accuracy.value:.1f} points [")
    assert difference[3] == decimal(change.auc, signed=True)
    assert difference[5] == str(change.flips)
    assert not any("too good" in note for note in table.notes)


def test_degradation_warns_where_clips_were_not_limited_to_those_held_out() -> None:
    table = table_of(make_evaluation(held_out=False), DegradationEvidence)
    assert "held out, " not in table.title
    assert any("the figures are too good" in note for note in table.notes)


def test_false_alarms_show_every_place_and_the_fights() -> None:
    table = table_of(make_alarms(), FalseAlarmEvidence)
    assert "tiny 0.1.0 on cpu-tflite-int8 watching drawn scenes of seeds 101 and 102" in table.title
    assert table.rows[0] == ("all scenes", "30.0", "4", "8.0 [2.2, 20.5]")
    assert [row[0] for row in table.rows] == ["all scenes", "yard by day", "vtest.avi"]
    assert "alert threshold of 0.85, held for 0.3 s, it told of 17 of 20 fights" in table.notes[0]
    assert table.notes[0].endswith(", in the median 1.8 s after they began.")
    assert "in the median" not in table_of(make_alarms(delay_s=None), FalseAlarmEvidence).notes[0]


def test_what_was_not_measured_is_named() -> None:
    grouped, random = (
        evidence_of(make_crossval("grouped"), CrossValidationEvidence),
        evidence_of(make_crossval("random"), CrossValidationEvidence),
    )
    everything = unmeasured(())
    assert len(everything) == 4
    assert unmeasured((grouped,)) == everything
    assert unmeasured((random,)) == everything[1:]
    rest = (
        evidence_of(make_abroad(), CrossDatasetEvidence),
        evidence_of(make_evaluation(), DegradationEvidence),
        evidence_of(make_alarms(), FalseAlarmEvidence),
    )
    assert unmeasured(rest) == ("random folds",)
    assert unmeasured((random, *rest)) == ()
