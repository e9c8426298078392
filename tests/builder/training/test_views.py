from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.data.decode import DecodedClip
from builder.data.samples import clip_samples
from builder.training.geometric import GeometricAugmentation
from builder.training.photometric import PhotometricAugmentation
from builder.training.temporal import TemporalAugmentation
from builder.training.views import Augmentation, draw_view, strengthened
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
    drawn = np.asarray(view(frozen, Augmentation(), seed))
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


GRAINY = Augmentation(noise=4.0, speed=0.25)
FURTHER = msgspec.structs.replace(
    Augmentation(noise=0.0),
    temporal=TemporalAugmentation(drop=0.5, lowest_rate_hz=6.0),
    geometric=GeometricAugmentation(rotation=20.0),
    photometric=PhotometricAugmentation(gamma=0.5, compression=1.0),
)
PARTS = ("temporal", "geometric", "photometric")


@pytest.mark.parametrize(
    ("seed", "levels"),
    [
        (0, [86, 78, 71, 64]),
        (1, [88, 95, 105, 112]),
        (2, [138, 147, 155, 162]),
        (3, [172, 179, 189, 197]),
        (4, [107, 117, 127, 134]),
        (5, [130, 141, 153, 165]),
    ],
)
def test_views_stay_what_networks_were_trained_on_when_nothing_further_is_asked(seed: int, levels: list[int]) -> None:
    # Even pictures, each a little brighter than the last: which moments are seen, in which order and in which light,
    # as they were drawn before there was anything further to ask for.
    pictures = np.repeat(np.arange(60, 180, 2, dtype=np.uint8), 500).reshape(60, 20, 25)
    ramp = DecodedClip(np.arange(60) / 20, pictures)
    drawn = draw_view(ramp, GEOMETRY, GREY, Augmentation(short=0.0, speed=0.25), np.random.default_rng((seed, 3, 4)))
    assert drawn[:, 0, 0, 0].tolist() == levels


def test_what_is_not_asked_leaves_no_trace_in_a_stages_key() -> None:
    assert msgspec.json.encode(Augmentation()) == (
        b'{"zoom":0.75,"flip":0.5,"speed":0.1,"contrast":0.3,"brightness":25.0,"gain":0.3,"noise":0.0,"reverse":0.3,'
        b'"short":0.15}'
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("parts", [PARTS[:1], PARTS[1:2], PARTS[2:], PARTS])
def test_asking_for_more_moves_no_other_draw(parts: tuple[str, ...], seed: int) -> None:
    clip, plain = make_clip(), Augmentation()
    more = msgspec.structs.replace(plain, **{part: getattr(FURTHER, part) for part in parts})
    states = []
    for augmentation in (plain, more):
        rng = np.random.default_rng(seed)
        drawn = draw_view(clip, GEOMETRY, MOTION, augmentation, rng)
        states.append((rng.bit_generator.state, drawn))
    assert states[0][0] == states[1][0]
    assert not np.array_equal(states[0][1], states[1][1])


@pytest.mark.parametrize("seed", range(8))
def test_a_still_picture_stays_still_whatever_further_is_asked(seed: int) -> None:
    clip = make_clip()
    frozen = DecodedClip(clip.times_s, np.repeat(clip.frames[:1], len(clip.frames), axis=0))
    drawn = np.asarray(view(frozen, FURTHER, seed))
    assert (drawn[..., 1:] == 128).all()
    assert (drawn[..., 0] == drawn[:1, ..., 0]).all()


@given(st.integers(2, 60), st.integers(0, 1000))
def test_any_clip_gives_a_window_whatever_further_is_asked(frames: int, seed: int) -> None:
    drawn = draw_view(make_clip(frames), GEOMETRY, MOTION, FURTHER, np.random.default_rng(seed))
    assert (drawn.shape, drawn.dtype) == ((4, 16, 20, 4), np.uint8)


def test_a_camera_of_few_frames_shows_the_same_picture_at_more_instants() -> None:
    ramp = DecodedClip(np.arange(60) / 20, np.repeat(np.arange(60, dtype=np.uint8), 320).reshape(60, 16, 20))
    poor = msgspec.structs.replace(STILL, temporal=TemporalAugmentation(lowest_rate_hz=1.0))
    seen = [len(np.unique(np.asarray(view(ramp, poor, seed, GREY))[:, 0, 0, 0])) for seed in range(30)]
    assert min(seen) < 4 == max(seen)


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (1.0, GRAINY),
        (2.0, Augmentation(zoom=0.5, speed=0.5, contrast=0.6, gain=0.6, brightness=50.0, noise=8.0)),
        (9.0, Augmentation(zoom=0.3, speed=0.9, contrast=0.9, gain=0.9, brightness=225.0, noise=36.0)),
    ],
)
def test_heavier_views_stray_further_and_keep_their_chances(factor: float, expected: Augmentation) -> None:
    heavier = strengthened(GRAINY, factor)
    assert msgspec.to_builtins(heavier) == pytest.approx(msgspec.to_builtins(expected))
