"""What is heard of desires between two threads, changed over at each step of them."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from edge_agent.bundles.desire_box import DesireBox, SessionBegan
from edge_agent.delivery.request import Request

OLD, NEW = (Request("desired/bundle", payload, True, None, None, ()) for payload in (b"old", b"new"))


def take_and_hear(box: DesireBox, step: int) -> list[object]:
    """All that is taken of ``box`` where ``NEW`` is heard before that step of taking; the last time it waits for it."""
    left = step

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal left
        if frame.f_code is not DesireBox.take.__code__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left == 0:
                # A thread that is changed over to here would do so.
                sys.settrace(None)
                box.put(NEW)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        taken: list[object] = [box.take()]
    finally:
        sys.settrace(before)
    if left > 0:
        return []
    if box._bell.is_set():
        taken.append(box.take())
    return [one for one in taken if one is not None]


def test_nothing_is_lost_or_doubled_wherever_the_threads_change_over() -> None:
    found: list[list[object]] = []
    while True:
        box = DesireBox()
        box.put(OLD)
        heard = take_and_hear(box, len(found) + 1)
        if not heard:
            break
        found.append(heard)
    assert len(found) > 10
    assert [heard for heard in found if heard not in ([OLD, NEW], [NEW])] == []


@pytest.mark.parametrize(("begins_last", "expected"), [(True, SessionBegan()), (False, NEW)], ids=["last", "first"])
def test_what_a_session_brings_takes_the_place_of_what_came_before(begins_last: bool, expected: object) -> None:
    box = DesireBox()
    for act in (lambda: box.put(NEW), box.begin) if begins_last else (box.begin, lambda: box.put(NEW)):
        act()
    assert box.rings
    assert (box.take(), box.take()) == (expected, None)
