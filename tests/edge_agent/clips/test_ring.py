from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.clips.picture import EncodedPicture
from edge_agent.clips.ring import PictureRing

MOST_BYTES, SPAN_S = 50, 5.0


def picture(number: int, *, key: bool, size: int = 1) -> EncodedPicture:
    """The picture of second ``number``."""
    return EncodedPicture(bytes(size), float(number), number, number, 1, key)


def numbers(pictures: list[EncodedPicture]) -> list[int]:
    return [one.pts for one in pictures]


def filled(*keys: int, until: int, most_bytes: int = MOST_BYTES) -> PictureRing:
    ring = PictureRing(SPAN_S, most_bytes)
    for number in range(until):
        ring.append(picture(number, key=number in keys))
    return ring


def test_ring_begins_with_the_key_picture_that_its_span_needs() -> None:
    assert numbers(filled(0, 4, 8, until=8).since(0.0)) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert numbers(filled(0, 4, 8, until=10).since(0.0)) == [4, 5, 6, 7, 8, 9]


def test_since_begins_at_the_newest_key_picture_that_is_old_enough() -> None:
    ring = filled(0, 2, 4, 6, until=8, most_bytes=100)
    assert numbers(ring.since(4.5)) == [4, 5, 6, 7]
    assert numbers(ring.since(4.0)) == [4, 5, 6, 7]
    assert numbers(ring.since(-3.0)) == numbers(ring.since(2.0)) == [2, 3, 4, 5, 6, 7]


def test_ring_waits_for_a_key_picture_when_all_it_held_was_too_much() -> None:
    ring = filled(0, until=60)
    assert ring.since(0.0) == []
    ring.append(picture(60, key=False))
    assert ring.since(0.0) == []
    ring.append(picture(61, key=True))
    assert numbers(ring.since(0.0)) == [61]


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 20)), max_size=80))
def test_caps_hold_and_all_that_is_held_can_be_decoded(steps: list[tuple[bool, int]]) -> None:
    ring = PictureRing(SPAN_S, MOST_BYTES)
    for number, (key, size) in enumerate(steps):
        ring.append(picture(number, key=key, size=size))
        held = ring.since(-1.0)
        assert sum(one.size for one in held) <= MOST_BYTES
        if held:
            assert held[0].is_key
            assert numbers(held) == list(range(held[0].pts, number + 1))
            later_keys = [one.time_s for one in held[1:] if one.is_key]
            # Nothing is held that the span does not need.
            assert all(time_s > number - SPAN_S for time_s in later_keys)
