"""``nexara fleet`` with a whole agent at the other end: a real process, a real broker, a real HTTPS server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_agent.bundles.shelf import digest_of
from fleet.command import main
from models.bundle import pack
from tests.edge_agent.bundles.bundle_store import bundle_store
from tests.edge_agent.commands.agent_process import AgentProcess
from tests.edge_agent.delivery.listener import Listener
from tests.edge_agent.delivery.mosquitto import Mosquitto, make_private_ca

MORE = """
[commands]
restart_after_s = 0
allow = ["ping", "update"]
[[commands.operator]]
name = "ana"
key = "file:{key}"
[updates]
directory = "bundles"
ca = "{ca}"
window_s = 1
desired = true
"""


def test_an_agent_follows_a_roll_out_and_answers_a_command(
    broker: Mosquitto,
    tmp_path: Path,
    tiny_bundle_directory: Path,
    key_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "ana.key").write_text("sixteen or more bytes")
    (tmp_path / "ca").mkdir()
    file = pack(tiny_bundle_directory, tmp_path / "other.nexara")
    account = (
        "--broker", f"mqtt://127.0.0.1:{broker.port}", "--operator", "ana", "--operator-key", str(tmp_path / "ana.key"),
    )  # fmt: skip
    state = ("--state", str(tmp_path / "rollout.json"))
    listener = Listener(broker.port)
    with bundle_store(make_private_ca(tmp_path / "ca")) as store:
        wish = ("--url", store.put(file)["url"], "--bundle", str(file), "--soak", "0", "--patience", "1")
        more = MORE.format(key=tmp_path / "ana.key", ca=store.ca)
        agent = AgentProcess(tmp_path, broker.port, tiny_bundle_directory, key_folder / "public.pem", more)
        agent.start(listener)
        try:
            assert main(["command", "ping", "school/gate", *account]) == 0
            assert main(["rollout", "start", *wish, *state, *account]) == 0
            capsys.readouterr()
            assert main(["list", "--json", "--wait", "0", *account]) == 0
            (row,) = json.loads(capsys.readouterr().out)
            assert main(["rollout", "revert", *state, *account]) == 0
        finally:
            agent.stop()
            listener.close()
    assert (row["state"], row["bundle_state"], row["cameras"], row["trial"]) == ("online", "kept", 2, False)
    assert digest_of(file) in (tmp_path / "bundles" / "record.json").read_text()
    assert "nothing was desired of it before" in capsys.readouterr().out
