"""The real agent, started from an installed kit, alerts over a broker that knows it by the site's authority."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np

from models.command_line import main
from tests.edge_agent.delivery.listener import Listener
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.fleet.kit.own_wheel import make_own_wheel
from tests.fleet.kit.small_kit import SITE, Workshop, install, make_root
from tests.ports import free_port

CAMERA = """
[thresholds]
wake = 0.0
alert = 0.0
clear = 0.0
[[camera]]
id = "hall"
source = "scene:corridor?seed=3&duration=30"
"""


def start(root: Path, config: Path) -> subprocess.Popen[str]:
    """The installed command. What is not ours is that of these tests, as the kit's wheels of it are empty."""
    return subprocess.Popen(
        [root / "opt" / "nexara" / "bin" / "nexara-edge", "run", "--config", config],
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(Path(np.__file__).parents[1]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "CREDENTIALS_DIRECTORY": str(root / "etc" / "nexara" / "credentials"),
        },
        cwd="/",
        stderr=subprocess.PIPE,
        text=True,
    )


def test_agent_of_an_installed_kit_alerts_by_its_own_certificate(workshop: Workshop, tmp_path: Path) -> None:
    for wheel in workshop.wheels.iterdir():
        wheel.unlink()
    make_own_wheel(workshop.wheels)
    workshop.config.write_text(workshop.config.read_text() + CAMERA)
    root = make_root(tmp_path)
    assert install(workshop.make("kit"), root).returncode == 0
    ca, open_port = tmp_path / "ca", free_port()
    assert main(["fleet", "ca", "broker", "127.0.0.1", "--site", SITE, "--directory", str(ca)]) == 0
    lines = [f"cafile {ca}/ca.pem", f"certfile {ca}/broker.pem", f"keyfile {ca}/broker.key", f"crlfile {ca}/crl.pem",
             "require_certificate true", "use_identity_as_username true", f"listener {open_port} 127.0.0.1",
             "allow_anonymous true"]  # fmt: skip
    broker = Mosquitto(tmp_path, lines).start()
    # What is absolute on the device lies below the scratch root here.
    text = (root / "etc" / "nexara" / "edge.toml").read_text().replace('host = "broker.local"', 'host = "127.0.0.1"')
    for place in ("/opt/nexara", "/etc/nexara", "/var/lib"):
        text = text.replace(f'"{place}/', f'"{root}{place}/')
    config = tmp_path / "edge.toml"
    config.write_text(text.replace("[mqtt]\n", f"[mqtt]\nport = {broker.port}\n"))
    listener = Listener(open_port)
    agent = start(root, config)
    try:
        incident = json.loads(listener.until_topic("/incident")[0].payload)
    finally:
        agent.terminate()
        _, log = agent.communicate(timeout=60)
        listener.close()
        broker.stop()
    assert (incident["site"], incident["device"], incident["phase"]) == ("north-school", "gate-1", "started"), log
    assert broker.has_logged("u'gate-1'")
    assert agent.returncode == 0, log
