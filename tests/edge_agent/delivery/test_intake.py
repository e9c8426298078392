"""The door to the disk."""

from __future__ import annotations

from edge_agent.delivery.intake import Intake
from edge_agent.delivery.message import Message


def message(number: int) -> Message:
    return Message("t", bytes([number]) * 99, "")


def test_messages_are_taken_in_order_at_once() -> None:
    intake = Intake(1000)
    for number in range(3):
        intake.put(message(number))
    assert intake.take(0) == [message(0), message(1), message(2)]
    assert intake.take(0) == []


def test_oldest_are_dropped_and_counted_when_disk_takes_nothing() -> None:
    intake = Intake(300)
    for number in range(5):
        intake.put(message(number))
    assert intake.dropped == 2
    assert intake.take(0) == [message(2), message(3), message(4)]


def test_what_was_put_back_comes_first_and_is_shed_first() -> None:
    intake = Intake(300)
    intake.put(message(0))
    intake.put(message(1))
    taken = intake.take(0)
    intake.put(message(2))
    intake.put(message(3))
    intake.put_back(taken)
    assert intake.take(0) == [message(1), message(2), message(3)]
    assert intake.dropped == 1


def test_take_returns_at_once_when_closed_or_nudged() -> None:
    intake = Intake(300)
    intake.nudge()
    assert intake.take(60) == []
    intake.close()
    assert intake.take(60) == []
    assert intake.closed
