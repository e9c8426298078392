"""Configurations that nobody would write: each is accepted or told of as wrong, and nothing else happens."""

from __future__ import annotations

import copy
import json
import math
import sys
from contextlib import suppress
from datetime import date, datetime, time, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.config import ConfigError, load_config
from edge_agent.config.plan import Plan
from models.errors import NexaraError
from tests.edge_agent.config.test_loading import VALID
from tests.fuzzing import fuzzed, nothing_outside, places
from tests.models.test_manifest import MANIFEST

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytestmark = pytest.mark.fuzz

EXAMPLE = (Path(__file__).parents[3] / "docs" / "edge.toml").read_text()
WHOLE = (
    EXAMPLE.replace("# ca =", "ca =")
    .replace("# [privacy]", "[privacy]")
    .replace('# faces = "blur"', 'faces = "show"')
    .replace("# [clips]", "[clips]")
    .replace('# directory = "/var/lib/nexara-edge/clips"', 'directory = "clips"')
    .replace("# [commands]", "[commands]")
    .replace('# allow = ["ping", "snapshot"', 'allow = ["ping", "snapshot"')
    .replace("# [mqtt.home_assistant]", "[mqtt.home_assistant]")
)
WALL = VALID + (
    '[[camera]]\nid = "wall"\nsource = "screen:"\n[[camera.cell]]\nid = "a"\nbox = [0, 0, 0.5, 1]\nalert = 0.9\n'
    '[[camera]]\nid = "even"\nsource = "v4l2:/dev/video0"\ngrid = "2x2"\nborder = 2\n'
    "zones = [[[0, 0], [1, 0], [1, 1]]]\n"
    '[mqtt.tls]\nca = "ca.pem"\n[[mqtt.fallback]]\nhost = "b"\n[metrics]\nlisten = "127.0.0.1:9464"\n'
)
DOCUMENTS = [tomllib.loads(text) for text in (VALID, WHOLE, WALL)]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
KEYS = TEXT | st.sampled_from(
    ["id", "source", "password", "alert", "clear", "cell", "grid", "box", "zones", "tls", "path", "transport", "mqtt",
     "schedule", "faces", "detector", "fallback", "listen", "operator", "camera", "username", "key", "certificate"]
)  # fmt: skip
ODD = [
    "", "file:", "file:/x", "credential:a", "credential:../a", "rtsp://u@h/s", "rtsp://[::1", "http://h:99999/",
    "scene:", "folder:", "screen:0", "gstreamer:", "v4l2:", "mon-fri 08:00-09:00", "127.0.0.1:1", "[::1]:65535", "3x3",
    "0x0", "99x99", "blur", "websockets", "\x00", "a/b", "+", "#", "$SYS", "é", "x" * 65, "x" * 5000,
]  # fmt: skip
LEAVES = st.one_of(
    st.booleans(), st.integers(), st.floats(), TEXT, st.sampled_from(ODD), st.datetimes(),
    st.datetimes(timezones=st.just(timezone.utc)), st.dates(), st.times(),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


def write(value: Any) -> str:
    """A value in TOML's inline form."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, int | datetime | date | time):
        return value.isoformat() if not isinstance(value, int) else str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return f"[{', '.join(map(write, value))}]"
    return "{" + ", ".join(f"{write(key)} = {write(inner)}" for key, inner in value.items()) + "}"


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A valid configuration in which up to four things were changed, left out, added or exchanged."""
    document = copy.deepcopy(draw(st.sampled_from(DOCUMENTS)))
    for _ in range(draw(st.integers(1, 4))):
        found = list(places(document))
        if not found:
            break
        container, key = found[draw(st.integers(0, len(found) - 1))]
        change = draw(st.sampled_from(["replace", "delete", "add", "exchange", "repeat"]))
        if change == "replace":
            container[key] = draw(VALUES)
        elif change == "delete":
            del container[key]
        elif change == "exchange":
            other, place = found[draw(st.integers(0, len(found) - 1))]
            container[key], other[place] = copy.deepcopy(other[place]), copy.deepcopy(container[key])
        elif isinstance(container, dict):
            container[draw(KEYS)] = draw(VALUES)
        else:
            container.append(copy.deepcopy(container[key]) if change == "repeat" else draw(VALUES))
    return "\n".join(f"{write(key)} = {write(value)}" for key, value in document.items()) + "\n"


def use(folder: Path, content: bytes) -> None:
    """Load a configuration and make all of it that needs no device."""
    path = folder / "edge.toml"
    path.write_bytes(content)
    with nothing_outside(folder):
        try:
            config = load_config(path)
        except ConfigError:
            return
        plan = Plan(config, {"CREDENTIALS_DIRECTORY": str(folder)})
        for make in (
            plan.broker, plan.fallbacks, plan.options, plan.topics, plan.spool_limits, plan.metrics_address,
            plan.commands, plan.head_finder, plan.state_directory, lambda: plan.policies(MANIFEST),
            lambda: plan.cameras(MANIFEST), lambda: plan.clips(MANIFEST), lambda: plan.delivery("1", MANIFEST),
        ):  # fmt: skip
            with suppress(NexaraError):
                make()


@fuzzed(150)
@given(text=documents())
def test_a_changed_configuration_is_accepted_or_told_of(tmp_path: Path, text: str) -> None:
    use(tmp_path, text.encode())


@fuzzed(100)
@given(document=st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_toml_is_accepted_or_told_of(tmp_path: Path, document: dict[str, Any]) -> None:
    use(tmp_path, "\n".join(f"{write(key)} = {write(value)}" for key, value in document.items()).encode())


@fuzzed(150)
@given(
    place=st.integers(0, len(WHOLE) - 1),
    length=st.integers(0, 40),
    inserted=st.binary(max_size=20) | TEXT.map(str.encode),
)
@example(place=0, length=0, inserted=b"a = " + b"[" * 5000)
@example(place=0, length=0, inserted=b"a = " + b"{b = " * 5000)
@example(place=0, length=0, inserted=b"a = " + b"[" * 200 + b"]" * 200 + b"\n")
@example(place=0, length=0, inserted=b"site = " + b"[" * 90 + b"]" * 90 + b"\n")
@example(place=0, length=0, inserted=b".".join([b"a"] * 5000) + b" = 1\n")
@example(place=0, length=0, inserted=b"a = " + b"9" * 5000 + b"\n")
@example(place=0, length=0, inserted=b"\xef\xbb\xbf")
def test_any_bytes_are_accepted_or_told_of(tmp_path: Path, place: int, length: int, inserted: bytes) -> None:
    whole = WHOLE.encode()
    use(tmp_path, whole[:place] + inserted + whole[place + length :])
