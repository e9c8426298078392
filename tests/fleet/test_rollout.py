"""``nexara fleet rollout`` at a real broker, with devices that play the other side."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from edge_agent.commands.signature import is_signed
from edge_agent.delivery.message import Message
from edge_agent.delivery.payloads import DesiredBundle
from fleet.command import main
from fleet.rollouts.record import Record
from fleet.rollouts.rollout import Rollout
from models.errors import NexaraError
from tests.edge_agent.delivery.listener import wait_for
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.fleet.conftest import Play
from tests.fleet.players import AT, NEW, OLD, Players

URL = "https://bundles.example.org/violence-1.1.0.nexara"
KEY = "a key of some length"
BEFORE = DesiredBundle(id="before", issued_at=AT, url="https://bundles.example.org/old.nexara", sha256=OLD)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "rollout.json"


Begin = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def begin(broker: Mosquitto, state: Path) -> Iterator[Begin]:
    """Begins ``nexara fleet rollout`` as a process of its own."""
    begun: list[subprocess.Popen[str]] = []

    def begin_(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "models.command_line", "fleet", "rollout", *words, *at(broker, state)]
        begun.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        return begun[-1]

    yield begin_
    for process in begun:
        process.kill()
        process.wait()
        assert process.stdout is not None
        if not process.stdout.closed:
            process.stdout.close()


def interrupt(process: subprocess.Popen[str]) -> str:
    """What it told until it ended; where it does not end, whether it has the signal is said."""
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=60)[0]
    except subprocess.TimeoutExpired:
        pytest.fail(Path(f"/proc/{process.pid}/status").read_text())


def at(broker: Mosquitto, state: Path) -> tuple[str, ...]:
    return ("--broker", f"mqtt://127.0.0.1:{broker.port}", "--state", str(state))


def start(*words: str) -> tuple[str, ...]:
    return ("start", "--url", URL, "--sha256", NEW, "--soak", "0", *words)


def outcomes(state: Path) -> dict[str, str]:
    return {str(member.name): member.outcome for member in kept(state).members}


def kept(state: Path) -> Rollout:
    return Record(state).read()


def names(number: int) -> list[str]:
    return [f"school/gate-{one:02}" for one in range(number)]


def asked(players: Players) -> list[str]:
    return [name for name, player in players.all.items() if any(one and one.sha256 == NEW for one in player.desired)]


def test_a_bundle_reaches_all_in_stages_signed_and_back_again(
    broker: Mosquitto, play: Play, tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    players = play([*names(20), "school/away", "school/old-agent", "school/deaf"])
    players["school/deaf"].listens, players[names(1)[0]].listens = False, None
    players.join()
    players["school/away"].tell("offline")
    players.say(Message(f"{players['school/old-agent'].name.topics.root}/bundle", b"", retain=True))
    players.say(Message(players[names(1)[0]].name.topics.desired_bundle, msgspec.json.encode(BEFORE), retain=True))
    players.flush()
    (tmp_path / "key").write_text(KEY)
    signed = ("--operator", "ana", "--operator-key", str(tmp_path / "key"))
    assert main(["rollout", *start("--percent", "10,50,100"), *at(broker, state), *signed]) == 0
    told = capsys.readouterr().out
    assert "20 device(s) in 3 stage(s)" in told
    assert "school/deaf is passed over: it does not hear what is desired of it" in told
    assert "stage 1 of 3: 2 asked, 3 skipped, 18 waiting" in told
    assert "stage 3 of 3: 3 skipped, 10 succeeded, 10 waiting" in told
    assert set(asked(players)) == set(names(20))
    assert all(player.current == NEW for name, player in players.all.items() if name in names(20))
    wishes = [one for one in players.heard if "/desired/" in one.topic and NEW.encode() in one.payload]
    assert len(wishes) == 20
    for wish in wishes:
        given = dict(wish.user_properties)
        assert given["operator"] == "ana"
        assert is_signed(given["signature"], KEY.encode(), wish.topic, wish.payload)
        assert set(json.loads(wish.payload)) == {"id", "issued_at", "url", "sha256", "again"}
    assert main(["rollout", "revert", *at(broker, state), *signed]) == 0
    players.until(lambda: all(len(players[name].desired) >= 2 for name in names(20)))
    last = [players[name].desired[-1] for name in names(20)]
    assert last[0] is not None
    assert (last[0].sha256, last[0].url, last[0].id) == (OLD, BEFORE.url, f"{kept(state).id}.back")
    assert last[1:] == [None] * 19
    assert players[names(1)[0]].current == OLD
    assert main(["rollout", "status", "--json", "--state", str(state)]) == 0
    shown = capsys.readouterr().out
    assert "nothing was desired of it before, so it keeps what it has" in shown
    assert '"phase": "reverted"' in shown


def test_a_download_that_fails_and_is_tried_again_stops_nothing(
    broker: Mosquitto, play: Play, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    players = play(names(2))
    players.join()
    (unlucky, *_) = players.all.values()
    unlucky.verdict = lambda _desired: "failed"

    def try_again() -> None:
        wait_for(lambda: state.exists() and any(one.reason for one in kept(state).members), "it was not noticed")
        unlucky.current = NEW
        unlucky.tell_bundle("kept", unlucky.desired[-1])

    with ThreadPoolExecutor(1) as pool:
        trying = pool.submit(try_again)
        assert main(["rollout", *start("--percent", "100"), *at(broker, state)]) == 0
        trying.result()
    assert f"{unlucky.name} does not have it yet: failed: as played; it tries again" in capsys.readouterr().out
    assert set(outcomes(state).values()) == {"succeeded"}


def test_too_many_failures_stop_it_and_touch_nobody_else(
    broker: Mosquitto, play: Play, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    players = play(names(12))
    players.join()
    for player in players.all.values():
        player.verdict = lambda _desired: "left"
    assert main(["rollout", *start("--percent", "25,100", "--max-failures", "2"), *at(broker, state)]) == 1
    told = capsys.readouterr().out
    assert "is stopped: 3 device(s) failed; allowed are 2" in told
    assert "failed: left: as played" in told
    assert len(asked(players)) == 3
    players.until(lambda: all(players[name].desired[-1] is None for name in asked(players)))
    assert sorted(outcomes(state).values()) == ["failed"] * 3 + ["untouched"] * 9
    assert all(player.desired == [] for name, player in players.all.items() if name not in asked(players))
    with pytest.raises(NexaraError, match="there is nothing to go on with"):
        main(["rollout", "resume", *at(broker, state)])
    stopped = kept(state)
    for player in players.all.values():
        player.verdict = lambda _desired: "kept"
    assert main(["rollout", *start("--percent", "100"), *at(broker, state)]) == 0
    assert kept(state.with_name(f"rollout-{stopped.id}.json")) == stopped


def test_one_that_was_killed_goes_on_where_it_was_and_asks_nobody_twice(
    broker: Mosquitto, play: Play, state: Path, begin: Begin
) -> None:
    players = play(names(8))
    players.join()
    for player in players.all.values():
        player.verdict = lambda _desired: None
    first = begin(*start("--percent", "50,100"))
    players.until(lambda: len(asked(players)) == 4)
    first.kill()
    first.wait()
    with pytest.raises(NexaraError, match="is running; go on with `nexara fleet rollout resume`"):
        main(["rollout", *start(), *at(broker, state)])
    for name, player in players.all.items():
        player.verdict = lambda _desired: "kept"
        if name in asked(players):
            player.current = NEW
            player.tell_bundle("kept", player.desired[-1])
    players.flush()
    assert main(["rollout", "resume", *at(broker, state)]) == 0
    assert set(outcomes(state).values()) == {"succeeded"}
    assert all(len(player.desired) == 1 for player in players.all.values())


def test_what_was_kept_but_not_sent_before_its_end_is_sent_by_the_next(
    broker: Mosquitto, play: Play, state: Path, begin: Begin
) -> None:
    players = play(names(3))
    players.join()
    for player in players.all.values():
        player.verdict = lambda _desired: None
    process = begin(*start("--percent", "100"))
    players.until(lambda: len(asked(players)) == 3)
    told = interrupt(process)
    assert process.returncode == 130
    assert "go on with: nexara fleet rollout resume" in told
    lost = players[names(1)[0]]
    # As if the end had come between the two.
    players.say(Message(lost.name.topics.desired_bundle, b"", retain=True))
    players.until(lambda: lost.desired[-1] is None)
    for player in players.all.values():
        player.verdict = lambda _desired: "kept"
        if player is not lost:
            player.current = NEW
            player.tell_bundle("kept", player.desired[-1])
    players.flush()
    assert main(["rollout", "resume", *at(broker, state)]) == 0
    assert lost.desired[0] == lost.desired[-1]
    assert set(outcomes(state).values()) == {"succeeded"}


def test_it_is_stopped_from_elsewhere_and_the_pending_are_told(
    broker: Mosquitto, play: Play, state: Path, begin: Begin
) -> None:
    players = play(names(4))
    players.join()
    for player in players.all.values():
        player.verdict = lambda _desired: "trial"
    process = begin(*start("--percent", "50,100"))
    players.until(lambda: len(asked(players)) == 2)
    with pytest.raises(NexaraError, match="another process runs this roll-out"):
        main(["rollout", "resume", *at(broker, state)])
    assert main(["rollout", "stop", *at(broker, state)]) == 0
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "is stopped: stopped by an operator" in told
    assert sorted(outcomes(state).values()) == ["untouched", "untouched", "withdrawn", "withdrawn"]
    players.until(lambda: all(players[name].desired[-1] is None for name in asked(players)))


def test_it_outlives_its_broker(broker: Mosquitto, play: Play, begin: Begin) -> None:
    players = play(names(2))
    players.join()
    for player in players.all.values():
        player.verdict = lambda _desired: None
    process = begin(*start("--percent", "100"))
    players.until(lambda: len(asked(players)) == 2)
    wishes = {name: player.desired[0] for name, player in players.all.items()}
    broker.kill()
    broker.start()
    wait_for(lambda: players.sessions == 2, "the devices did not come back")
    players.join()
    for name, player in players.all.items():
        player.current = NEW
        player.tell_bundle("kept", wishes[name])
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert "the broker is away" in told


def test_what_the_broker_refuses_is_told_and_can_go_on_later(tmp_path: Path, play: Play, state: Path) -> None:
    folder = tmp_path / "strict"
    folder.mkdir()
    acl = folder / "acl"
    acl.write_text("topic readwrite #\nuser ana\ntopic read nexara/v1/#\n")
    lines = ("allow_anonymous true", f"password_file {folder}/passwords", f"acl_file {acl}")
    strict = Mosquitto(folder, lines)
    strict.add_password("ana", "secret of ana")
    strict.start()
    try:
        players = play(names(2), port=strict.port)
        players.join()
        (folder / "password").write_text("secret of ana\n")
        account = ("--username", "ana", "--password-file", str(folder / "password"))
        with pytest.raises(NexaraError, match=r"the broker refused nexara/v1/.*: Not authorized; let this user write"):
            main(["rollout", *start(), *at(strict, state), *account])
        assert set(outcomes(state).values()) == {"asked", "waiting"}
        acl.write_text("topic readwrite #\nuser ana\ntopic readwrite nexara/v1/#\n")
        strict.reload()
        assert main(["rollout", "resume", *at(strict, state), *account]) == 0
    finally:
        strict.stop()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--url", "http://x", "--sha256", NEW], "allowed are an https address"),
        (["--url", URL, "--sha256", "abc"], "64 lower-case hexadecimal digits"),
        (["--url", URL], "no hash: give --sha256"),
        (["--url", URL, "--bundle", "missing.nexara"], "give the bundle's file"),
        (["--url", URL, "--sha256", NEW, "--bundle", "here"], "give one of the two"),
    ],
    ids=["no https", "no hash", "none", "no file", "two"],
)
def test_a_wish_that_no_device_would_take_is_not_begun(
    words: list[str], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broker: Mosquitto, state: Path
) -> None:
    (tmp_path / "here").write_bytes(b"a bundle")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NexaraError) as caught:
        main(["rollout", "start", *words, *at(broker, state)])
    assert text in str(caught.value)
    assert not state.exists()


@pytest.mark.parametrize(
    "words",
    [("--percent", "5,25"), ("--percent", "50,20,100"), ("--percent", "0,100"), ("--max-failures", "-1"),
     ("--max-failures", "200%"), ("--soak", "nan"), ("--patience", "0"), ("--at-once", "0")],
    ids="-".join,
)  # fmt: skip
def test_rules_that_make_no_sense_are_refused(words: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["rollout", *start(*words)])
    assert "allowed" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"id": 1}'], ids=["empty", "nothing", "no text", "form"])
def test_a_file_that_is_no_roll_out_is_told_of(content: bytes, state: Path) -> None:
    state.write_bytes(content)
    with pytest.raises(NexaraError, match="this is no roll-out"):
        main(["rollout", "status", "--state", str(state)])
    assert state.read_bytes() == content


def test_nobody_to_ask_is_told(broker: Mosquitto, state: Path) -> None:
    with pytest.raises(NexaraError, match="found no device that is online and hears what is desired"):
        main(["rollout", *start(), *at(broker, state)])
    with pytest.raises(NexaraError, match="no roll-out; begin one with"):
        main(["rollout", "status", "--state", str(state)])
