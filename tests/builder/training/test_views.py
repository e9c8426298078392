from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.data.decode import DecodedClip
from builder.data.samples import clip_samples
from builder.training.views import Augmentation, draw_view
from models.manifest import Geometry, Preprocessing

GEOMETRY = Geometry(samples=4, rate_hz=5.0, frame_gap_s=0.1)
GREY = Preprocessing(size=(16, 20), channels=("grey",), difference_gain=2.0, mean=0.0, scale=1.0)
MOTION = Preprocessing(
    size=(16, 20), channels=("grey", "diff_back", "diff_forward", "acceleration"), difference_gain=2.0, mean=0, scale=1
)
STILL = Augmentation(
    zoom=1.0, flip=0.0, speed=0.0, contrast=0.0, brightness=0.0, gain=0.0, noise=0.0, reverse=0.0, short=0.0
)


def make_clip(frames: int = 40, height: int = 20, width: int = 25) -> DecodedClip:
    rng = np.random.default_rng(1)
    pictures = rng.integers(100, 160, (frames, height, width), dtype=np.uint8)
    return DecodedClip(np.arange(frames) / 20, pictures)


def exact_clip(frames: int = 17) -> DecodedClip:
    """In the network's own size, and just as long as one window, so that a view can only be that window."""
    return make_clip(frames, 16, 20)


def view(clip: DecodedClip, augmentation: Augmentation, seed: int = 0, preprocessing: Preprocessing = MOTION) -> object:
    return draw_view(clip, GEOMETRY, preprocessing, augmentation, np.random.default_rng(seed))


@given(st.integers(2, 60), st.integers(0, 1000))
def test_any_clip_gives_a_window_of_the_networks_size(frames: int, seed: int) -> None:
    drawn = draw_view(make_clip(frames), GEOMETRY, MOTION, Augmentation(), np.random.default_rng(seed))
    assert (drawn.shape, drawn.dtype) == ((4, 16, 20, 4), np.uint8)


def test_a_view_is_the_same_from_the_same_seed_and_another_from_another() -> None:
    clip = make_clip()
    np.testing.assert_array_equal(view(clip, Augmentation(), 3), view(clip, Augmentation(), 3))
    assert not np.array_equal(view(clip, Augmentation(), 3), view(clip, Augmentation(), 4))


def test_an_unchanged_view_is_what_the_clip_is_judged_by() -> None:
    clip = exact_clip()
    np.testing.assert_array_equal(view(clip, STILL), clip_samples(clip, GEOMETRY, MOTION))


def test_a_flipped_view_is_the_mirror_image() -> None:
    clip = exact_clip()
    flipped = msgspec.structs.replace(STILL, flip=1.0)
    np.testing.assert_array_equal(view(clip, flipped), clip_samples(clip, GEOMETRY, MOTION)[:, :, ::-1])


def test_a_reversed_view_shows_the_same_samples_backwards() -> None:
    clip = exact_clip()
    plain, turned = (view(clip, msgspec.structs.replace(STILL, reverse=share)) for share in (0.0, 1.0))
    grey, back, forward, jerk = (np.asarray(plain)[::-1, ..., plane].astype(int) for plane in range(4))
    np.testing.assert_array_equal(np.asarray(turned)[..., 0], grey)
    # What went forward now comes back: a difference to the one before is one to the one behind, the other way round.
    np.testing.assert_array_equal(np.asarray(turned)[..., 1], np.clip(256 - forward, 0, 255))
    np.testing.assert_array_equal(np.asarray(turned)[..., 2], np.clip(256 - back, 0, 255))
    np.testing.assert_array_equal(np.asarray(turned)[..., 3], jerk)


@pytest.mark.parametrize("seed", range(8))
def test_a_still_picture_stays_still_however_it_is_transformed(seed: int) -> None:
    clip = make_clip()
    frozen = DecodedClip(clip.times_s, np.repeat(clip.frames[:1], len(clip.frames), axis=0))
    drawn = np.asarray(view(frozen, msgspec.structs.replace(Augmentation(), noise=0.0), seed))
    assert (drawn[..., 1:] == 128).all()
    assert (drawn[..., 0] == drawn[:1, ..., 0]).all()


@pytest.mark.parametrize("seed", range(5))
def test_speed_changes_which_moments_are_seen_and_not_their_order(seed: int) -> None:
    ramp = DecodedClip(np.arange(60) / 20, np.repeat(np.arange(60, dtype=np.uint8), 320).reshape(60, 16, 20))
    drawn = np.asarray(view(ramp, msgspec.structs.replace(STILL, speed=0.25), seed, GREY))[:, 0, 0, 0].astype(int)
    steps = np.diff(drawn)
    # Four frames a sample at the clip's own speed; a quarter more or less, give or take the nearest frame.
    assert (steps >= 2).all()
    assert (steps <= 6).all()


@pytest.mark.parametrize("frames", [2, 5, 9, 13])
def test_a_short_clip_fills_the_front_with_its_oldest_sample(frames: int) -> None:
    clip = exact_clip(frames)
    whole = clip_samples(clip, GEOMETRY, MOTION)
    filled = np.concatenate([np.repeat(whole[:1], 4 - len(whole), axis=0), whole])
    np.testing.assert_array_equal(view(clip, STILL), filled)


@pytest.mark.parametrize("frames", [5, 9, 13])
def test_a_short_clip_fills_the_front_when_its_time_is_reversed_too(frames: int) -> None:
    clip = exact_clip(frames)
    backwards = clip_samples(clip, GEOMETRY, GREY)[::-1]
    filled = np.concatenate([np.repeat(backwards[:1], 4 - len(backwards), axis=0), backwards])
    drawn = np.asarray(view(clip, msgspec.structs.replace(STILL, reverse=1.0), preprocessing=GREY))
    np.testing.assert_array_equal(drawn, filled)


@pytest.mark.parametrize("seed", range(6))
def test_a_glance_now_and_then_stands_for_a_window(seed: int) -> None:
    drawn = np.asarray(view(make_clip(60, 16, 20), msgspec.structs.replace(STILL, short=1.0), seed, GREY))
    assert (drawn[0] == drawn[1]).all()
