"""What is written for those who look after a fleet is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from fleet.command import main
from fleet.commanding.round import Kind
from fleet.settings import load_fleet_config
from models.errors import NexaraError
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.fleet.conftest import Play
from tests.fleet.players import NEW

ROOT = Path(__file__).parents[2]
FLEET = (ROOT / "docs" / "fleet.md").read_text()
MQTT = (ROOT / "docs" / "mqtt.md").read_text()
URL = "https://bundles.example.org/violence-1.1.0.nexara"


def test_example_of_the_settings_is_valid_with_all_that_it_shows(tmp_path: Path) -> None:
    found = re.search(r"<!-- fleet\.toml -->\n```toml\n(.*?)```", FLEET, re.DOTALL)
    assert found is not None
    path = tmp_path / "fleet.toml"
    for text in (found[1], re.sub(r"^# ", "", found[1], flags=re.MULTILINE)):
        path.write_text(text)
        settings = load_fleet_config(path).settings
    assert settings.mqtt is not None
    assert settings.mqtt.tls is not None
    assert (settings.mqtt.port, settings.mqtt.tls.key) == (8883, "ana.key")
    assert settings.operator is not None


def test_every_outcome_of_a_command_is_explained() -> None:
    table = FLEET.partition("| outcome | |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(get_args(Kind))


def test_every_command_that_is_shown_exists(capsys: pytest.CaptureFixture[str]) -> None:
    shown = set(re.findall(r"nexara fleet (\w+)(?: (start|status|resume|stop|revert))?", FLEET))
    assert {("list", ""), ("command", ""), ("rollout", "start"), ("rollout", "revert")} <= shown
    for words in shown:
        with pytest.raises(SystemExit) as ended:
            main([*filter(None, words), "--help"])
        assert ended.value.code == 0
    assert "usage: nexara fleet" in capsys.readouterr().out


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with the accounts that mqtt.md shows, and one for the other devices of the test."""
    found = re.search(r"<!-- fleet acl -->\n```\n(.*?)```", MQTT, re.DOTALL)
    assert found is not None
    folder = tmp_path / "guarded"
    folder.mkdir()
    (folder / "acl").write_text(f"{found[1]}\nuser depot\ntopic readwrite nexara/v1/depot/#\n")
    lines = ("allow_anonymous false", f"password_file {folder}/passwords", f"acl_file {folder}/acl")
    broker = Mosquitto(folder, lines)
    for name in ("fay", "gate-1", "depot"):
        broker.add_password(name, name)
    yield broker.start()
    broker.stop()


def test_documented_account_may_look_at_all_and_change_its_own_site(
    guarded: Mosquitto, play: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_text("fay\n")
    account = (
        "--broker", f"mqtt://127.0.0.1:{guarded.port}", "--username", "fay",
        "--password-file", str(tmp_path / "password"),
    )  # fmt: skip
    school = play(["north-school/gate-1"], port=guarded.port, username="gate-1")
    depot = play(["depot/door"], port=guarded.port, username="depot")
    school.join()
    depot.join()
    assert main(["list", "--wait", "0", "--check", *account]) == 0
    assert "2 device(s), 2 online" in capsys.readouterr().out
    assert main(["command", "ping", "north-school/gate-1", *account]) == 0
    assert main(["command", "ping", "depot/door", *account]) == 1
    assert re.search(r"depot/door\s+refused", capsys.readouterr().out)
    rollout = ("--url", URL, "--sha256", NEW, "--soak", "0", *account)
    for site in ("north-school", "depot"):
        words = ["rollout", "start", "--site", site, "--state", str(tmp_path / site), *rollout]
        if site == "depot":
            with pytest.raises(NexaraError, match="Not authorized"):
                main(words)
        else:
            assert main(words) == 0
    assert school["north-school/gate-1"].current == NEW
    assert depot["depot/door"].desired == []
