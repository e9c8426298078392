from __future__ import annotations

import msgspec
import numpy as np
import pytest

from benchmarks.input_variants import SHIPPED, VARIANTS
from builder.recipe import load_recipe
from models.preprocessing import make_sample


def pictures(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    drawn = np.random.default_rng(seed).integers(0, 256, (3, 1, 16, 16)).astype(np.float32)
    return drawn[0], drawn[1], drawn[2]


def test_shipped_variant_is_what_the_recipe_makes_of_frames() -> None:
    before, now, after = pictures(1)
    preprocessing = msgspec.structs.replace(load_recipe("full").preprocessing, close_up=None)
    stored = make_sample(*(picture[0].astype(np.uint8) for picture in (before, now, after)), preprocessing)
    made = VARIANTS[SHIPPED].sample(before, now, after)[0]
    assert preprocessing.channels == ("acceleration",)
    assert VARIANTS[SHIPPED].gap_s == load_recipe("full").geometry.frame_gap_s
    np.testing.assert_allclose(made[..., :1], (stored - 128.0) / 128, atol=0.01)


@pytest.mark.parametrize("key", VARIANTS)
def test_samples_are_within_what_the_network_was_trained_on(key: str) -> None:
    sample = VARIANTS[key].sample(*pictures(2))
    assert (sample.shape, sample.dtype) == ((1, 16, 16, 3), np.float32)
    assert -1 <= sample.min() < sample.max() <= 1


@pytest.mark.parametrize(
    ("key", "still", "even"),
    [
        ("grey", 0.0, 0.0),
        ("absolute", -1.0, 60 / 127.5 - 1),
        ("signed", 0.0, 20 / 127.5),
        ("second", 0.0, 0.0),
    ],
)
def test_standing_still_and_moving_evenly_show_as_they_should(key: str, still: float, even: float) -> None:
    rest = np.full((1, 4, 4), 127.5, np.float32)
    assert VARIANTS[key].sample(rest, rest, rest) == pytest.approx(still, abs=1e-6)
    assert VARIANTS[key].sample(rest - 10, rest, rest + 10) == pytest.approx(even, abs=1e-6)
