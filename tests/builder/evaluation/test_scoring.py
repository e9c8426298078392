from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from builder.data.clips import Clip, find_clips
from builder.data.decode import DecodedClip, decode_clip
from builder.evaluation.clip_samples import ClipSamples, read_clips
from builder.evaluation.scores import Skipped
from builder.evaluation.scoring import FloatScorer, average_views, judge_view, score_clip, score_clips
from models.manifest import Preprocessing
from tests.builder import tiny_clips
from tests.builder.tiny_networks import GEOMETRY, PREPROCESSING, SAMPLES, SIZE


def encode(batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """A linear encoder: the mean of the grey plane."""
    return np.asarray(batch[..., 0].mean(axis=(1, 2))[:, None], dtype=np.float32)


def judge(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """A linear head: calm is nothing, fight the sum over the window."""
    return np.stack([np.zeros(len(windows)), windows.sum(axis=(1, 2))], axis=1).astype(np.float32)


SCORER = FloatScorer(encode, judge, PREPROCESSING)


def make_clip(levels: list[int]) -> ClipSamples:
    samples = np.broadcast_to(np.array(levels, np.uint8)[:, None, None, None], (len(levels), SIZE, SIZE, 3))
    return ClipSamples(clip="clip", source="camera", label=1, samples=samples)


@pytest.mark.parametrize(
    ("levels", "windows", "margin"),
    [
        ([255] * SAMPLES, 1, 4.0),
        ([255] * (SAMPLES + 2), 3, 4.0),
        # Too short: its front is filled with the oldest embedding.
        ([255], 1, 4.0),
        ([127, 255], 1, 1.0),
        # Windows of one, two, three and four bright samples after a dark start, averaged.
        ([127] * 4 + [255] * 4, 5, (0 + 1 + 2 + 3 + 4) / 5),
        ([127] * 130, 127, 0.0),
    ],
)
def test_clip_margin_is_the_mean_over_windows(levels: list[int], windows: int, margin: float) -> None:
    score = score_clip(SCORER, make_clip(levels), GEOMETRY, temperature=2.0, fold=3)
    assert (score.windows, score.fold) == (windows, 3)
    assert score.margin == pytest.approx(margin)
    assert score.probability == pytest.approx(1 / (1 + np.exp(-margin / 2)))


def test_views_count_alike_however_many_windows_they_have() -> None:
    bright, dark = make_clip([255] * (SAMPLES + 3)), make_clip([127] * SAMPLES)
    both = replace(bright, others={"shift": dark.samples})
    score = score_clip(SCORER, both, GEOMETRY, temperature=1.0)
    assert score.margin == pytest.approx((4.0 + 0.0) / 2)
    assert score.windows == 4 + 1
    judged = [judge_view(SCORER, view, GEOMETRY) for view in (bright.samples, dark.samples)]
    assert [len(logits) for logits in judged] == [4, 1]
    assert average_views(both, judged, 1.0) == score


def test_a_clip_is_read_with_the_views_and_by_the_decoder_asked_for(tmp_path: Path) -> None:
    tiny_clips.write_tree(tmp_path, fights=1, calm=0)

    def bright(clip: Clip, preprocessing: Preprocessing) -> DecodedClip:
        decoded = decode_clip(clip.path, preprocessing)
        return decoded._replace(frames=np.full_like(decoded.frames, 255))

    clips = find_clips(tmp_path).clips
    (read,) = read_clips(clips, GEOMETRY, PREPROCESSING, views=("flip", "zoom"), decode=bright)
    assert isinstance(read, ClipSamples)
    assert tuple(read.others) == ("flip", "zoom")
    assert (read.samples == 255).all()
    assert all(view.shape == read.samples.shape and (view == 255).all() for view in read.others.values())


def test_clips_that_cannot_be_read_are_named_and_carried_over(tmp_path: Path) -> None:
    tiny_clips.write_tree(tmp_path, fights=2, calm=1)
    (tmp_path / "fight" / "broken.mp4").write_bytes(b"not a video")
    (tmp_path / "noFight" / "empty.mp4").write_bytes(b"")
    clips = read_clips(find_clips(tmp_path).clips, GEOMETRY, PREPROCESSING)
    scores = score_clips(SCORER, clips, GEOMETRY, temperature=1.0)
    assert [score.clip for score in scores.clips] == ["fight/f0.mp4", "fight/f1.mp4", "noFight/n0.mp4"]
    assert [score.label for score in scores.clips] == [1, 1, 0]
    assert [skipped.clip for skipped in scores.skipped] == ["fight/broken.mp4", "noFight/empty.mp4"]
    assert all("cannot be decoded" in skipped.reason for skipped in scores.skipped)


def test_skipped_clips_pass_through_when_nothing_can_be_read() -> None:
    skipped = Skipped(clip="x", reason="x: cannot be decoded")
    assert score_clips(SCORER, [skipped], GEOMETRY, temperature=1.0).skipped == (skipped,)
