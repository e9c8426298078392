from __future__ import annotations

import pytest

from edge_agent.sources.key_spacing import WATCHED_S, KeySpacing


def watch(keys_s: list[float], fps: float = 10.0) -> KeySpacing:
    """A stream whose first picture was a key picture, watched for as long as it may be."""
    spacing = KeySpacing()
    numbers = [round(key_s * fps) for key_s in keys_s]
    asked = 1
    while not spacing(asked / fps, key=asked in numbers, spare_s=0.0):
        asked += 1
    assert asked / fps == WATCHED_S
    return spacing


@pytest.mark.parametrize(
    ("keys_s", "seconds"),
    [
        pytest.param([1.0, 2.0, 3.0, 4.0, 5.0], 1.0, id="every-second"),
        pytest.param([2.0, 4.0], 2.0, id="every-other-second"),
        pytest.param([0.3, 4.3], 4.0, id="one-for-whoever-connects"),
        pytest.param([], 5.0, id="none"),
        pytest.param([0.3], 4.7, id="none-but-that"),
    ],
)
def test_the_largest_spacing_counts_and_what_is_not_over_yet(keys_s: list[float], seconds: float) -> None:
    assert watch(keys_s).seconds == pytest.approx(seconds)


def test_nothing_is_apart_before_anything_came() -> None:
    assert KeySpacing().seconds == 0
