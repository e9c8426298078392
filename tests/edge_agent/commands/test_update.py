"""A bundle that a running agent is told to fetch: real processes, a real broker, a real HTTPS server."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from edge_agent.bundles.record import current
from edge_agent.bundles.shelf import Shelf, digest_of
from models.bundle import pack
from tests.edge_agent.commands.agent_process import AgentProcess
from tests.edge_agent.commands.asking import Asker
from tests.edge_agent.delivery.listener import Heard, Listener
from tests.edge_agent.delivery.mosquitto import Mosquitto, make_private_ca
from tests.edge_agent.http_server import http_server

MORE = """
[commands]
restart_after_s = 0
allow = ["ping", "update", "rollback"]
"""
UPDATES = """
[updates]
directory = "bundles"
ca = "{ca}"
window_s = 600
"""


def test_agent_fetches_a_bundle_has_it_on_trial_and_goes_back(
    broker: Mosquitto, tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path
) -> None:
    (tmp_path / "ca").mkdir()
    identity = make_private_ca(tmp_path / "ca")
    file = pack(tiny_bundle_directory, tmp_path / "other.nexara")
    content, digest = file.read_bytes(), digest_of(file)

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    more = MORE + UPDATES.format(ca=identity.ca)
    agent = AgentProcess(tmp_path, broker.port, tiny_bundle_directory, key_folder / "public.pem", more)
    listener, asker, shelf = Listener(broker.port), Asker(broker.port), Shelf(tmp_path / "bundles")
    agent.start(listener)
    with http_server(answer, identity=identity) as port:
        url = f"https://127.0.0.1:{port}/other.nexara"
        wrong = asker.ask("update", {"url": url, "sha256": "0" * 64})
        assert (wrong["ok"], wrong["error"]["kind"]) == (False, "failed")
        assert "thrown away" in wrong["error"]["text"]
        assert (
            asker.ask("update", {"url": url.replace("https", "http"), "sha256": digest})["error"]["kind"] == "arguments"
        )
        found = asker.ask("update", {"url": url, "sha256": digest})["result"]
    assert (found["bundle"]["name"], found["trial"]) == ("tiny", True)
    listener.until(lambda heard: in_use(heard) == (digest, True))
    assert current(shelf.read()) == digest
    # It answers and watches all the while: the judge alone has changed.
    assert asker.ask("ping")["result"]["bundle"]["name"] == "tiny"
    assert asker.ask("rollback")["result"] == {"changed": True}
    listener.until(lambda heard: in_use(heard) == (None, False))
    assert current(shelf.read()) is None
    assert asker.ask("rollback")["result"] == {"changed": False}
    agent.stop()
    assert agent.process.returncode == 0, agent.log


def in_use(heard: list[Heard]) -> tuple[str | None, bool]:
    """The bundle that judges by what was told last, and whether it is on trial."""
    told = [json.loads(one.payload) for one in heard if one.topic.endswith("/bundle")]
    return (told[-1]["current"]["sha256"], told[-1]["trial"]) if told else ("none told", False)


def test_agent_that_keeps_no_bundles_says_so(
    broker: Mosquitto, tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path
) -> None:
    agent = AgentProcess(tmp_path, broker.port, tiny_bundle_directory, key_folder / "public.pem", MORE)
    asker = Asker(broker.port)
    agent.start(Listener(broker.port))
    for name, arguments in (("update", {"url": "https://h/b", "sha256": "0" * 64}), ("rollback", {})):
        refused = asker.ask(name, arguments)
        assert (refused["ok"], refused["error"]["kind"]) == (False, "failed")
        assert "no [updates]" in refused["error"]["text"]
    agent.stop()
