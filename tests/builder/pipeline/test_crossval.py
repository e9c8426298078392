from __future__ import annotations

from pathlib import Path

import pytest

from builder.evaluation.scores import Scores, read_scores
from builder.pipeline.crossval import CrossvalOptions, cross_validate
from builder.pipeline.fold_build import SCORES
from builder.pipeline.fold_task import Part
from builder.pipeline.prepared import PreparedClips
from tests.builder.execution.told import Remembered
from tests.builder.pipeline.filled import fill, fill_compiled


def options(prepared: PreparedClips, data: Path, until: Part) -> CrossvalOptions:
    return CrossvalOptions(data, prepared.work.parent, prepared.recipe, prepared.protocol, until, "1.0")


def margins(scores: Scores) -> dict[str, float]:
    return {score.clip: score.margin for score in scores.clips}


FLOAT = ["member-1", "member-2", "ensemble", "student-unpruned", "student"]
TARGETS = ["cpu-tflite-int8", "cpu-tflite", "cpu-onnx", "cpu-onnx-int8"]


@pytest.mark.parametrize("prepared", ["grouped", "random"], indirect=True)
@pytest.mark.parametrize(
    ("until", "names"), [("unpruned", FLOAT[:-1]), ("student", FLOAT), ("int8", [*FLOAT, *TARGETS])]
)
def test_everything_is_judged_on_each_clip_once_and_nothing_that_is_there_is_done_again(
    prepared: PreparedClips, tiny_data: Path, until: Part, names: list[str]
) -> None:
    fill_compiled(prepared)
    display = Remembered()
    found = cross_validate(options(prepared, tiny_data, until), display)
    assert [subject.name for subject in found.subjects] == names
    assert [name for name, done in display.stages if not done] == ["curate: hashing 12 clips"]
    for subject in found.subjects:
        assert (subject.pooled.clips, subject.pooled.fights) == (12, 6)
        assert subject.pooled.sources == (6 if prepared.protocol == "grouped" else 12)
        assert sorted(score.clip for score in subject.scores.clips) == sorted(
            clip.name for fold in prepared.folds() for clip in fold.judge
        )
        assert [fold.fold for fold in subject.folds] == [0, 1, 2]


def test_an_ensemble_alone_is_the_mean_of_its_members_and_needs_no_student(
    prepared: PreparedClips, tiny_data: Path
) -> None:
    folds = fill(prepared, lambda fold: fold.members())
    found = cross_validate(options(prepared, tiny_data, "ensemble"), Remembered())
    assert [subject.name for subject in found.subjects] == ["member-1", "member-2", "ensemble"]
    one, two, whole = (margins(subject.scores) for subject in found.subjects)
    assert whole == {clip: pytest.approx((one[clip] + two[clip]) / 2) for clip in whole}
    first = prepared.recipe.each_member()[0]
    left = [read_scores(fold.member(first).directory / SCORES) for fold in folds]
    assert one == {clip: margin for scores in left for clip, margin in margins(scores).items()}
    assert not list(prepared.work.glob("*-teacher-*"))
