from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.data.degradation import Degradation, draw_recording

RANGES = Degradation()


@given(st.integers(0, 10_000))
def test_what_is_drawn_lies_in_its_ranges(seed: int) -> None:
    drawn = draw_recording(RANGES, np.random.default_rng(seed))
    for key in ("cell_px", "dvr_crf", "gamma", "bezel", "recorder_crf"):
        low, high = getattr(RANGES, key)
        assert low <= getattr(drawn, key) <= high + 1e-9
    assert drawn.dvr_rate_hz in RANGES.dvr_rates_hz
    assert drawn.recorder_rate_hz in RANGES.recorder_rates_hz
    assert 0 <= drawn.phase_s <= 1 / drawn.dvr_rate_hz
    if drawn.camera is not None:
        for key in ("pitch", "moire", "sway_px", "noise"):
            low, high = getattr(RANGES, key)
            assert low <= getattr(drawn.camera, key) <= high
        assert np.abs(drawn.camera.corners).max() <= RANGES.tilt[1]


def test_the_same_seed_draws_the_same_and_another_another() -> None:
    first, again, other = (draw_recording(RANGES, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


@pytest.mark.parametrize(("filmed", "overlay"), [(0.0, 0.0), (1.0, 1.0), (0.5, 0.25)])
def test_shares_say_how_often_it_is_filmed_and_written_on(filmed: float, overlay: float) -> None:
    ranges = Degradation(filmed=filmed, overlay=overlay)
    drawn = [draw_recording(ranges, np.random.default_rng(seed)) for seed in range(300)]
    assert np.mean([one.camera is not None for one in drawn]) == pytest.approx(filmed, abs=0.1)
    assert np.mean([one.overlay for one in drawn]) == pytest.approx(overlay, abs=0.1)


@pytest.mark.parametrize(("width", "cell"), [(400, (225, 400)), (320, (180, 320))])
def test_a_cell_is_sixteen_by_nine(width: int, cell: tuple[int, int]) -> None:
    assert draw_recording(Degradation(cell_px=(width, width)), np.random.default_rng(0)).cell == cell


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("cell_px = [400, 300]", r"cell_px is \[400, 300\]; give the lower first, both from 64 to 1920"),
        ("cell_px = [10, 300]", r"cell_px is \[10, 300\]"),
        ("dvr_crf = [20.0, 60.0]", r"dvr_crf is \[20.0, 60.0\]; .* from 0 to 51"),
        ("moire = [0.0, 1.5]", r"moire is"),
        ("gamma = [0.0, 1.0]", r"gamma is"),
        ("degrade = 1.5", r"<= 1.0.*degrade"),
        ("dvr_rates_hz = []", r"length >= 1.*dvr_rates_hz"),
        ("recorder_rates_hz = [0.0]", r"> 0.0.*recorder_rates_hz"),
        ("moiré = 1", r"unknown field"),
    ],
)
def test_one_clear_error_when_a_range_is_wrong(table: str, message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(msgspec.toml.decode(table.replace("moiré", '"moiré"')), Degradation)
