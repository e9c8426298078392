from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from builder.data.decode import DecodedClip
from builder.data.samples import clip_samples, cut_samples, sample_times
from builder.evaluation.judged_views import VIEWS, cut_views
from models.manifest import CloseUp, Geometry, Preprocessing

GEOMETRY = Geometry(samples=4, rate_hz=5.0, frame_gap_s=0.1)
SIZED = Preprocessing(size=(14, 21), channels=("grey", "acceleration"), difference_gain=2.0, mean=0.0, scale=1.0)


def make_clip(height: int = 14, width: int = 21, frames: int = 30) -> DecodedClip:
    rng = np.random.default_rng(1)
    return DecodedClip(np.arange(frames) / 20, rng.integers(90, 160, (frames, height, width), dtype=np.uint8))


def never(_: Preprocessing) -> DecodedClip:
    raise AssertionError("only zoom needs the clip once more")


def test_flip_is_the_mirror_image_of_every_sample() -> None:
    clip = make_clip()
    views = cut_views(("flip",), clip, never, GEOMETRY, SIZED)
    np.testing.assert_array_equal(views["flip"], clip_samples(clip, GEOMETRY, SIZED)[:, :, ::-1])


def test_views_have_the_close_up_too_when_there_is_one() -> None:
    closer = msgspec.structs.replace(SIZED, close_up=CloseUp(canvas=(28, 42), share=0.5))
    views = cut_views(VIEWS, make_clip(28, 42), lambda larger: make_clip(*larger.canvas), GEOMETRY, closer)
    assert {view.shape[1:] for view in views.values()} == {(28, 21, 2)}


@pytest.mark.parametrize(("frames", "fewer"), [(30, 1), (28, 0), (3, 0)])
def test_shift_is_half_a_sample_later_and_never_behind_the_end(frames: int, fewer: int) -> None:
    clip = make_clip(frames=frames)
    plain = sample_times(float(clip.times_s[-1]), GEOMETRY)
    views = cut_views(("shift",), clip, never, GEOMETRY, SIZED)
    wanted = cut_samples(clip, plain[: len(plain) - fewer] + 0.1, GEOMETRY, SIZED)
    np.testing.assert_array_equal(views["shift"], wanted)


def test_zoom_is_the_middle_of_a_larger_picture() -> None:
    asked: list[tuple[int, int]] = []

    def decode(preprocessing: Preprocessing) -> DecodedClip:
        asked.append(preprocessing.size)
        return make_clip(*preprocessing.size)

    views = cut_views(("zoom",), make_clip(), decode, GEOMETRY, SIZED)
    assert asked == [(16, 24)]
    wide = make_clip(16, 24)
    middle = DecodedClip(wide.times_s, wide.frames[:, 1:15, 1:22])
    np.testing.assert_array_equal(views["zoom"], clip_samples(middle, GEOMETRY, SIZED))


@pytest.mark.parametrize("names", [(), ("flip",), ("zoom", "flip"), VIEWS])
def test_the_views_asked_for_are_there_in_order(names: Any) -> None:
    views = cut_views(names, make_clip(), lambda larger: make_clip(*larger.size), GEOMETRY, SIZED)
    assert tuple(views) == names
    assert {view.shape[1:] for view in views.values()} <= {(14, 21, 2)}
