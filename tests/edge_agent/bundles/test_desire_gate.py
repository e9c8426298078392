"""Which desires are taken; driven by hand, time passed in."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from edge_agent.bundles.desire_gate import MOST_BYTES, DesireGate
from edge_agent.bundles.errors import RefusedDesireError
from edge_agent.bundles.standing import Standing, accept
from edge_agent.commands.options import Signer
from edge_agent.commands.signature import sign
from edge_agent.delivery.request import Request
from tests.edge_agent.bundles.bundle_store import ISSUED, desire
from tests.edge_agent.commands.asking import ROOT

TOPIC = f"{ROOT}/desired/bundle"
KEY = b"sixteen or more bytes"
NOW = ISSUED + timedelta(days=30)
FOUND = {"url": "https://h/b.nexara", "sha256": "b" * 64}
OPEN = DesireGate({})
SIGNED = DesireGate({"ana": Signer(KEY, frozenset({"update"})), "ben": Signer(KEY[::-1], frozenset({"ping"}))})


def request(payload: bytes, **properties: str) -> Request:
    return Request(TOPIC, payload, True, None, None, tuple(properties.items()))


def test_what_is_desired_is_taken_however_old_it_is() -> None:
    wanted = OPEN.admit(request(desire("wave-1", FOUND)), Standing(), NOW)
    assert wanted is not None
    assert (wanted.id, wanted.issued_at, wanted.again) == ("wave-1", ISSUED, False)
    assert OPEN.admit(request(desire("wave-1", FOUND)), accept(Standing(), wanted), NOW) == wanted
    assert SIGNED.admit(request(b""), Standing(), NOW) is None


def test_an_address_that_cannot_be_fetched_is_refused_by_name() -> None:
    for url in ("https://h:99999/b", "https://[::1/b", "https://h/b c", "https://h/\u00e4", "https:///b", "https://u@"):
        with pytest.raises(RefusedDesireError, match="only https://host/path") as refused:
            OPEN.admit(request(desire("wave-1", {**FOUND, "url": url})), Standing(), NOW)
        assert refused.value.desired is not None


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"{", "see the schema"),
        (b"\xff", "see the schema"),
        (b"[" * 3000, "see the schema"),
        (b" " * (MOST_BYTES + 1), "allowed are 4096"),
        (desire("", FOUND), "length"),
        (desire("x" * 65, FOUND), "length"),
        (desire("a", {**FOUND, "url": "http://h/b"}), "url"),
        (desire("a", {**FOUND, "sha256": "B" * 64}), "sha256"),
        (desire("a", FOUND, colour="red"), "colour"),
        (desire("a", FOUND).replace(b"+00:00", b""), "issued_at"),
        (desire("a", FOUND).replace(b"2026-03-01", b"0001-01-01").replace(b"+00:00", b"+23:59"), "see the schema"),
    ],
    ids=range(11),
)
def test_what_has_not_the_form_is_refused(payload: bytes, text: str) -> None:
    with pytest.raises(RefusedDesireError, match=text) as refused:
        OPEN.admit(request(payload), Standing(), NOW)
    assert refused.value.desired is None


@pytest.mark.parametrize(
    ("standing", "now", "text"),
    [
        (Standing(newest=ISSUED + timedelta(microseconds=1)), NOW, "older than the last"),
        (Standing(newest=ISSUED), NOW, "that of the last one"),
        (Standing(), ISSUED - timedelta(hours=25), "compare the clocks"),
        (Standing(), ISSUED - timedelta(hours=23), None),
        (Standing(), datetime(1970, 1, 1, tzinfo=timezone.utc), None),
    ],
    ids=["older", "taken back", "a day ahead", "less ahead", "a clock that knows nothing"],
)
def test_none_that_is_older_than_the_last_or_from_the_future_is_taken(
    standing: Standing, now: datetime, text: str | None
) -> None:
    if text is None:
        assert OPEN.admit(request(desire("a", FOUND)), standing, now) is not None
        return
    with pytest.raises(RefusedDesireError, match=text) as refused:
        OPEN.admit(request(desire("a", FOUND)), standing, now)
    assert refused.value.desired is not None
    assert refused.value.desired.id == "a"


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ({}, "no operator"),
        ({"operator": "ana"}, "no operator"),
        ({"signature": "ana's"}, "no operator"),
        ({"operator": "ben", "signature": "ana's"}, "not that of operator 'ben'"),
        ({"operator": "eve", "signature": "ana's"}, "not that of operator 'eve'"),
        ({"operator": "ben", "signature": "ben's"}, "allowed to 'ben' are ping"),
        ({"operator": "ana", "signature": "of another device"}, "not that of operator"),
        ({"operator": "ana", "signature": "ana's"}, None),
    ],
    ids=range(8),
)
def test_it_must_be_signed_by_one_who_may_update(properties: dict[str, Any], text: str | None) -> None:
    payload = desire("a", FOUND)
    signatures = {
        "ana's": sign(KEY, TOPIC, payload),
        "ben's": sign(KEY[::-1], TOPIC, payload),
        "of another device": sign(KEY, TOPIC.replace("gate", "door"), payload),
    }
    given = {name: signatures.get(value, value) for name, value in properties.items()}
    if text is None:
        assert SIGNED.admit(request(payload, **given), Standing(), NOW) is not None
        return
    with pytest.raises(RefusedDesireError, match=text):
        SIGNED.admit(request(payload, **given), Standing(), NOW)
