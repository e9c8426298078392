"""The real agent, and a program that tries what it should not, under a real systemd and the unit as it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import models
from models.bundle import pack
from tests.edge_agent.bundles.bundle_store import bundle_store, desire
from tests.edge_agent.delivery.listener import Heard, Listener
from tests.edge_agent.delivery.mosquitto import Mosquitto, make_private_ca
from tests.systemd.machine import ROOT, Machine, require_machine

PROBE = """[Service]
Type=oneshot
Restart=no
ExecStart=
ExecStart=/opt/python/bin/python3 /opt/code/tests/systemd/probe.py
Environment=LD_LIBRARY_PATH=/opt/python/lib
"""
# What is drawn matters little here, so nearly everything is an incident.
CONFIG = """
site = "school"
device = "{name}"
[bundle]
path = "/opt/nexara/bundles/violence.nexara"
[runtime]
target = "{target}"
[mqtt]
host = "127.0.0.1"
port = {port}
username = "{name}"
password = "credential:mqtt"
[spool]
directory = "{state}"
[thresholds]
wake = 0.001
alert = 0.002
clear = 0.001
[[camera]]
id = "yard"
source = "scene:yard?seed=3&fight=0-20&duration=20"
"""
UPDATED = """
site = "school"
device = "gate"
[bundle]
path = "/opt/nexara/bundle"
trusted_keys = ["/etc/nexara/public.pem"]
[mqtt]
host = "127.0.0.1"
port = {port}
username = "gate"
password = "credential:mqtt"
[spool]
directory = "/var/lib/nexara-edge"
[updates]
directory = "/var/lib/nexara-edge/bundles"
ca = "/etc/nexara/ca.pem"
manifest = "{manifest}"
[[camera]]
id = "yard"
source = "scene:yard?seed=3&fight=none&duration=20&size=320x180&loop=1"
"""
# Name of the device, its unit, its password, and where its state lies.
AGENTS = {
    "gate": ("nexara-edge", "mqtt.password", "/var/lib/nexara-edge", "cpu-tflite-int8"),
    "north": ("nexara-edge@north", "north.mqtt.password", "/var/lib/nexara-edge-north", "cpu-onnx-int8"),
}
NOTHING = {
    "camera": "ENOENT",
    "another device": "ENOENT",
    "memory written and run": "EPERM",
    "binding to a core": "EPERM",
    "standing back": "allowed",
    "raw sockets": "EPERM",
    "netlink": "EAFNOSUPPORT",
    "writing elsewhere": "EROFS",
    "libusb": False,
}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Not started yet."""
    require_machine(tmp_path)
    return Machine(tmp_path / "machine")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """Takes nobody without the password that systemd is to hand over."""
    broker = Mosquitto(tmp_path, ("allow_anonymous false", f"password_file {tmp_path}/passwords"))
    for name in (*AGENTS, "dashboard"):
        broker.add_password(name, f"password of {name}")
    yield broker.start()
    broker.stop()


