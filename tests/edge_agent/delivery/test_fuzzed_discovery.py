"""What Home Assistant is told, for any names that a configuration may have."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.config.settings import HomeAssistant as Settings
from edge_agent.delivery.discovery import Discovery
from edge_agent.delivery.home_assistant import HomeAssistant
from edge_agent.delivery.topics import DISCOVERY_PREFIX, NAME_PATTERN, Topics
from tests.edge_agent.delivery.contract import list_faults
from tests.edge_agent.delivery.heard import Heard
from tests.fuzzing import fuzzed, nothing_outside

pytestmark = pytest.mark.fuzz

NAMES = st.from_regex(NAME_PATTERN, fullmatch=True) | st.text("ab._-", min_size=1, max_size=5).filter(
    lambda name: re.fullmatch(NAME_PATTERN, name) is not None
)
PREFIXES = st.just(DISCOVERY_PREFIX) | st.from_regex(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", fullmatch=True)


@fuzzed(100)
@given(site=NAMES, device=NAMES, cameras=st.lists(NAMES, max_size=6, unique=True), prefix=PREFIXES)
def test_every_announcement_is_valid_and_no_other(
    tmp_path: Path, site: str, device: str, cameras: list[str], prefix: str
) -> None:
    msgspec.convert({"prefix": prefix}, Settings)
    with nothing_outside(tmp_path):
        messages = HomeAssistant(Topics(site, device), "0.1.0", prefix).announce(cameras)
    assert len({message.topic for message in messages}) == len(messages) == len(cameras) + 1
    entities: list[str] = []
    for message in messages:
        object_ = re.fullmatch(rf"{re.escape(prefix)}/device/([A-Za-z0-9_-]+)/config", message.topic)
        assert object_ is not None, message.topic
        assert not set(message.topic) & set("+#\x00")
        assert (message.qos, message.retain) == (1, True)
        standard = f"{DISCOVERY_PREFIX}/device/{object_[1]}/config"
        assert list_faults(Heard(standard, message.payload, 1, False, message.content_type, {})) == []
        told = msgspec.json.decode(message.payload, type=Discovery)
        assert told.device.identifiers == (object_[1],)
        entities += [component.unique_id for component in told.components.values()]
        for topic in re.findall(r'"(?:state|image)?_?topic":"([^"]*)"', message.payload.decode()):
            assert topic.startswith(f"nexara/v1/{site}/{device}/")
        json.loads(message.payload)
    assert len(set(entities)) == len(entities)


@fuzzed(200)
@given(one=st.tuples(NAMES, NAMES, NAMES), other=st.tuples(NAMES, NAMES, NAMES))
def test_no_two_cameras_share_a_device_of_home_assistant(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    topics = [
        message.topic
        for site, device, camera in {one, other}
        for message in HomeAssistant(Topics(site, device), "0.1.0").announce([camera])[1:]
    ]
    assert len(set(topics)) == len(topics)
