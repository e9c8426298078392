"""``nexara fleet command`` at a real broker: devices that answer by the agent's own clerk."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.commands.forms import FORMS
from edge_agent.commands.mute import MuteArguments
from edge_agent.commands.options import Signer
from fleet.command import main
from fleet.commanding.arguments import read_pairs
from fleet.commanding.round import Outcome, Round, read_answer
from fleet.devices.name import DeviceName
from fleet.errors import FleetError
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.fleet.conftest import Play

KEY = "a key of some length"


def command(capsys: pytest.CaptureFixture[str], port: int, *words: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """The exit code, and each device's outcome with its text."""
    code = main(["command", *words, "--broker", f"mqtt://127.0.0.1:{port}", "--json"])
    shown = json.loads(capsys.readouterr().out)
    return code, {f"{one['site']}/{one['device']}": (one["outcome"], one["text"]) for one in shown}


def test_all_devices_of_a_site_do_what_they_are_told(
    broker: Mosquitto, play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    players = play([f"{site}/gate-{number}" for site in ("school", "depot") for number in range(60)])
    players.join()
    code, outcomes = command(capsys, broker.port, "mute", "--all", "--site", "school", "camera=yard", "seconds=60")
    assert code == 0
    assert len(outcomes) == 60
    assert set(outcomes.values()) == {("done", '{"ran_s":1.0}')}
    told = {name: player.done for name, player in players.all.items()}
    assert all(
        done == [("mute", MuteArguments(camera="yard", seconds=60))] for name, done in told.items() if name in outcomes
    )
    assert all(done == [] for name, done in told.items() if name not in outcomes)


def test_whoever_fails_is_silent_or_is_away_is_told_of(
    broker: Mosquitto, play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    signers = {"ana": Signer(KEY.encode(), frozenset(FORMS))}
    players = play(["school/gate", "school/mute", "school/away"])
    signed = play(["school/signed"], signers=signers)
    players.join()
    signed.join()
    players["school/mute"].mute = True
    players["school/away"].tell("offline")
    players.flush()
    names = ("gate", "mute", "away", "signed", "unknown")
    code, outcomes = command(capsys, broker.port, "ping", *names, "--site", "school", "--deadline", "3")
    assert code == 1
    assert {name.removeprefix("school/"): kind for name, (kind, _) in outcomes.items()} == {
        "gate": "done", "mute": "silent", "away": "offline", "signed": "failed", "unknown": "offline",
    }  # fmt: skip
    assert outcomes["school/signed"][1].startswith("unsigned: ")


def test_requests_are_signed_by_the_operator_of_the_file(
    broker: Mosquitto, play: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signers = {"ana": Signer(KEY.encode(), frozenset({"ping"}))}
    play(["school/gate"], signers=signers).join()
    (tmp_path / "ana.key").write_text(f"{KEY}\n")
    config = tmp_path / "config" / "nexara" / "fleet.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n[operator]\nname = "ana"\nkey = "file:{tmp_path}/ana.key"\n'
    )
    assert main(["command", "ping", "school/gate"]) == 0
    assert main(["command", "restart", "school/gate"]) == 1
    shown = capsys.readouterr().out
    assert "school/gate  done" in shown
    assert "not_allowed: " in shown
    assert KEY not in shown


def test_disruptive_commands_reach_a_few_devices_at_a_time(
    broker: Mosquitto, play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"school/gate-{number}" for number in range(9)]
    players = play(names)
    players.join()
    for name in names[:4]:
        players[name].mute = True
    code, outcomes = command(
        capsys, broker.port, "restart", *names, "--at-once", "4", "--deadline", "2", "--json-arguments", "{}"
    )
    assert code == 1
    assert [kind for kind, _ in outcomes.values()] == ["silent"] * 4 + ["done"] * 5
    asked = [request.topic for request in players.heard if "/command/" in request.topic]
    assert len(asked) == 9
    assert {topic.split("/")[3] for topic in asked[:4]} == {"gate-0", "gate-1", "gate-2", "gate-3"}


def test_a_broker_that_refuses_a_request_is_told_of(
    tmp_path: Path, play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "strict"
    folder.mkdir()
    (folder / "acl").write_text("topic readwrite #\nuser ana\ntopic read nexara/v1/#\n")
    lines = ("allow_anonymous true", f"password_file {folder}/passwords", f"acl_file {folder}/acl")
    strict = Mosquitto(folder, lines)
    strict.add_password("ana", "secret of ana")
    strict.start()
    try:
        play(["school/gate"], port=strict.port).join()
        (folder / "password").write_text("secret of ana\n")
        account = ("--username", "ana", "--password-file", str(folder / "password"))
        code, outcomes = command(capsys, strict.port, "ping", "school/gate", *account)
        assert code == 1
        assert outcomes["school/gate"] == ("refused", "the broker took no request: Not authorized")
    finally:
        strict.stop()


@pytest.mark.parametrize(
    ("name", "pairs", "json_text"),
    [
        ("set", ["camera=yard", "alert=0.85", "zones=[[[0,0],[1,0],[1,1]]]"],
         '{"camera":"yard","alert":0.85,"zones":[[[0.0,0.0],[1.0,0.0],[1.0,1.0]]]}'),
        ("set", ["revert=true"], '{"revert":true}'),
        ("label", ["incident=7", "alarm=true"], '{"incident":"7","alarm":"true"}'),
        ("logs", ["lines=5", "level=error"], '{"lines":5,"level":"error"}'),
        ("ping", [], "{}"),
    ],
    ids=["set", "revert", "label", "logs", "ping"],
)  # fmt: skip
def test_arguments_become_what_their_keys_want(name: Any, pairs: list[str], json_text: str) -> None:
    assert read_pairs(name, pairs).decode() == json_text


@pytest.mark.parametrize(
    ("name", "pairs", "text"),
    [
        ("mute", ["seconds"], "allowed is key=value"),
        ("mute", ["seconds=1", "seconds=2"], "give each key once"),
        ("mute", ["second=1"], "its keys: camera, seconds"),
        ("mute", ["seconds=-1"], "Expected `float` >= 0.0"),
        ("set", ["zones=[1"], "found what is no JSON"),
        ("update", ["url=http://x", "sha256=1"], "matching regex"),
    ],
    ids=["no value", "twice", "unknown", "range", "json", "form"],
)
def test_arguments_that_a_device_would_refuse_are_not_sent(name: Any, pairs: list[str], text: str) -> None:
    with pytest.raises(FleetError, match=re.escape(text)):
        read_pairs(name, pairs)


@pytest.mark.parametrize(
    "words",
    [["ping"], ["ping", "school/a", "--all"], ["ping", "school/a", "a=1", "--json-arguments", "{}"]],
    ids=["nobody", "both", "two ways"],
)
def test_a_command_that_makes_no_sense_is_not_begun(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["command", *words])
    assert "name devices or say --all" in capsys.readouterr().err


@given(st.integers(0, 12), st.integers(1, 5), st.lists(st.tuples(st.sampled_from(["end", "wait"]), st.integers(0, 11))))
def test_a_round_ends_each_device_once_and_never_asks_too_many(
    devices: int, at_once: int, steps: list[tuple[str, int]]
) -> None:
    names = [DeviceName("school", f"gate-{number}") for number in range(devices)]
    round_ = Round(names, at_once, deadline_s=10)
    asked: list[DeviceName] = []
    now_s = 0.0
    for step, number in [*steps, *[("wait", 11)] * devices]:
        asked += round_.take_due(now_s)
        assert round_.asked <= at_once
        if step == "end" and number < devices:
            round_.end(Outcome(names[number], "done", ""))
        else:
            now_s += number
        round_.expire(now_s)
    assert asked == names
    assert round_.over
    assert set(round_.outcomes) == set(names)


@given(
    st.binary(max_size=80)
    | st.sampled_from([b"{}", b'{"id":null,"command":"x","at":"","ok":false,"result":null,"error":null}'])
)
def test_whatever_a_device_answers_is_an_outcome(payload: bytes) -> None:
    assert read_answer(DeviceName("school", "gate"), payload).kind == "failed"
