from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.data.clips import LABELS, Clip
from builder.data.samples import clip_windows
from builder.errors import DataError
from builder.evaluation.clip_samples import ClipSamples
from builder.training.batch import Batch
from builder.training.held_out import embed_held_out, held_out_batch, hold_out
from models.manifest import Geometry
from tests.builder.tiny_training import PREPROCESSING, encoded, make_network, make_training

GEOMETRY = Geometry(samples=3, rate_hz=5.0, frame_gap_s=0.1)


def make_clips(sizes: list[int]) -> list[Clip]:
    """Sources of so many clips each, fights and calm ones by turns."""
    sources = [f"s{number}" for number, size in enumerate(sizes) for _ in range(size)]
    return [Clip(f"{n}", Path(f"{n}"), LABELS[n % 2], source) for n, source in enumerate(sources)]


@given(st.lists(st.integers(2, 9), min_size=6, max_size=20), st.floats(0.1, 0.5), st.integers(0, 99))
def test_no_source_is_on_both_sides_and_no_clip_is_lost(sizes: list[int], share: float, seed: int) -> None:
    clips = make_clips(sizes)
    kept, held = hold_out(clips, share, np.random.default_rng(seed))
    assert not {clip.source for clip in kept} & {clip.source for clip in held}
    assert sorted(kept + held) == sorted(clips)
    assert {clip.label for clip in kept} == {clip.label for clip in held} == set(LABELS)
    # More than the share only where no source is as small.
    assert len(held) <= max(share * len(clips), min(sizes))


def test_about_the_share_is_held_out_by_the_seed() -> None:
    clips = make_clips([5] * 30)
    one, same, other = (hold_out(clips, 0.2, np.random.default_rng(seed))[1] for seed in (1, 1, 2))
    assert one == same != other
    assert len(one) == len(other) == 30


def test_the_smallest_sources_are_taken_until_both_classes_are_held_out() -> None:
    sizes = {"a": ("fight", 8), "b": ("noFight", 6), "c": ("fight", 2), "d": ("noFight", 3), "e": ("noFight", 9)}
    clips = [
        Clip(f"{name}{n}", Path("x"), label, name)  # type: ignore[arg-type] - one of the two labels
        for name, (label, size) in sizes.items()
        for n in range(size)
    ]
    for seed in range(5):
        _, held = hold_out(clips, 0.1, np.random.default_rng(seed))
        assert {clip.source for clip in held} == {"c", "d"}


@pytest.mark.parametrize(("labels", "sources"), [("ff", "ab"), ("fn", "aa"), ("fnn", "aab"), ("fn", "ab")])
def test_one_clear_error_when_two_parts_cannot_both_have_both_classes(labels: str, sources: str) -> None:
    clips = [
        Clip(f"{n}", Path("x"), "fight" if label == "f" else "noFight", source)
        for n, (label, source) in enumerate(zip(labels, sources, strict=True))
    ]
    with pytest.raises(DataError, match=r"no two parts with both classes each; give clips of more sources"):
        hold_out(clips, 0.5, np.random.default_rng(0))


@pytest.mark.parametrize(("samples", "windows", "expected"), [(2, 4, 1), (3, 4, 1), (5, 4, 3), (20, 4, 4), (20, 1, 1)])
def test_windows_are_spread_over_each_clip_and_carry_its_label(samples: int, windows: int, expected: int) -> None:
    numbered = np.arange(samples, dtype=np.uint8).reshape(-1, 1, 1, 1)
    clips = [ClipSamples("a", "s", 1, numbered), ClipSamples("b", "t", 0, numbered + 100)]
    batch = held_out_batch(clips, GEOMETRY, windows)
    assert batch.windows.shape == (2 * expected, 3, 1, 1, 1)
    assert batch.labels.tolist() == [[0, 1]] * expected + [[1, 0]] * expected
    possible = clip_windows(samples, GEOMETRY).tolist()
    chosen = batch.windows[:expected, :, 0, 0, 0].tolist()
    assert all(window in possible for window in chosen)
    assert chosen[0] == possible[0]
    if expected > 1:
        assert chosen[-1] == possible[-1]


def test_a_head_alone_is_judged_by_what_the_encoder_makes_of_what_is_held_out() -> None:
    network, training = make_network(blocks=1), make_training(4)
    held_out = Batch(training.views(0, 0, range(4)), training.labels())
    embedded = embed_held_out(network, held_out, PREPROCESSING)
    assert embedded is not None
    np.testing.assert_allclose(embedded.windows, encoded(network, training.views(0, 0, range(4))), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(embedded.labels, held_out.labels)
    assert embed_held_out(network, None, PREPROCESSING) is None
