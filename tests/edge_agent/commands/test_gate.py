"""What a signature is good for, and which requests are new; driven by hand, time passed in."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from edge_agent.commands import seen_ids
from edge_agent.commands.errors import CommandError
from edge_agent.commands.gate import Gate
from edge_agent.commands.options import CommandOptions, Signer
from edge_agent.commands.seen_ids import SeenIds
from edge_agent.commands.signature import sign
from edge_agent.delivery.request import Request
from edge_agent.delivery.topics import Topics
from edge_agent.state_file import StateFile
from tests.edge_agent.commands.asking import ROOT, write

TOPICS = Topics("school", "gate")
NOW = datetime(2026, 3, 1, 22, 14, tzinfo=timezone.utc)
KEY = b"sixteen or more bytes"
OPEN = CommandOptions(TOPICS, TOPICS.answers, frozenset({"ping", "restart"}))
SIGNED = CommandOptions(
    TOPICS, TOPICS.answers, OPEN.allow, {"ana": Signer(KEY, OPEN.allow), "ben": Signer(KEY[::-1], frozenset({"ping"}))}
)


def request(payload: bytes, name: str = "ping", *signatures: str, retained: bool = False) -> Request:
    properties = tuple(("signature", one) for one in signatures)
    return Request(f"{ROOT}/command/{name}", payload, retained, None, None, properties)


def make_gate(folder: Path, options: CommandOptions = OPEN) -> Gate:
    return Gate(options, SeenIds(options.limits.window_s, StateFile(folder / "seen.json")))


def dated(seconds: float, **changes: Any) -> bytes:
    return write(issued_at=(NOW + timedelta(seconds=seconds)).isoformat(), **changes)


def test_signature_is_good_for_its_operator_command_device_and_bytes_alone(tmp_path: Path) -> None:
    gate = make_gate(tmp_path, SIGNED)
    payload = dated(0, operator="ana")
    right = sign(KEY, f"{ROOT}/command/ping", payload)
    elsewhere = sign(KEY, "nexara/v1/school/other/command/ping", payload)
    for asked in (
        request(payload, "restart", right),
        request(payload, "ping", elsewhere),
        request(payload + b" ", "ping", right),
        request(payload, "ping", right[:-1]),
        request(payload, "ping", "é"),
        request(payload, "ping", ""),
    ):
        with pytest.raises(CommandError) as refused:
            gate.admit(asked, NOW)
        assert refused.value.kind == "signature"
    for some in ((), (right, right), (right, "")):
        with pytest.raises(CommandError) as refused:
            gate.admit(request(payload, "ping", *some), NOW)
        assert refused.value.kind == "unsigned"
    # What was refused has taken no id.
    assert gate.admit(request(payload, "ping", right), NOW).operator == "ana"


def test_operator_is_not_believed_without_a_signature(tmp_path: Path) -> None:
    assert make_gate(tmp_path).admit(request(dated(0, operator="ana")), NOW).operator is None


@pytest.mark.parametrize(("seconds", "passes"), [(-61, False), (-60, True), (60, True), (61, False)])
def test_request_is_taken_within_the_window_of_the_clock(tmp_path: Path, seconds: float, passes: bool) -> None:
    gate, asked = make_gate(tmp_path), request(dated(seconds))
    if passes:
        assert gate.admit(asked, NOW).name == "ping"
    else:
        with pytest.raises(CommandError, match="allowed are 60 s"):
            gate.admit(asked, NOW)


def test_request_is_known_for_as_long_as_it_would_pass_for_new_and_over_a_restart(tmp_path: Path) -> None:
    asked = request(dated(60, id="same"))
    make_gate(tmp_path).admit(asked, NOW)
    with pytest.raises(CommandError) as refused:
        make_gate(tmp_path).admit(asked, NOW + timedelta(seconds=120))
    assert refused.value.kind == "replayed"
    # From there on its time refuses it, and the id is forgotten.
    gate = make_gate(tmp_path)
    with pytest.raises(CommandError) as refused:
        gate.admit(asked, NOW + timedelta(seconds=121))
    assert refused.value.kind == "time"
    assert gate.admit(request(dated(121, id="same")), NOW + timedelta(seconds=121))


def test_no_id_is_forgotten_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_ids, "MOST", 2)
    gate = make_gate(tmp_path)
    for _ in range(2):
        gate.admit(request(dated(0)), NOW)
    with pytest.raises(CommandError) as refused:
        gate.admit(request(dated(0)), NOW)
    assert refused.value.kind == "busy"
    assert gate.admit(request(dated(61)), NOW + timedelta(seconds=61))


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"a": "yesterday"}', b"\xff"])
def test_ids_that_cannot_be_read_are_set_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "seen.json").write_bytes(content)
    assert make_gate(tmp_path).admit(request(dated(0)), NOW)
    assert (tmp_path / "seen.json.broken").read_bytes() == content


def test_request_is_done_though_its_id_cannot_be_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    gate, asked = make_gate(tmp_path / "file" / "folder"), request(dated(0))
    assert gate.admit(asked, NOW)
    assert "forgotten by a restart" in caplog.text
    with pytest.raises(CommandError, match="again"):
        gate.admit(asked, NOW)
