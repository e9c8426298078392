from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from builder import ablate_command
from builder.ablation.ablate import Ablation
from builder.crossval_command import ArgumentsError, describe, describe_abroad, main, with_seeds
from builder.errors import DataError, RecipeError
from builder.pipeline.abroad import AbroadSubject, AbroadValidation
from builder.pipeline.crossval import CrossValidation, figure_subject
from builder.pipeline.judged import Judged
from builder.recipe import load_recipe
from builder.result_file import ReportFileError
from tests.builder import tiny_clips
from tests.builder.evaluation.made_scores import draw_scores
from tests.builder.tiny_recipe import RECIPE

RUN_TIMEOUT_S = 900


def made(protocol: str) -> CrossValidation:
    ensemble = Judged("ensemble", "ensemble", draw_scores(60, seed=1, folds=3))
    return CrossValidation(
        recipe="tiny",
        version="0.1.0",
        data="[clips]",
        protocol="random" if protocol == "random" else "grouped",
        sources_known=True,
        folds=3,
        seeds=(1, 2),
        until="ensemble",
        subjects=(figure_subject(ensemble, "random" if protocol == "random" else "grouped", 0),),
        stages=(),
    )


def test_pooled_figures_and_every_fold_are_told() -> None:
    found = made("grouped")
    told = list(describe(found))
    assert told[0] == "tiny on [clips]: 60 clips (30 fights), 3 grouped folds, members of seeds 1, 2"
    subject = found.subjects[0]
    row = next(line for line in told if line.startswith("ensemble"))
    assert f"{100 * subject.pooled.accuracy.value:.1f} % [" in row
    assert [fold.fold for fold in subject.folds] == [0, 1, 2]
    assert sum(fold.figures.clips for fold in subject.folds) == 60
    by_fold = [line for line in told if line.startswith("ensemble")][1]
    for fold in subject.folds:
        assert f"{100 * fold.figures.accuracy.value:.1f} %" in by_fold
    assert "95 % intervals over sources" in told[-1]


def test_random_folds_have_intervals_over_clips_and_say_what_they_are_not() -> None:
    grouped, random = made("grouped"), made("random")
    assert random.subjects[0].pooled.sources == 60
    assert grouped.subjects[0].pooled.sources == 20
    assert random.subjects[0].scores == grouped.subjects[0].scores
    told = "\n".join(describe(random))
    assert "95 % intervals over clips" in told
    assert "no promise for a camera that was never seen" in told


@pytest.mark.parametrize(
    ("calibrated", "known", "words"),
    [
        (True, True, "from 0.5, calibrated on the folder trained on"),
        (False, False, "from 0.5, not calibrated"),
    ],
)
def test_another_data_set_is_told_with_its_calibration(calibrated: bool, known: bool, words: str) -> None:
    pooled = made("grouped").subjects[0]
    found = AbroadValidation(
        recipe="tiny",
        version="0.1.0",
        train="a",
        test="b",
        calibrated=calibrated,
        sources_known=known,
        seeds=(1,),
        until="ensemble",
        subjects=(AbroadSubject(name="ensemble", kind="ensemble", figures=pooled.pooled, scores=pooled.scores),),
        stages=(),
    )
    told = "\n".join(describe_abroad(found))
    assert "tiny trained on all of a, judged on all of b: 60 clips (30 fights), members of seeds 1" in told
    assert words in told
    assert ("sources are unknown" in told) is not known


@pytest.mark.parametrize(
    ("count", "wanted"), [(None, (1, 2, 3)), (1, (1,)), (2, (1, 2)), (3, (1, 2, 3)), (5, (1, 2, 3, 4, 5))]
)
def test_an_ensemble_of_another_size_begins_with_the_recipes_seeds(count: int | None, wanted: tuple[int, ...]) -> None:
    assert with_seeds(load_recipe("quick"), count).members.seeds == wanted


@pytest.mark.parametrize(
    "options",
    [(), ("--train", "a"), ("--test", "a"), ("--data", "a", "--test", "b"), ("--data", "a", "--train", "b")],
)
def test_one_clear_error_when_folders_do_not_go_together(options: tuple[str, ...]) -> None:
    with pytest.raises(ArgumentsError, match="give --data DIR to cross-validate on one folder, or --train DIR and"):
        main([*options])


