"""First boot under a real systemd: the device enrols, leaves its acceptance page, and only then watches."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

import models
from fleet.authority.enrolment_server import EnrolmentServer
from fleet.authority.site_authority import SiteAuthority
from fleet.kit.service import list_service
from tests.edge_agent.delivery.listener import Listener, wait_for
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.ports import free_port
from tests.systemd.machine import ROOT, Machine, require_machine

# What is drawn matters little here, so nearly everything is an incident.
CONFIG = """
site = "school"
device = "gate"
[bundle]
path = "/opt/nexara/bundles/violence.nexara"
[mqtt]
host = "127.0.0.1"
port = {port}
[mqtt.tls]
ca = "/etc/nexara/ca.pem"
certificate = "/etc/nexara/device.pem"
key = "credential:device.key"
[spool]
directory = "/var/lib/nexara-edge"
[thresholds]
wake = 0.001
alert = 0.002
clear = 0.001
[[camera]]
id = "yard"
source = "scene:yard?seed=3&fight=0-20&duration=20"
"""


@pytest.fixture
def authority(tmp_path: Path) -> SiteAuthority:
    authority = SiteAuthority.found(tmp_path / "ca", "school", lambda: datetime.now(timezone.utc))
    for name in ("broker", "enrol"):
        authority.server(name, ["127.0.0.1"])
    return authority


@pytest.fixture
def enrolling(authority: SiteAuthority, tmp_path: Path) -> Iterator[EnrolmentServer]:
    server = EnrolmentServer(("127.0.0.1", 0), tmp_path / "ca" / "enrol.pem", authority, print)
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield server
    server.close()
    thread.join()


def test_first_boot_enrols_the_device_and_starts_the_agent(
    tmp_path: Path, authority: SiteAuthority, enrolling: EnrolmentServer
) -> None:
    require_machine(tmp_path)
    released = sorted((Path(models.__file__).parent / "released").glob("*.nexara"))
    if not released:
        pytest.skip("no bundle has been released yet")
    machine = Machine(tmp_path / "machine")
    ca, open_port = tmp_path / "ca", free_port()
    lines = [f"cafile {ca}/ca.pem", f"certfile {ca}/broker.pem", f"keyfile {ca}/broker.key", "require_certificate true",
             "use_identity_as_username true", f"listener {open_port} 127.0.0.1", "allow_anonymous true"]  # fmt: skip
    broker = Mosquitto(tmp_path, lines).start()
    listener = Listener(open_port)
    place(machine, authority, f"https://127.0.0.1:{enrolling.port}", CONFIG.format(port=broker.port), released[-1])
    page = machine.folder / "nexara" / "acceptance.html"
    try:
        with machine.booted():
            machine.run("systemctl", "start", "nexara-edge")
            # A condition that is not met is no failure.
            assert machine.show("nexara-edge", "ConditionResult") == "no"
            machine.run("systemctl", "start", "--no-block", "nexara-edge-enrol")
            incident = json.loads(listener.until_topic("/incident")[0].payload)
            wait_for(lambda: machine.show("nexara-edge", "ActiveState") == "active", "the agent is not up")
            assert machine.show("nexara-edge-enrol", "Result") == "success"
    finally:
        listener.close()
        broker.stop()
    assert (incident["device"], incident["phase"]) == ("gate", "started")
    assert "Accepted: everything that was tried works" in page.read_text()
    assert {path.name for path in (machine.folder / "nexara" / "credentials").iterdir()} == {"device.key"}


def place(machine: Machine, authority: SiteAuthority, url: str, config: str, bundle: Path) -> None:
    """What a kit lays down on a machine, its program and its bundle aside."""
    folder = machine.folder / "nexara"
    (folder / "credentials").mkdir(mode=0o700)
    (folder / "credentials" / "enrol.token").write_text(authority.tokens.issue("gate"))
    (folder / "edge.toml").write_text(config)
    (folder / "enrol.env").write_text(f"NEXARA_ENROL_URL={url}\n")
    shutil.copy(authority.certificate_path, folder / "ca.pem")
    (machine.folder / "opt" / "bundles").mkdir()
    shutil.copy(bundle, machine.folder / "opt" / "bundles" / "violence.nexara")
    for name, content in list_service(ROOT, (), ("device.key",), enrols=True, updates=False).items():
        (machine.folder / "units" / name).parent.mkdir(exist_ok=True)
        (machine.folder / "units" / name).write_bytes(content)
    for unit in ("nexara-edge", "nexara-edge-enrol"):
        machine.drop_in(unit, "nothing.conf", "")