def test_agents_alert_under_their_units_side_by_side(machine: Machine, broker: Mosquitto) -> None:
    released = sorted((Path(models.__file__).parent / "released").glob("*.nexara"))
    if not released:
        pytest.skip("no bundle has been released yet")
    (machine.folder / "opt" / "bundles").mkdir()
    shutil.copy(released[-1], machine.folder / "opt" / "bundles" / "violence.nexara")
    for name, (unit, password, state, target) in AGENTS.items():
        config = CONFIG.format(name=name, target=target, port=broker.port, state=state)
        file = machine.folder / "nexara" / ("edge.toml" if unit == "nexara-edge" else f"{name}.toml")
        file.write_text(config)
        secret = machine.folder / "nexara" / password
        secret.write_text(f"password of {name}\n")
        secret.chmod(0o600)
        machine.drop_in(unit, "nothing.conf", "")
    listener = Listener(broker.port, username="dashboard", password="password of dashboard")
    with machine.booted():
        units = [unit for unit, *_ in AGENTS.values()]
        machine.run("systemctl", "start", *units)
        for name in AGENTS:
            incident = json.loads(listener.until_topic(f"/{name}/camera/yard/incident")[0].payload)
            assert incident["phase"] == "started"
        said = [machine.status(unit) for unit in units]
        for status in said:
            assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
            assert {int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {0}
        users = {status["Uid"].split()[0] for status in said}
        owners = {machine.run("stat", "--format", "%u %a", f"{state}/.") for _, _, state, _ in AGENTS.values()}
        assert owners == {f"{user} 700" for user in users}
        assert len(owners) == len(AGENTS)
        machine.run("systemctl", "stop", *units)
        assert [machine.show(unit, "Result") for unit in units] == ["success"] * len(units)
        assert [machine.show(unit, "NRestarts") for unit in units] == ["0"] * len(units)
    listener.close()
    for unit, _, _, target in AGENTS.values():
        assert f"opened {target}" in machine.log(unit)
        assert "telemetry" not in machine.log(unit)


def test_update_unit_has_the_running_agent_change_its_bundle(
    machine: Machine, broker: Mosquitto, tiny_bundle_directory: Path, key_folder: Path, tmp_path: Path
) -> None:
    identity = make_private_ca(tmp_path)
    shutil.copy(identity.ca, machine.folder / "nexara" / "ca.pem")
    shutil.copy(key_folder / "public.pem", machine.folder / "nexara" / "public.pem")
    bundle = Path(shutil.copytree(tiny_bundle_directory, machine.folder / "opt" / "bundle"))
    for path in (bundle, *bundle.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (machine.folder / "nexara" / "mqtt.password").write_text("password of gate")
    machine.drop_in("nexara-edge-update", "nothing.conf", "")
    machine.drop_in("nexara-edge", "nothing.conf", "")
    listener = Listener(broker.port, username="dashboard", password="password of dashboard")
    with bundle_store(identity) as store:
        found = store.put(pack(tiny_bundle_directory, tmp_path / "other.nexara"))
        store.files["bundle.json"] = desire("wave-1", found)
        config = UPDATED.format(port=broker.port, manifest=store.url("bundle.json"))
        (machine.folder / "nexara" / "edge.toml").write_text(config)
        with machine.booted():
            machine.run("systemctl", "start", "nexara-edge")
            listener.until_topic("/gate/bundle")
            machine.run("systemctl", "start", "nexara-edge-update")
            assert machine.show("nexara-edge-update", "Result") == "success"
            listener.until(lambda heard: found["sha256"] in told(heard))
            # Nothing was restarted, and a second look finds nothing to do.
            machine.run("systemctl", "start", "nexara-edge-update")
            assert machine.show("nexara-edge", "NRestarts") == "0"
            machine.run("systemctl", "stop", "nexara-edge")
            assert machine.show("nexara-edge", "Result") == "success"
    assert "the desired bundle is in use" in machine.log("nexara-edge-update")
    assert store.asked.count("other.nexara") == 1
    listener.close()


def told(heard: list[Heard]) -> list[str | None]:
    """The bundles that the agent judged with."""
    return [json.loads(one.payload)["current"]["sha256"] for one in heard if one.topic.endswith("/gate/bundle")]


@pytest.mark.parametrize(
    ("drop_in", "more"),
    [
        (None, {}),
        ("v4l2", {"camera": "allowed", "another device": "EPERM"}),
        # The group of a camera is not that of a Coral accelerator.
        ("coral-usb", {"camera": "EACCES", "another device": "EPERM", "netlink": "allowed", "libusb": True}),
    ],
)
def test_sandbox_lets_through_what_it_should_and_nothing_else(
    machine: Machine, drop_in: str | None, more: dict[str, object]
) -> None:
    (machine.folder / "nexara" / "mqtt.password").write_text("secret")
    (machine.folder / "nexara" / "edge.toml").write_text("")
    if drop_in is not None:
        text = (ROOT / "systemd" / "drop-ins" / f"{drop_in}.conf").read_text()
        machine.drop_in("nexara-edge", f"{drop_in}.conf", text)
    machine.drop_in("nexara-edge", "probe.conf", PROBE)
    with machine.booted():
        machine.run("systemctl", "start", "nexara-edge")
    answers = json.loads(machine.log("nexara-edge"))
    wanted: dict[str, object] = {**NOTHING, **more}
    if answers["libusb"] is None:
        wanted["libusb"] = None
    assert answers == wanted
