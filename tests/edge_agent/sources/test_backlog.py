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
