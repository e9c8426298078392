from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources.backlog import Backlog, Due


@dataclass(frozen=True)
class Packet:
    number: int
    is_keyframe: bool
    size: int = 1000


def test_offer_gives_what_is_needed_at_once() -> None:
    backlog: Backlog[Packet] = Backlog()
    packets = [Packet(0, is_keyframe=True), Packet(1, is_keyframe=False)]
    assert [backlog.offer(packet, needed=True) for packet in packets] == [[Due(packet, False)] for packet in packets]


def test_offer_gives_all_since_the_newest_key_picture() -> None:
    backlog: Backlog[Packet] = Backlog()
    packets = [Packet(number, is_keyframe=number % 4 == 0) for number in range(7)]
    due = [backlog.offer(packet, needed=packet.number in {0, 6}) for packet in packets]
    assert due[0] == [Due(packets[0], False)]
    assert due[1:6] == [[]] * 5
    assert due[6] == [Due(packets[4], True), Due(packets[5], False), Due(packets[6], False)]


def test_offer_goes_on_without_a_pause_when_nothing_was_given_up() -> None:
    backlog: Backlog[Packet] = Backlog()
    packets = [Packet(number, is_keyframe=number == 0) for number in range(4)]
    due = [backlog.offer(packet, needed=packet.number in {0, 3}) for packet in packets]
    assert due[3] == [Due(packet, False) for packet in packets[1:]]


def test_offer_holds_no_more_than_its_cap() -> None:
    backlog: Backlog[Packet] = Backlog(most_bytes=3500)
    packets = [Packet(number, is_keyframe=number == 0) for number in range(9)]
    due = [backlog.offer(packet, needed=False) for packet in packets]
    assert [len(given) for given in due] == [0, 0, 0, 4, 0, 0, 0, 4, 0]


def test_offer_gives_all_since_the_newest_key_picture_again_when_the_decoder_was_closed() -> None:
    backlog: Backlog[Packet] = Backlog()
    packets = [Packet(number, is_keyframe=number == 0) for number in range(5)]
    for packet in packets[:4]:
        backlog.offer(packet, needed=packet.number < 2)
        assert backlog.is_soon_repeated
    due = backlog.offer(packets[4], needed=True, closed=True)
    assert due == [Due(packet, paused=False, again=packet.number < 2) for packet in packets]


def test_what_is_long_is_not_repeated() -> None:
    backlog: Backlog[Packet] = Backlog()
    for number in range(9):
        backlog.offer(Packet(number, is_keyframe=number == 0), needed=True)
    assert not backlog.is_soon_repeated
    backlog.offer(Packet(9, is_keyframe=True), needed=False)
    assert backlog.is_soon_repeated


def test_nothing_is_repeated_before_a_key_picture_came_nor_after_the_cap() -> None:
    backlog: Backlog[Packet] = Backlog(most_bytes=3500)
    backlog.offer(Packet(0, is_keyframe=False), needed=True)
    assert not backlog.is_soon_repeated
    for number in range(1, 5):
        backlog.offer(Packet(number, is_keyframe=number == 1), needed=False)
    assert not backlog.is_soon_repeated


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=60))
def test_a_decoder_that_is_closed_whenever_it_may_be_sees_each_picture_once(
    steps: list[tuple[bool, bool, bool]],
) -> None:
    backlog: Backlog[Packet] = Backlog(most_bytes=20_000)
    closed, decoded, shown = False, -1, -1
    for number, (key, needed, closing) in enumerate(steps):
        packet = Packet(number, is_keyframe=key or number == 0)
        due = backlog.offer(packet, needed=needed, closed=closed)
        for one in due:
            fresh = closed and one is due[0]
            assert one.packet.is_keyframe or (not fresh and one.packet.number == decoded + 1)
            assert one.again == (one.packet.number <= shown)
            assert one.paused == (one.packet.number > shown + 1)
            decoded = one.packet.number
            shown = max(shown, decoded)
        assert not needed or shown == number
        closed = (closed and not due) or (closing and not due and backlog.is_soon_repeated)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60))
def test_what_is_given_can_be_decoded(steps: list[tuple[bool, bool]]) -> None:
    """Every packet that is no key follows the one before it, and packets after a gap begin with a key."""
    backlog: Backlog[Packet] = Backlog()
    given_up_to = -1
    for number, (key, needed) in enumerate(steps):
        packet = Packet(number, is_keyframe=key or number == 0)
        for due in backlog.offer(packet, needed=needed):
            assert due.paused == (due.packet.number != given_up_to + 1)
            assert due.packet.is_keyframe or due.packet.number == given_up_to + 1
            given_up_to = due.packet.number
        assert not needed or given_up_to == number
