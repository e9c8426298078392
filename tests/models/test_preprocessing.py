from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.manifest import Channel, CloseUp, Preprocessing, Quantization, Tensor
from models.preprocessing import dequantize, make_sample, normalise, quantize, shrink, to_input

PREPROCESSING = Preprocessing(size=(2, 4), difference_gain=3.0, mean=127.5, scale=127.5)
FLOAT = Tensor(name="x", shape=(-1, 2, 4, 3), dtype="float32")
INT8 = Tensor(name="x", shape=(-1, 2, 4, 3), dtype="int8", quantization=Quantization(scale=1 / 127, zero_point=0))
UINT8 = Tensor(name="x", shape=(-1, 2, 4, 3), dtype="uint8", quantization=Quantization(scale=1 / 127, zero_point=127))


def _flat(value: int) -> np.ndarray:
    return np.full((2, 4), value, np.uint8)


@pytest.mark.parametrize("shape", [(2, 4), (480, 640), (37, 51), (1, 1)])
def test_shrink_gives_height_and_width_when_pictures_differ(shape: tuple[int, int]) -> None:
    small = shrink(np.full(shape, 77, np.uint8), PREPROCESSING)
    assert (small.shape, small.dtype) == ((2, 4), np.uint8)
    assert (small == 77).all()


def test_shrink_averages_areas_when_it_makes_a_picture_smaller() -> None:
    picture = np.arange(4 * 8, dtype=np.uint8).reshape(4, 8) * 4
    wanted = picture.reshape(2, 2, 4, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(shrink(picture, PREPROCESSING), wanted, atol=0.5)


@pytest.mark.parametrize(
    ("before", "now", "after", "wanted"),
    [
        (10, 10, 10, (10, 128, 128, 128)),
        (10, 20, 20, (20, 158, 128, 143)),
        (20, 10, 10, (10, 98, 128, 113)),
        (10, 10, 15, (10, 128, 143, 120)),
        (10, 20, 30, (20, 158, 158, 128)),
        (0, 100, 255, (100, 255, 255, 46)),
        (255, 0, 84, (0, 0, 255, 0)),
    ],
)
def test_make_sample_amplifies_differences_when_pictures_change(
    before: int, now: int, after: int, wanted: tuple[int, ...]
) -> None:
    channels: tuple[Channel, ...] = ("grey", "diff_back", "diff_forward", "acceleration")
    preprocessing = msgspec.structs.replace(PREPROCESSING, channels=channels)
    sample = make_sample(_flat(before), _flat(now), _flat(after), preprocessing)
    assert (sample.shape, sample.dtype) == ((2, 4, 4), np.uint8)
    assert (sample == wanted).all()


@pytest.mark.parametrize(
    ("channels", "wanted"),
    [(("grey",), (20,)), (("diff_forward", "grey"), (188, 20)), (("diff_back",), (158,))],
)
def test_make_sample_orders_channels_when_the_manifest_does(channels: Any, wanted: tuple[int, ...]) -> None:
    preprocessing = msgspec.structs.replace(PREPROCESSING, channels=channels)
    assert (make_sample(_flat(10), _flat(20), _flat(40), preprocessing) == wanted).all()


@pytest.mark.parametrize(
    ("tensor", "value", "wanted"),
    [
        (FLOAT, 0, -1.0),
        (FLOAT, 255, 1.0),
        (FLOAT, 51, -0.6),
        (INT8, 0, -127),
        (INT8, 255, 127),
        (UINT8, 0, 0),
        (UINT8, 255, 254),
        (UINT8, 128, 127),
    ],
)
def test_to_input_gives_what_the_tensor_takes_when_dtypes_differ(tensor: Tensor, value: int, wanted: float) -> None:
    found = to_input(np.full((1, 2, 4, 3), value, np.uint8), tensor, PREPROCESSING)
    assert (found.shape, found.dtype) == ((1, 2, 4, 3), tensor.dtype)
    np.testing.assert_allclose(found.astype(float), wanted, rtol=1e-6)


def test_normalise_gives_every_value_its_real_one_in_any_shape() -> None:
    samples = np.arange(256, dtype=np.uint8).reshape(8, 32)
    found = normalise(samples, PREPROCESSING)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, (samples.astype(np.float32) - 127.5) / 127.5)


@given(
    real=st.floats(-10, 10, width=32),
    scale=st.floats(1e-3, 1.0),
    zero_point=st.integers(-128, 127),
)
def test_dequantize_is_half_a_step_off_at_most_when_the_value_is_in_range(
    real: float, scale: float, zero_point: int
) -> None:
    tensor = Tensor(
        name="x", shape=(-1, 1), dtype="int8", quantization=Quantization(scale=scale, zero_point=zero_point)
    )
    low, high = (-128 - zero_point) * scale, (127 - zero_point) * scale
    back = dequantize(quantize(np.array([real], np.float32), tensor), tensor)[0]
    assert back == pytest.approx(min(max(real, low), high), abs=scale * 0.501 + 1e-5)


def test_quantize_saturates_when_values_leave_the_range() -> None:
    found = quantize(np.array([-1e9, 1e9], np.float32), INT8)
    assert found.tolist() == [-128, 127]


CLOSE = msgspec.structs.replace(
    PREPROCESSING, size=(8, 16), channels=("grey",), close_up=CloseUp(canvas=(32, 64), share=0.25)
)


def test_shrink_gives_the_canvas_when_there_is_a_close_up() -> None:
    assert shrink(np.zeros((480, 640), np.uint8), CLOSE).shape == (32, 64)


def test_make_sample_shows_the_whole_above_what_moves_when_there_is_a_close_up() -> None:
    still = np.tile(np.arange(64, dtype=np.uint8), (32, 1))
    moved = still.copy()
    moved[16:24, 32:48] += 100
    sample = make_sample(still, moved, still, CLOSE)
    assert (sample.shape, sample.dtype) == (CLOSE.sample_shape, np.uint8)
    np.testing.assert_array_equal(sample[8:, :, 0], moved[16:24, 32:48])
    assert (sample[:8, :, 0] == shrink(moved, msgspec.structs.replace(CLOSE, close_up=None))).all()


@pytest.mark.parametrize(("channels", "panes"), [(("grey",), 1), (("acceleration", "grey", "diff_back"), 2)])
def test_sample_shape_stacks_panes_when_there_is_a_close_up(channels: Any, panes: int) -> None:
    close_up = CLOSE.close_up if panes > 1 else None
    preprocessing = msgspec.structs.replace(CLOSE, channels=channels, close_up=close_up)
    picture = np.zeros(preprocessing.canvas, np.uint8)
    sample = make_sample(picture, picture, picture, preprocessing)
    assert sample.shape == preprocessing.sample_shape == (8 * panes, 16, len(channels))
    assert sample.reshape(-1, *preprocessing.pane_shape).shape[0] == preprocessing.panes == panes
