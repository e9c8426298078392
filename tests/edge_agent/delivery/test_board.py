"""The notice board."""

from __future__ import annotations

from edge_agent.delivery.board import Board
from edge_agent.delivery.message import Message


def test_newest_of_a_topic_wins_and_is_taken_once() -> None:
    board = Board()
    for payload in (b"1", b"2"):
        board.post(Message("a", payload, retain=True))
    board.post(Message("b", b"3", retain=True))
    assert [one.payload for one in board.take(10)] == [b"2", b"3"]
    assert board.take(10) == []


def test_kept_ones_return_and_others_are_forgotten_when_a_session_begins() -> None:
    board = Board()
    board.post(Message("state", b"1", retain=True))
    board.post(Message("health", b"2", qos=0))
    board.take(1)
    board.renew()
    assert [one.topic for one in board.take(10)] == ["state"]


def test_take_leaves_the_rest_when_there_is_no_room() -> None:
    board = Board()
    for topic in "abc":
        board.post(Message(topic, b"", retain=True))
    assert [one.topic for one in board.take(2)] == ["a", "b"]
    assert board.take(0) == []
    assert [one.topic for one in board.take(2)] == ["c"]


def test_some_topics_may_be_left_for_later() -> None:
    board = Board()
    for topic in "abc":
        board.post(Message(topic, b"", retain=True))
    assert [one.topic for one in board.take(2, but={"a"})] == ["b", "c"]
    assert board.take(2, but={"a"}) == []
    assert [one.topic for one in board.take(2)] == ["a"]


def test_what_rests_is_put_off_to_the_next_session() -> None:
    board = Board()
    for topic in "abc":
        board.post(Message(topic, b"", retain=True))
    assert [one.topic for one in board.take(1, ["a", "z"])] == ["b"]
    assert [one.topic for one in board.take(9)] == ["c"]
    board.renew()
    assert [one.topic for one in board.take(9)] == ["a", "b", "c"]


def test_what_is_forgotten_does_not_return_unless_a_newer_one_took_its_place() -> None:
    board = Board()
    for topic in "ab":
        board.post(Message(topic, b"", retain=True))
    first, second = board.take(10)
    assert board.empty
    board.post(Message("b", b"newer", retain=True))
    board.forget(first)
    board.forget(second)
    board.renew()
    assert [one.payload for one in board.take(10)] == [b"newer"]
