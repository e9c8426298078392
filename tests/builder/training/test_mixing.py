from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from builder.training.batch import Batch
from builder.training.mixing import Mixing, mix_batch

TEACHER = np.array([[3.0, -1.0], [0.0, 0.0], [-40.0, 40.0], [1.0, 2.0]], np.float32)


def flat(count: int = 4) -> Batch:
    """Windows all 0 where calm and all 200 where a fight, so that a pixel tells whose it is."""
    fight = np.arange(count) % 2
    windows = np.broadcast_to((200 * fight)[:, None, None, None, None], (count, 6, 16, 12, 1)).astype(np.uint8)
    return Batch(windows, np.eye(2, dtype=np.float32)[fight], np.resize(TEACHER, (count, 2)))


def softened(logits: NDArray[np.float32], warmth: float) -> NDArray[np.float64]:
    powers = np.exp(logits.astype(np.float64) / warmth)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("mixing", [Mixing(mixup=0.4), Mixing(mixup=1.0), Mixing(cutmix=1.0), Mixing(cutmix=0.3)])
def test_labels_are_as_soft_as_the_windows_are_mixed(mixing: Mixing, seed: int) -> None:
    mixed = mix_batch(flat(), mixing, np.random.default_rng(seed))
    assert (mixed.windows.dtype, mixed.labels.dtype) == (np.uint8, np.float32)
    fights = mixed.windows.reshape(4, -1).mean(axis=1) / 200
    np.testing.assert_allclose(mixed.labels[:, 1], fights, atol=0.003)
    np.testing.assert_allclose(mixed.labels.sum(axis=1), 1, rtol=1e-6)


def test_blended_windows_are_the_same_blend_everywhere_and_cut_ones_are_one_box() -> None:
    own, other = np.zeros((6, 16, 12, 1), np.uint8), np.full((6, 16, 12, 1), 200, np.uint8)
    batch = Batch(np.stack([own, other]), np.eye(2, dtype=np.float32))
    sizes = set()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        blended = mix_batch(batch, Mixing(mixup=1.0), rng).windows
        assert all(len(np.unique(window)) == 1 for window in blended)
        cut = mix_batch(batch, Mixing(cutmix=1.0), rng).windows[0]
        assert set(np.unique(cut)) <= {0, 200}
        places = np.argwhere(cut == 200)
        if len(places):
            sides = np.ptp(places, axis=0) + 1
            assert np.prod(sides) == len(places)
            sizes.add(tuple(int(side) for side in sides))
    assert any(time < 6 and high < 16 and wide < 12 for time, high, wide, _ in sizes)


@pytest.mark.parametrize("seed", range(5))
def test_a_window_of_embeddings_is_cut_in_time_only(seed: int) -> None:
    embeddings = np.stack([np.zeros((8, 5)), np.ones((8, 5))]).astype(np.float32)
    mixed = mix_batch(Batch(embeddings, np.eye(2, dtype=np.float32)), Mixing(cutmix=1.0), np.random.default_rng(seed))
    assert mixed.windows.dtype == np.float32
    assert (mixed.windows == mixed.windows[..., :1]).all()
    np.testing.assert_allclose(mixed.labels[:, 1], mixed.windows.mean(axis=(1, 2)), atol=1e-6)


@pytest.mark.parametrize("warmth", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_teachers_softened_probabilities_are_mixed_like_the_labels(warmth: float, seed: int) -> None:
    # Labels name the row they come from, so that the shares can be read off them.
    batch = Batch(np.zeros((4, 2, 3), np.float32), np.eye(4, dtype=np.float32), TEACHER)
    mixed = mix_batch(batch, Mixing(mixup=1.0), np.random.default_rng(seed), warmth)
    assert mixed.logits is not None
    expected = mixed.labels @ softened(TEACHER, warmth)
    np.testing.assert_allclose(softened(mixed.logits, warmth), expected, atol=1e-5)
    assert np.isfinite(mixed.logits).all()


@pytest.mark.parametrize("mixing", [Mixing(), Mixing(mixup=0.4, chance=0.0), Mixing(cutmix=1.0, chance=0.0)])
def test_a_batch_stays_as_it_is_when_nothing_is_asked(mixing: Mixing) -> None:
    batch = flat()
    assert mix_batch(batch, mixing, np.random.default_rng(0)) is batch


def test_each_way_gets_its_batches_when_both_are_asked_and_the_chance_is_kept() -> None:
    seen = {"blended": 0, "cut": 0, "whole": 0}
    for seed in range(200):
        batch = flat(8)
        mixed = mix_batch(batch, Mixing(mixup=1.0, cutmix=1.0, chance=0.5), np.random.default_rng(seed))
        levels = set(np.unique(mixed.windows))
        seen["whole" if mixed is batch else "cut" if levels == {0, 200} else "blended"] += 1
    assert 70 < seen["whole"] < 130
    assert min(seen["blended"], seen["cut"]) > 20


def test_mixing_is_the_same_from_the_same_seed_and_another_from_another() -> None:
    one, same, other = (mix_batch(flat(), Mixing(mixup=1.0), np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.windows, same.windows)
    np.testing.assert_array_equal(one.labels, same.labels)
    assert not np.array_equal(one.labels, other.labels)


def test_a_mixed_window_counts_as_what_it_is_mixed_of() -> None:
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(4, 3, 2)).astype(np.float32)
    labels = np.eye(4, 2, dtype=np.float32)
    weights = np.array([1, 2, 3, 4], dtype=np.float32)
    marked = np.concatenate([labels, weights[:, None]], axis=1).astype(np.float32)
    mixed = mix_batch(Batch(windows, marked, weights=weights), Mixing(mixup=1.0), np.random.default_rng(1))
    assert mixed.weights is not None
    np.testing.assert_allclose(mixed.weights, mixed.labels[:, 2], rtol=1e-6)
    assert not np.allclose(mixed.weights, weights)
