"""Whatever comes in, the clerk goes on, and what is refused has no effect."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.commands.clerk import Act, Clerk
from edge_agent.commands.errors import CommandError
from edge_agent.commands.figures import CommandTally
from edge_agent.commands.forms import FORMS
from edge_agent.commands.gate import Gate
from edge_agent.commands.inbox import Inbox
from edge_agent.commands.name import CommandName
from edge_agent.commands.options import CommandOptions
from edge_agent.commands.ping import PingArguments
from edge_agent.commands.seen_ids import SeenIds
from edge_agent.delivery.message import Message
from edge_agent.delivery.request import Request
from edge_agent.delivery.topics import Topics
from edge_agent.state_file import StateError, StateFile
from tests.edge_agent.commands.asking import ROOT, write
from tests.edge_agent.delivery.listener import wait_for
from tests.fuzzing import fuzzed

TOPICS = Topics("school", "gate")
NOW = datetime(2026, 3, 1, 22, 14, tzinfo=timezone.utc)
ISSUED = NOW.isoformat()
OPTIONS = CommandOptions(TOPICS, TOPICS.answers, frozenset(FORMS))


class Office:
    """A clerk at work by hand: what it sent, and what it had done."""

    def __init__(self, folder: Path, act: Callable[[Any], msgspec.Struct] | None = None) -> None:
        self.sent: list[Message] = []
        self.done: list[tuple[str, Any]] = []
        self.tally = CommandTally()
        self.inbox = Inbox()
        self.now_s = 0.0
        acts: dict[CommandName, Act] = {name: self._record(name, act) for name in FORMS}
        gate = Gate(OPTIONS, SeenIds(OPTIONS.limits.window_s, StateFile(folder / "seen.json")))
        self.clerk = Clerk(
            self.inbox, gate, acts, OPTIONS, self.sent.append, self.tally, clock=lambda: self.now_s, utc=lambda: NOW
        )

    def serve(self, payload: bytes, name: str = "ping", response: str | None = f"{ROOT}/answer/x") -> dict[str, Any]:
        self.clerk.serve(Request(f"{ROOT}/command/{name}", payload, False, response, b"c", ()))
        answer: dict[str, Any] = json.loads(self.sent[-1].payload) if self.sent else {}
        return answer

    def _record(self, name: str, act: Callable[[Any], msgspec.Struct] | None) -> Act:
        def do(arguments: Any, _request: object) -> msgspec.Struct:
            self.done.append((name, arguments))
            return act(arguments) if act else PingArguments()

        return do


def fail(error: Exception) -> Callable[[Any], msgspec.Struct]:
    def act(_arguments: Any) -> msgspec.Struct:
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (CommandError("arguments", "found that"), "arguments", "found that"),
        (StateError("disk full"), "failed", "disk full"),
        (ValueError("secret detail"), "failed", "the agent has a fault, which its log tells; report it"),
    ],
)
def test_command_that_raises_is_answered_as_failed_and_the_next_is_done(
    tmp_path: Path, error: Exception, kind: str, told: str
) -> None:
    office = Office(tmp_path, fail(error))
    for _ in range(2):
        answer = office.serve(write(issued_at=ISSUED))
        assert (answer["ok"], answer["error"]) == (False, {"kind": kind, "text": told})
    assert office.tally.outcomes() == {("ping", kind): 2}


def test_answer_bears_the_correlation_data_and_is_not_retained(tmp_path: Path) -> None:
    office = Office(tmp_path)
    assert office.serve(write(issued_at=ISSUED, id="7"))["id"] == "7"
    (sent,) = office.sent
    assert (sent.topic, sent.correlation, sent.retain, sent.qos) == (f"{ROOT}/answer/x", b"c", False, 1)


@pytest.mark.parametrize("response", ["elsewhere", f"{ROOT}/status", f"{ROOT}/answer/+", f"{ROOT}/answer/#", "", None])
def test_nothing_is_sent_where_nothing_may_be(tmp_path: Path, response: str | None) -> None:
    office = Office(tmp_path)
    office.serve(write(issued_at=ISSUED), response=response)
    assert office.sent == []
    assert bool(office.done) is not bool(response)


def test_flood_is_bounded_and_counted_and_those_that_found_room_are_done(tmp_path: Path) -> None:
    office = Office(tmp_path)
    for _ in range(40):
        office.inbox.put(Request(f"{ROOT}/command/ping", write(issued_at=ISSUED), False, None, None, ()))
    halted = threading.Event()
    thread = threading.Thread(target=office.clerk.run, args=(halted,))
    thread.start()
    wait_for(lambda: len(office.done) == 32, "not all were done")
    halted.set()
    thread.join(10)
    assert office.tally.outcomes() == {("ping", "ok"): 32, ("unknown", "busy"): 8}


def test_log_is_told_once_a_minute_of_each_kind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    office = Office(tmp_path)
    for now_s in (0.0, 1.0, 59.0, 60.0):
        office.now_s = now_s
        office.serve(b"\nno request\n")
        office.serve(write(issued_at=(NOW - timedelta(days=1)).isoformat()))
    lines = [record.getMessage() for record in caplog.records]
    assert sum("malformed" in line for line in lines) == sum("refused, time" in line for line in lines) == 2
    assert lines[-1].endswith("(2 more of this kind before)")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(["id", "issued_at", "operator", "arguments", "more"])
ENVELOPES = st.builds(
    lambda whole, keys, values: {**whole, **dict(zip(keys, values, strict=False))},
    st.just({"id": "a", "issued_at": ISSUED, "arguments": {}}),
    st.lists(FIELDS, max_size=3),
    st.lists(JSON, min_size=3, max_size=3),
)
NAMES = st.sampled_from([*FORMS]) | st.text(max_size=12)


@pytest.mark.fuzz
@fuzzed(150)
@given(payload=st.binary(max_size=200) | st.builds(lambda one: json.dumps(one).encode(), JSON), name=NAMES)
def test_no_payload_that_is_no_request_has_an_effect(tmp_path: Path, payload: bytes, name: str) -> None:
    office = Office(tmp_path)
    answer = office.serve(payload, name)
    assert (answer["ok"], answer["result"], office.done) == (False, None, [])
    assert answer["error"]["kind"] in {"malformed", "unknown"}


@pytest.mark.fuzz
@fuzzed(150)
@given(envelope=ENVELOPES, name=NAMES)
def test_what_is_done_had_the_form_of_its_command(tmp_path: Path, envelope: dict[str, Any], name: str) -> None:
    office = Office(tmp_path)
    (tmp_path / "seen.json").unlink(missing_ok=True)
    answer = office.serve(json.dumps(envelope).encode(), name)
    assert answer["ok"] is bool(office.done)
    for done, arguments in office.done:
        assert done == name
        assert isinstance(arguments, FORMS[done].arguments)
        assert set(envelope) <= {"id", "issued_at", "operator", "arguments"}


@pytest.mark.fuzz
@fuzzed(150)
@given(response=st.text(max_size=40) | st.builds(f"{ROOT}/answer/{{}}".format, st.text(max_size=10)))
def test_answer_goes_nowhere_but_below_the_prefix(tmp_path: Path, response: str) -> None:
    office = Office(tmp_path)
    office.serve(b"", response=response)
    for sent in office.sent:
        assert sent.topic == response
        assert response.startswith(TOPICS.answers)
        assert not set(response) & set("+#\x00")
