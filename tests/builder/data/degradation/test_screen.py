from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from builder.data.degradation import Camera, Recording
from builder.data.degradation.screen import AROUND, CODING, ROWS, STRIPES, moire_field, show

STEADY = Camera(pitch=1.0, corners=((0.0, 0.0),) * 4, moire=0.0, sway_px=0.0, noise=0.0)
GRABBED = Recording(
    cell_px=160,
    dvr_rate_hz=25.0,
    dvr_crf=20.0,
    overlay=False,
    gamma=1.0,
    bezel=0.0,
    recorder_rate_hz=25.0,
    recorder_crf=20.0,
    phase_s=0.0,
    camera=None,
)


def picture() -> NDArray[np.uint8]:
    """A smooth slope in a cell's size."""
    return np.broadcast_to(np.linspace(20, 230, 160).astype(np.uint8), (90, 160)).copy()


def shown(recording: Recording, frames: int = 1, seed: int = 0) -> NDArray[np.uint8]:
    film = [picture()] * frames
    return np.stack(list(show(film, recording, np.random.default_rng(seed))))


def filmed(frames: int = 1, seed: int = 0, **camera: Any) -> NDArray[np.uint8]:
    held = msgspec.structs.replace(STEADY, **camera)
    return shown(msgspec.structs.replace(GRABBED, camera=held), frames, seed)


def test_a_grabbed_cell_is_the_picture_itself() -> None:
    np.testing.assert_array_equal(shown(GRABBED)[0], picture())


def test_a_steady_camera_of_the_screens_own_pixels_sees_the_picture_itself() -> None:
    np.testing.assert_array_equal(filmed()[0], picture())


@pytest.mark.parametrize(("gamma", "change"), [(0.7, np.greater), (1.4, np.less)])
def test_gamma_lightens_or_darkens_and_keeps_the_ends(gamma: float, change: Callable[..., Any]) -> None:
    seen = shown(msgspec.structs.replace(GRABBED, gamma=gamma))[0]
    assert change(seen[:, 40:120].astype(int), picture()[:, 40:120]).all()
    np.testing.assert_allclose(seen, 255 * (picture() / 255) ** gamma, atol=0.51)


@pytest.mark.parametrize("camera", [None, STEADY])
def test_the_bezel_is_seen_around_the_cell(camera: Camera | None) -> None:
    seen = shown(msgspec.structs.replace(GRABBED, bezel=0.05, camera=camera))[0]
    assert seen.shape == (90 + 16, 160 + 16)
    for edge in (seen[:7], seen[-7:], seen[:, :7], seen[:, -7:]):
        assert (edge == AROUND).all()
    np.testing.assert_allclose(seen[9:-9, 9:-9].astype(int), picture()[1:-1, 1:-1], atol=1)


@pytest.mark.parametrize(("pitch", "size"), [(0.5, (180, 320)), (2.0, (45, 80))])
def test_the_pitch_decides_how_large_the_cell_is_seen(pitch: float, size: tuple[int, int]) -> None:
    assert filmed(pitch=pitch)[0].shape == size


def test_tilt_moves_the_corner_that_it_is_of() -> None:
    # The camera sees beyond the upper left corner, where it is dark.
    seen = filmed(corners=((-0.1, -0.1), (0, 0), (0, 0), (0, 0)))[0].astype(int)
    assert (seen[:4, :4] == AROUND).all()
    np.testing.assert_allclose(seen[-2, -2], picture()[-2, -2], atol=2)


@pytest.mark.parametrize(("pitch", "period"), [(1.05, 20), (1.1, 10), (0.9, 10)])
def test_moire_beats_at_the_difference_of_the_two_grids(pitch: float, period: float) -> None:
    field = moire_field(np.diag([pitch, pitch, 1.0]), (8, 400), 0.2)
    light = field[0].astype(np.float64) ** CODING
    spectrum = np.abs(np.fft.rfft(light - light.mean()))
    assert 400 / spectrum.argmax() == pytest.approx(period)


def test_moire_is_as_deep_as_the_grating_and_the_lens_make_it() -> None:
    # At a quarter of a pixel each, all phases of both gratings are met.
    light = moire_field(np.diag([0.25, 0.25, 1.0]), (4, 4), 0.5).astype(np.float64) ** CODING
    assert light.max() == pytest.approx((1 + 0.5 * STRIPES) * (1 + 0.5 * ROWS), rel=1e-5)
    assert light.min() == pytest.approx((1 - 0.5 * STRIPES) * (1 - 0.5 * ROWS), rel=1e-5)
    assert light.mean() == pytest.approx(1, rel=1e-5)
    np.testing.assert_array_equal(moire_field(np.eye(3), (5, 5), 0.0), np.ones((5, 5)))


def test_no_moire_where_nothing_shines() -> None:
    dark = show(
        [np.zeros((90, 160), np.uint8)],
        msgspec.structs.replace(GRABBED, camera=msgspec.structs.replace(STEADY, moire=0.5, pitch=0.9)),
        np.random.default_rng(0),
    )
    # Without the outermost pixels, which the dark around the cell shines into.
    assert (next(dark)[1:-1, 1:-1] == 0).all()


def test_sway_moves_the_picture_from_frame_to_frame_and_stillness_does_not() -> None:
    still, swayed = filmed(20), filmed(20, sway_px=2.0)
    assert (still == still[0]).all()
    # The slope's own columns tell how far each frame was moved.
    moved = swayed[:, 45, 80].astype(float) - picture()[45, 80]
    assert np.std(moved) > 0.5
    assert np.abs(np.diff(moved)).mean() < np.std(moved) * 1.5


@pytest.mark.parametrize("noise", [1.0, 4.0])
def test_noise_is_as_strong_as_asked(noise: float) -> None:
    grain = filmed(noise=noise)[0].astype(float) - picture()
    assert np.std(grain) == pytest.approx(noise, rel=0.1)


def test_the_same_seed_shows_the_same() -> None:
    np.testing.assert_array_equal(filmed(3, 5, noise=2.0, sway_px=1.0), filmed(3, 5, noise=2.0, sway_px=1.0))
    assert not np.array_equal(filmed(3, 5, noise=2.0), filmed(3, 6, noise=2.0))
