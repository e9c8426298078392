"""What ``[commands]`` becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.commands.options import CommandOptions, Signer
from edge_agent.commands.response_topic import find_topic_fault
from edge_agent.config import ConfigError, SecretError
from edge_agent.delivery.topics import Topics
from tests.edge_agent.config.test_plan import MINIMAL, make_plan

TOPICS = Topics("school", "gate")
ANSWERS = "nexara/v1/school/gate/answer/"
TABLE = '[commands]\nallow = ["ping", "mute"]\n'
ANA = '[[commands.operator]]\nname = "ana"\nkey = "credential:ana"\n'
KEY = "sixteen bytes or more"


def test_none_are_taken_where_nothing_is_said(tmp_path: Path) -> None:
    assert make_plan(tmp_path, MINIMAL).commands() is None


def test_operators_may_what_both_tables_allow(tmp_path: Path) -> None:
    (tmp_path / "ana").write_text(f"{KEY}\n")
    ben = ANA.replace('"ana"', '"ben"', 1) + 'allow = ["ping", "restart"]\n'
    options = make_plan(tmp_path, MINIMAL + TABLE + ANA + ben).commands()
    both, ping = frozenset({"ping", "mute"}), frozenset({"ping"})
    signers = {"ana": Signer(KEY.encode(), both), "ben": Signer(KEY.encode(), ping)}
    assert options == CommandOptions(TOPICS, ANSWERS, both, signers)
    assert KEY not in repr(options)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[commands]\n", "commands.allow: missing; needed is an array of 'ping', 'snapshot'"),
        ("[commands]\nallow = []\n", "commands.allow: found 0 of them"),
        ('[commands]\nallow = ["format"]\n', "commands.allow[0]: found 'format'; allowed is one of 'label'"),
        (TABLE + ANA + ANA, "commands.operator[1].name: found 'ana' again"),
        (TABLE + ANA.replace("credential:ana", KEY), "commands.operator[0].key: found a value that is no reference"),
        (TABLE + "window_s = 3600\n", "commands.window_s: found 3600; allowed is a number from 1 to 600"),
        (TABLE + 'answers = "desk/+/"\n', "commands.answers: found 'desk/+/'; allowed is what topics of answers begin"),
        (TABLE + 'answers = "desk"\n', "commands.answers: found 'desk'"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as refused:
        make_plan(tmp_path, MINIMAL + text)
    assert fault in str(refused.value)
    assert KEY not in str(refused.value)


def test_key_that_is_short_is_refused_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "ana").write_text("swordfish")
    with pytest.raises(SecretError, match="found a key of 9 bytes; allowed are 16 or more") as refused:
        make_plan(tmp_path, MINIMAL + TABLE + ANA).commands()
    assert "swordfish" not in str(refused.value)


@pytest.mark.parametrize(
    ("prefix", "topic", "allowed"),
    [
        (ANSWERS, f"{ANSWERS}x", True),
        (ANSWERS, f"{ANSWERS}x/y", True),
        (ANSWERS, ANSWERS, False),
        (ANSWERS, "desk/x", False),
        ("desk/", "desk/x", True),
        ("desk/", f"{ANSWERS}x", False),
        ("desk/", "desk/", False),
        # A prefix that is too wide opens no topics of our own kind but this device's answers.
        ("nexara/", f"{ANSWERS}x", True),
        ("nexara/", "nexara/v1/school/gate/status", False),
        ("nexara/", "nexara/v1/school/other/answer/x", False),
        ("nexara/", "nexara/v2/x", True),
    ],
)
def test_answers_go_below_the_prefix_alone(prefix: str, topic: str, allowed: bool) -> None:
    assert (find_topic_fault(topic, prefix, TOPICS) is None) is allowed