@pytest.mark.parametrize(
    ("options", "allowed"),
    [
        (("--jobs", "0"), "a whole number from 1 is needed"),
        (("--folds", "1"), "a whole number from 2 is needed"),
        (("--seeds", "none"), "a whole number from 1 is needed"),
        (("--protocol", "mixed"), "invalid choice: 'mixed'"),
        (("--executor", "slurm"), "invalid choice: 'slurm'"),
        (("--stop-at", "teacher"), "invalid choice: 'teacher'"),
    ],
)
def test_usage_error_when_an_option_is_out_of_range(
    options: tuple[str, str], allowed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--data", "a", *options])
    assert caught.value.code == 2
    assert allowed in capsys.readouterr().err


def test_bad_folders_recipes_and_files_are_told_before_anything_is_trained(tmp_path: Path) -> None:
    data = tiny_clips.write_tree(tmp_path / "clips", fights=1, calm=1)
    with pytest.raises(DataError, match="no such folder"):
        main(["--data", str(tmp_path / "absent")])
    with pytest.raises(RecipeError, match="no recipe named 'fast'"):
        main(["--data", str(data), "--recipe", "fast"])
    with pytest.raises(ReportFileError, match="cannot be written"):
        main(["--data", str(data), "--out", str(tmp_path / "out"), "--json", str(tmp_path / "absent" / "a.json")])
    with pytest.raises(RecipeError, match="no technique named 'mixdown'"):
        ablate_command.main(["--data", str(data), "--only", "mixdown"])


def test_every_technique_is_listed_without_any_clips(capsys: pytest.CaptureFixture[str]) -> None:
    assert ablate_command.main(["--list"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert any(line.startswith("distillation") and "student" in line for line in told)


class Trained(NamedTuple):
    """Two folds of one folder, cross-validated as far as their single members; ``other`` is another data set."""

    data: Path
    other: Path
    out: Path
    options: list[str]
    found: CrossValidation

    def finished(self) -> dict[Path, int]:
        """When each member was finished."""
        return {path: path.stat().st_mtime_ns for path in self.out.glob("work/*-member*/stage.json")}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    directory = tmp_path_factory.mktemp("trained")
    data, other, out = (directory / name for name in ("a", "b", "out"))
    tiny_clips.write_table(data, fights=4, calm=4, sources=8)
    for number in range(2):
        tiny_clips.write_clip(other / "fight" / f"{number}.mp4", fight=True, seed=number, frames=25)
        tiny_clips.write_clip(other / "noFight" / f"{number}.mp4", fight=False, seed=number, frames=25)
    # What is asked here is who learns from which clips: the head that is trained soonest does for that.
    (directory / "tiny.toml").write_text(RECIPE.replace('head = "bilstm"', 'head = "moments"'))
    options = ["--recipe", str(directory / "tiny.toml"), "--out", str(out), "--folds", "2"]
    file = directory / "found.json"
    short = ["--seeds", "1", "--stop-at", "ensemble", "--jobs", "2", "--json", str(file)]
    assert main([*options, *short, "--data", str(data)]) == 0
    return Trained(data, other, out, options, msgspec.json.decode(file.read_bytes(), type=CrossValidation))


@pytest.mark.slow
@pytest.mark.timeout(RUN_TIMEOUT_S)
def test_every_clip_is_judged_by_networks_of_the_other_folds(trained: Trained) -> None:
    assert [subject.name for subject in trained.found.subjects] == ["member-1", "ensemble"]
    wanted = sorted([f"fight/f{n}.mp4" for n in range(4)] + [f"noFight/n{n}.mp4" for n in range(4)])
    for subject in trained.found.subjects:
        assert sorted(score.clip for score in subject.scores.clips) == wanted
    assert {path.parent.name.rpartition("-")[0] for path in trained.finished()} >= {"fold0-member1", "fold1-member1"}
    assert not list(trained.out.glob("work/*.part"))


@pytest.mark.slow
@pytest.mark.timeout(RUN_TIMEOUT_S)
def test_another_data_set_is_judged_by_a_network_of_all_clips_and_calibrated_by_the_folds(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = trained.finished()
    short = [*trained.options, "--seeds", "1", "--stop-at", "unpruned", "--jobs", "1", "--train", str(trained.data)]
    assert main([*short, "--test", str(trained.other), "--json", str(tmp_path / "ab.json")]) == 0
    there = msgspec.json.decode((tmp_path / "ab.json").read_bytes(), type=AbroadValidation)
    assert [subject.name for subject in there.subjects] == ["ensemble", "student-unpruned"]
    assert {subject.figures.clips for subject in there.subjects} == {4}
    assert there.calibrated
    assert "✓ fold1-member1: there already" in capsys.readouterr().out
    assert before.items() <= trained.finished().items()
    with pytest.raises(DataError, match=r"8 file\(s\), such as fight/f0.mp4, lie in both folders"):
        main([*short, "--test", str(trained.data)])


@pytest.mark.slow
@pytest.mark.timeout(RUN_TIMEOUT_S)
def test_a_technique_is_measured_with_what_cross_validation_trained(
    trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    before = trained.finished()
    asked = ["--data", str(trained.data), "--only", "flip", "--seeds", "1", "--jobs", "1"]
    assert ablate_command.main([*trained.options, *asked]) == 0
    told = capsys.readouterr().out
    assert "1 seed(s) say little about chance" in told
    assert "✓ flip on 1: fold0-member1: there already" in told
    assert "▸ flip off 1: fold0-member1" in told
    table = msgspec.json.decode((trained.out / "ablation.json").read_bytes(), type=Ablation)
    assert [(row.name, row.comparison.clips, row.comparison.seeds) for row in table.rows] == [("flip", 8, 1)]
    assert table.rows[0].seconds_on > 0
    assert before.items() <= trained.finished().items()
