from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmarks.input_variants import SHIPPED, VARIANTS
from benchmarks.inputs import Result, VariantError, chosen_rivals, describe, embed_clips, judge, main, summarise
from builder.data.clips import Clip, find_clips
from builder.recipe import load_recipe
from tests.builder import tiny_clips


def mean_planes(samples: np.ndarray) -> np.ndarray:
    return samples.astype(np.float64).mean(axis=(1, 2))


def clips_of(sources: int, each: int) -> list[Clip]:
    return [
        Clip(f"{source}-{number}", Path(), "fight" if number % 2 else "noFight", f"camera-{source}")
        for source in range(sources)
        for number in range(each)
    ]


def test_clips_are_told_apart_by_a_feature_that_means_the_same_in_every_source() -> None:
    clips = clips_of(6, 4)
    features = {clip.name: np.array([float(clip.fight), 0.5]) for clip in clips}
    table = judge(clips, features, folds=3, seed=0)
    np.testing.assert_array_equal(table.probabilities >= 0.5, table.labels == 1)


def test_what_only_marks_a_source_does_not_help_when_folds_keep_sources_together() -> None:
    clips = [clip._replace(label="fight" if clip.source in {"camera-0", "camera-1"} else "noFight")
             for clip in clips_of(6, 4)]  # fmt: skip
    marks = {clip.name: np.eye(6)[int(clip.source[-1])] for clip in clips}
    table = judge(clips, marks, folds=3, seed=0)
    # Every source's mark is new to the classifier that judges it, so all get much the same answer.
    assert np.mean((table.probabilities >= 0.5) == (table.labels == 1)) < 0.7


def test_features_are_mean_and_spread_over_time_and_broken_clips_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = find_clips(tiny_clips.write_tree(tmp_path, fights=1, calm=1)).clips
    clips[1].path.write_bytes(b"no video")
    told = []
    features = embed_clips(
        clips,
        {key: (variant, mean_planes) for key, variant in chosen_rivals(["grey", "second"], VARIANTS).items()},
        load_recipe("full"),
        lambda done, total, word: told.append((done, total, word)),
    )
    assert {key: list(found) for key, found in features.items()} == {"grey": [clips[0].name], "second": [clips[0].name]}
    assert features["grey"][clips[0].name].shape == (6,)
    assert clips[1].name in capsys.readouterr().err
    assert told == [(1, 2, clips[0].name)]


def test_shipped_input_is_the_one_that_others_are_held_against() -> None:
    clips = clips_of(6, 4)
    rng = np.random.default_rng(1)
    knowing = {clip.name: np.array([float(clip.fight)]) for clip in clips}
    guessing = {clip.name: rng.normal(size=1) for clip in clips}
    tables = {key: [judge(clips, found, 3, 0)] for key, found in ((SHIPPED, knowing), ("grey", guessing))}
    shipped, grey = summarise(tables, SHIPPED)
    assert (shipped.auc.value, shipped.less) == (1.0, None)
    assert grey.less is not None
    assert grey.less.value == pytest.approx(grey.auc.value - 1)
    assert grey.less.high <= 0


def test_unknown_variant_is_told_with_those_there_are() -> None:
    with pytest.raises(VariantError, match=r"no rival 'colour'; there are grey; .*second"):
        chosen_rivals(["grey", "colour"], VARIANTS)


@pytest.mark.slow
def test_figures_are_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tiny_clips.write_table(tmp_path / "clips", fights=4, calm=4, sources=4)
    out = tmp_path / "out.json"
    arguments = ["--data", str(data), "--folds", "2", "--seeds", "1", "--variants", "absolute,second"]
    assert main([*arguments, "--json", str(out)]) == 0
    result = msgspec.json.decode(out.read_bytes(), type=Result)
    assert (result.clips, result.sources, [one.name for one in result.judged]) == (
        8,
        4,
        [VARIANTS["absolute"].name, VARIANTS["second"].name],
    )
    assert "\n".join(describe(result)) in capsys.readouterr().out
