"""What an installer reads of kits and certificates is what the code does."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import pytest

from fleet.authority.certificate import BROKER_LIFE, DEVICE_LIFE
from fleet.authority.site_authority import SiteAuthority
from fleet.kit.configuration import fill
from fleet.kit.device_kind import KINDS
from models.bundle import Bundle
from tests.edge_agent.delivery.mosquitto import Mosquitto

INSTALLING = (Path(__file__).parents[2] / "docs" / "installing.md").read_text()


def block(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n```\w*\n(.*?)```", INSTALLING, re.DOTALL)
    assert found is not None
    return found[1]


def test_documented_configuration_is_one_for_a_kit(tmp_path: Path, tiny: Bundle) -> None:
    (tmp_path / "site.toml").write_text(block("kit"))
    filled = fill(tmp_path / "site.toml", "north-school", "gate-1", tiny)
    assert filled.credentials == ("device.key", "yard")
    assert filled.wants_certificate


def test_every_kind_of_device_is_documented() -> None:
    for name, kind in KINDS.items():
        row = next(line for line in INSTALLING.splitlines() if line.startswith(f"| `{name}` |"))
        assert row.split(" | ")[1] == ", ".join(kind.architectures)
        assert row.split(" | ")[2].startswith(kind.python)
        assert all(f"`{drop_in}`" in row for drop_in in kind.drop_ins)


def test_lives_of_certificates_are_documented() -> None:
    assert f"for {DEVICE_LIFE.days // 365}".replace("10", "ten") + " years" in INSTALLING
    assert f"{BROKER_LIFE.days} days" in INSTALLING


def test_documented_broker_lets_a_device_write_below_its_own_name_alone(tmp_path: Path) -> None:
    if shutil.which("mosquitto_pub") is None:
        pytest.skip("no mosquitto_pub here; install the Debian package mosquitto-clients")
    authority = SiteAuthority.found(tmp_path / "ca", "north-school", lambda: datetime.now(timezone.utc))
    authority.broker(["127.0.0.1"])
    authority.device("gate-1")
    (tmp_path / "acl").write_text(block("acl by certificate"))
    lines = block("broker by certificate").replace("/etc/mosquitto/certs", str(tmp_path / "ca"))
    lines = lines.replace("/etc/mosquitto/acl", str(tmp_path / "acl"))
    broker = Mosquitto(tmp_path, [line for line in lines.splitlines() if not line.startswith(("listener", "persist"))])
    broker.start()
    own = tmp_path / "ca" / "devices"
    command = ["mosquitto_pub", "-V", "5", "-h", "127.0.0.1", "-p", str(broker.port), "-q", "1", "-m", "{}"]
    command += ["--cafile", str(authority.certificate_path)]
    command += ["--cert", str(own / "gate-1.pem"), "--key", str(own / "gate-1.key")]
    try:
        said = [
            subprocess.run(
                [*command, "-t", f"nexara/v1/north-school/{device}/status"], capture_output=True, text=True, check=False
            ).stderr
            for device in ("gate-1", "gate-2")
        ]
    finally:
        broker.stop()
    assert said[0] == ""
    assert "Not authorized" in said[1]
