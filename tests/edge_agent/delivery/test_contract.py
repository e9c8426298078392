"""The tests' clients notice what breaks the contract."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_agent.delivery.message import JPEG, JSON
from tests.edge_agent.delivery.contract import list_faults
from tests.edge_agent.delivery.heard import Heard

STATE = Heard(
    "nexara/v1/school/gate/camera/yard/state",
    b'{"camera":"yard","at":"2026-03-01T22:14:06.000Z","connection":"connected","mode":"idle","score":0.8,"reason":null}',
    qos=1,
    retain=True,
    content_type=JSON,
    user_properties={},
)
PROPERTIES = dict.fromkeys(("id", "incident", "reference", "camera"), "x") | {"at": "2026-03-01T22:14:06.000Z"}
SNAPSHOT = Heard(
    "nexara/v1/school/gate/camera/yard/snapshot",
    b"\xff\xd8",
    qos=1,
    retain=False,
    content_type=JPEG,
    user_properties=PROPERTIES,
)
WITHDRAWAL = Heard(
    "homeassistant/device/nexara_school_gate/config", b"", qos=1, retain=True, content_type=JSON, user_properties={}
)


@pytest.mark.parametrize(
    ("heard", "fault"),
    [
        (STATE, None),
        (SNAPSHOT, None),
        (WITHDRAWAL, None),
        (replace(STATE, topic="of/somebody/else"), None),
        (replace(STATE, topic="nexara/v1/school/gate/camera/yard/stat"), "no channel has this topic"),
        (replace(STATE, payload=b""), "no JSON"),
        (replace(STATE, payload=STATE.payload.replace(b"0.8", b"1.8")), "$.score"),
        (replace(STATE, payload=STATE.payload.replace(b'"mode":"idle",', b"")), "'mode' is a required property"),
        (replace(STATE, payload=STATE.payload.replace(b"06.000Z", b"06Z")), "$.at"),
        (replace(STATE, qos=0), "QoS 0, not 1"),
        (replace(STATE, content_type=None), "content type None"),
        (replace(SNAPSHOT, retain=True), "retained"),
        (replace(SNAPSHOT, payload=b"PNG"), "no JPEG"),
        (replace(SNAPSHOT, user_properties={}), "'reference' is a required property"),
        (replace(WITHDRAWAL, payload=b"{}"), "'components' is a required property"),
    ],
)
def test_what_breaks_the_contract_is_named(heard: Heard, fault: str | None) -> None:
    faults = list_faults(heard)
    assert any(fault in one for one in faults) if fault else faults == []
