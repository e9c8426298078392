"""A whole agent in a process of its own, at a real broker."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.edge_agent.delivery.listener import Heard, Listener

CONFIGURATION = """
site = "school"
device = "gate"
[bundle]
path = "{bundle}"
trusted_keys = ["{key}"]
[mqtt]
host = "127.0.0.1"
port = {port}
[spool]
directory = "spool"
[thresholds]
wake = 1.0
alert = 1.0
clear = 1.0
[sampling]
idle_interval_s = 0.5
[[camera]]
id = "yard"
source = "scene:yard?seed=3&size=320x180&duration=600"
[[camera]]
id = "door"
source = "scene:yard?seed=4&size=320x180&duration=600"
{more}
"""


class AgentProcess:
    """``nexara-edge run`` of one folder; what it said is in ``log`` once it has ended."""

    def __init__(self, folder: Path, port: int, bundle: Path, key: Path, more: str) -> None:
        self.folder = folder
        self.log = ""
        self.config = folder / "edge.toml"
        self.config.write_text(CONFIGURATION.format(bundle=bundle, key=key, port=port, more=more))

    def start(self, listener: Listener) -> None:
        """Start it and wait until it watches."""
        before = len(states(listener.until(lambda _heard: True), "yard"))
        command = [sys.executable, "-m", "edge_agent", "run", "--config", str(self.config)]
        environment = {"PATH": "/usr/bin:/bin"}
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        listener.until(lambda heard: any(map(_is_judged, states(heard, "yard")[before:])))

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        _, self.log = self.process.communicate(timeout=60)
        return self.process.returncode

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.wait()


def _is_judged(state: dict[str, object]) -> bool:
    return state["connection"] == "connected" and state["score"] is not None


def states(heard: list[Heard], camera: str) -> list[dict[str, object]]:
    return [json.loads(one.payload) for one in heard if one.topic.endswith(f"/camera/{camera}/state")]
