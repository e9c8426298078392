from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from models.bundle import Bundle
from tests.edge_agent.delivery.mosquitto import Mosquitto, make_private_ca
from tests.end_to_end.play import Play, stage
from tests.end_to_end.subscriber import Subscriber
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
ACL = """
user gate-1
topic write nexara/v1/north-school/gate-1/#

user dashboard
topic read nexara/v1/#
"""


CONFIG = """
site = "north-school"
device = "gate-1"
[bundle]
path = "{bundle}"
trusted_keys = ["{public_key}"]
[mqtt]
host = "127.0.0.1"
port = {port}
username = "gate-1"
password = "file:{password}"
[mqtt.tls]
ca = "ca.pem"
[spool]
directory = "spool"
[thresholds]
wake = {thresholds.wake}
alert = {thresholds.alert}
clear = {thresholds.clear}
[sampling]
idle_interval_s = 0.5
[incidents]
update_interval_s = 1
end_hold_s = 1
[health]
interval_s = 1
[[camera]]
id = "yard"
source = "rtsp://127.0.0.1:{camera_port}/camera"
open_timeout_s = 3
read_timeout_s = 2
"""


@dataclass(frozen=True)
class Site:
    """A site on this machine: a broker with TLS, passwords and an ACL, and an agent that watches one RTSP camera."""

    broker: Mosquitto
    config: Path
    camera_port: int

    @contextmanager
    def agent(self) -> Iterator[subprocess.Popen[str]]:
        """The agent as a service starts it; its log goes to ``agent.log`` beside its configuration."""
        command = [sys.executable, "-m", "edge_agent", "run", "--config", str(self.config)]
        with (self.config.parent / "agent.log").open("a") as log:
            agent = subprocess.Popen(command, stderr=log, text=True, cwd=ROOT)
        try:
            yield agent
        finally:
            if agent.poll() is None:
                agent.terminate()
            try:
                agent.wait(30)
            finally:
                agent.kill()

    def subscribe(self, *arguments: str) -> Subscriber:
        """``mosquitto_sub`` as the dashboard's user, on everything of the house."""
        ca = str(self.config.parent / "ca.pem")
        where = ["-h", "127.0.0.1", "-p", str(self.broker.port), "--cafile", ca, "-u", "dashboard", "-P", "open sesame"]
        return Subscriber([*where, "-q", "1", "-t", "nexara/v1/#", *arguments])

    def log(self) -> str:
        """What the agent has logged so far."""
        return (self.config.parent / "agent.log").read_text()


@pytest.fixture(scope="session")
def play(tiny: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Play:
    return stage(tiny, tmp_path_factory.mktemp("play"))


def make_broker(folder: Path) -> Mosquitto:
    """A broker that takes only TLS, passwords and what its ACL allows, and keeps sessions; not started."""
    pem = make_private_ca(folder)
    (folder / "acl").write_text(ACL)
    (folder / "mqtt.password").write_text("s3cret\n")
    broker = Mosquitto(
        folder,
        (
            f"cafile {pem.ca}",
            f"certfile {pem.server_certificate}",
            f"keyfile {pem.server_key}",
            "allow_anonymous false",
            f"password_file {folder / 'passwords'}",
            f"acl_file {folder / 'acl'}",
            "persistence true",
            f"persistence_location {folder}/",
        ),
    )
    broker.add_password("gate-1", "s3cret")
    broker.add_password("dashboard", "open sesame")
    return broker


@pytest.fixture
def site(tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path, play: Play) -> Iterator[Site]:
    """The broker is not started; the test does that."""
    if shutil.which("mosquitto_sub") is None:
        pytest.skip("no mosquitto_sub here; install the Debian package mosquitto-clients")
    broker = make_broker(tmp_path)
    camera_port = free_port()
    config = tmp_path / "edge.toml"
    config.write_text(
        CONFIG.format(
            bundle=tiny_bundle_directory,
            public_key=key_folder / "public.pem",
            password=tmp_path / "mqtt.password",
            port=broker.port,
            camera_port=camera_port,
            thresholds=play.thresholds,
        )
    )
    yield Site(broker, config, camera_port)
    broker.stop()
