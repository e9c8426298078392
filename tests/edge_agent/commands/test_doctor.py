from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge_agent.command_line import main
from tests.edge_agent.config.test_plan import MINIMAL
from tests.edge_agent.delivery.mosquitto import Mosquitto


def test_doctor_tries_each_broker_and_fails_only_where_none_accepts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    broker = Mosquitto(tmp_path).start()
    config = tmp_path / "edge.toml"
    tables = f'[mqtt]\nhost = "127.0.0.1"\nport = 1\n[[mqtt.fallback]]\nhost = "127.0.0.1"\nport = {broker.port}\n'
    text = MINIMAL.replace('mqtt = { host = "broker.local" }\n', "").replace("[[camera]]", f"{tables}[[camera]]")
    config.write_text(text)
    try:
        main(["doctor", "--config", str(config)])
    finally:
        broker.stop()
    shown = capsys.readouterr().out
    assert re.search(r"warning +broker +broker mqtt://127.0.0.1:1: .*refused", shown)
    assert re.search(rf"ok +fallback broker 1 +mqtt://127.0.0.1:{broker.port}: accepted", shown)
    main(["doctor", "--config", str(config)])
    shown = capsys.readouterr().out
    assert re.search(r"failed +broker +", shown)
    assert re.search(r"failed +fallback broker 1 +", shown)


def test_doctor_tells_who_may_command_and_when_a_key_is_missing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config, key = tmp_path / "edge.toml", tmp_path / "ana.key"
    text = MINIMAL.replace('host = "broker.local"', 'host = "127.0.0.1", port = 1')
    config.write_text(f'{text}[commands]\nallow = ["ping"]\n')
    main(["doctor", "--config", str(config)])
    told = "ping, from everybody whom the broker lets publish to nexara/v1/school/gate/command/+"
    assert told in capsys.readouterr().out
    config.write_text(config.read_text() + f'[[commands.operator]]\nname = "ana"\nkey = "file:{key}"\n')
    main(["doctor", "--config", str(config)])
    assert re.search(rf"failed +commands +file:{key}: cannot read", capsys.readouterr().out)
    key.write_text("a key of some length")
    main(["doctor", "--config", str(config)])
    assert re.search(r"ok +commands +ping, signed by ana", capsys.readouterr().out)
