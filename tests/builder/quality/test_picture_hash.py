from __future__ import annotations

import cv2
import numpy as np

from builder.quality.picture_hash import BITS, distances, hash_picture, shrink_for_hash
from tests.builder.quality.drawn_clips import draw


def test_half_of_the_bits_are_set() -> None:
    assert hash_picture(shrink_for_hash(draw(1, 1)[0])).bit_count() == BITS // 2


def test_a_picture_keeps_its_hash_when_it_is_scaled_brightened_and_coded() -> None:
    picture = draw(3, 1)[10]
    small = cv2.resize(picture, (96, 72), interpolation=cv2.INTER_AREA)
    coded = cv2.imdecode(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 25])[1], cv2.IMREAD_GRAYSCALE)
    changed = np.clip(0.8 * coded.astype(np.float32) + 20, 0, 255).astype(np.uint8)
    one, other = (np.array([hash_picture(shrink_for_hash(some))], np.uint64) for some in (picture, changed))
    assert distances(one, other).item() <= 6


def test_other_places_differ_in_about_half_of_the_bits() -> None:
    hashes = np.array([hash_picture(shrink_for_hash(draw(place, None)[0])) for place in range(12)], np.uint64)
    apart = distances(hashes, hashes)[np.triu_indices(12, 1)]
    assert 26 <= apart.mean() <= 38
    assert apart.min() > 12


def test_distances_count_bits_of_each_pair() -> None:
    some, others = np.array([0, 2**64 - 1], np.uint64), np.array([0, 1, 3], np.uint64)
    np.testing.assert_array_equal(distances(some, others), [[0, 1, 2], [64, 63, 62]])
