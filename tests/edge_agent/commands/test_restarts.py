"""What operators set outlives the agent that was told: signed commands, real processes, a real broker."""

from __future__ import annotations

import json
from pathlib import Path

from tests.edge_agent.commands.agent_process import AgentProcess, states
from tests.edge_agent.commands.asking import Asker, write
from tests.edge_agent.delivery.listener import Listener
from tests.edge_agent.delivery.mosquitto import Mosquitto

MORE = """
[commands]
allow = ["ping", "set", "mute", "restart"]
restart_after_s = 0
[[commands.operator]]
name = "ana"
key = "file:{folder}/ana.key"
[[commands.operator]]
name = "ben"
key = "file:{folder}/ben.key"
allow = ["ping"]
{clips}
"""
ANA, BEN = b"a key of ana's own, long", b"another one of ben's own"
MASK = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0]]


def make_agent(folder: Path, broker: Mosquitto, bundle: Path, keys: Path, clips: str = "") -> AgentProcess:
    (folder / "ana.key").write_bytes(ANA)
    (folder / "ben.key").write_bytes(BEN)
    more = MORE.format(folder=folder, clips=clips)
    return AgentProcess(folder, broker.port, bundle, keys / "public.pem", more)


def test_what_was_set_and_muted_is_so_after_a_restart_by_command_and_no_request_is_done_again(
    broker: Mosquitto, tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path
) -> None:
    agent = make_agent(tmp_path, broker, tiny_bundle_directory, key_folder)
    listener, asker = Listener(broker.port), Asker(broker.port)
    agent.start(listener)
    assert asker.ask("set", {"camera": "yard", "wake": 0.9}, key=ANA, operator="ana")["ok"]
    until = asker.ask("mute", {"camera": "door", "seconds": 3600}, key=ANA, operator="ana")["result"]["until"]
    payload = write(operator="ana")
    assert asker.answer(asker.send("restart", payload, key=ANA))["ok"]
    assert agent.wait() == 0, agent.log
    assert "command restart done for ana" in agent.log
    kept = asker.send("ping", write(operator="ana"), retain=True)
    agent.start(listener)
    assert asker.answer(kept)["error"]["kind"] == "retained"
    assert states(listener.until(lambda _heard: True), "door")[-1]["muted_until"] == until
    assert asker.answer(asker.send("restart", payload, key=ANA))["error"]["kind"] == "replayed"
    applied = asker.ask("set", {"revert": True}, key=ANA, operator="ana")["result"]["applied"]
    assert applied == ["wake 0.9 -> 1 (yard)"]
    # What cannot be read is told and set aside, and watching goes on.
    agent.stop()
    (tmp_path / "spool" / "commands" / "overlay.json").write_text('{"format": 1, "tables": {"yard"')
    agent.start(listener)
    assert asker.ask("ping", key=BEN, operator="ben")["ok"]
    agent.stop()
    asker.close()
    listener.close()
    assert "it is set aside as overlay.json.broken" in agent.log
    assert "Traceback" not in agent.log


def test_only_who_signs_for_it_has_it_done(
    broker: Mosquitto, tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path
) -> None:
    agent = make_agent(tmp_path, broker, tiny_bundle_directory, key_folder)
    listener, asker = Listener(broker.port), Asker(broker.port)
    agent.start(listener)
    asked = [
        asker.ask("restart"),
        asker.ask("restart", operator="ana"),
        asker.ask("restart", key=BEN, operator="ana"),
        asker.ask("restart", key=ANA, operator="eve"),
        asker.ask("restart", key=BEN, operator="ben"),
    ]
    kinds = [answer["error"]["kind"] for answer in asked]
    assert kinds == ["unsigned", "unsigned", "signature", "signature", "not_allowed"]
    assert asker.ask("ping", key=BEN, operator="ben")["ok"]
    agent.stop()
    asker.close()
    listener.close()
    assert ANA.decode() not in agent.log
    # Once for each kind: the second of a kind waits for its minute.
    assert agent.log.count("command restart refused, unsigned") == 1


def test_agent_whose_cameras_are_filmed_begins_anew_when_masks_are_added(
    broker: Mosquitto, tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path
) -> None:
    clips = f'[clips]\ndirectory = "{tmp_path / "clips"}"'
    agent = make_agent(tmp_path, broker, tiny_bundle_directory, key_folder, clips)
    listener, asker = Listener(broker.port), Asker(broker.port)
    agent.start(listener)
    result = asker.ask("set", {"camera": "yard", "masks": [MASK]}, key=ANA, operator="ana")["result"]
    assert result == {"applied": ["masks 0 -> 1 (yard)"], "restarts": True}
    assert agent.wait() == 0, agent.log
    kept = json.loads((tmp_path / "spool" / "commands" / "overlay.json").read_text())
    assert kept["tables"] == {"yard": {"masks": [MASK]}}
    agent.start(listener)
    asker.close()
    listener.close()
    agent.stop()
