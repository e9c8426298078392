"""A kit as cloud-init's user data and as a Debian package."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from fleet.kit.cloud_init import write_user_data
from fleet.kit.errors import KitError
from models.command_line import main
from tests.fleet.kit.small_kit import Workshop, contents, install, make_root

MARK = "#!/bin/sh\necho installed >{mark}\n"


def read_user_data(text: str) -> tuple[dict[str, str], list[str]]:
    """The file and the command in it."""
    file, command = (json.loads(line.removeprefix("  - ")) for line in text.splitlines() if line.startswith("  - "))
    return file, command


def make_kit(folder: Path) -> Path:
    """A kit that only leaves a mark when it is installed."""
    kit = folder / "nexara-kit"
    kit.mkdir()
    (kit / "install.sh").write_text(MARK.format(mark=folder / "mark"))
    with tarfile.open(folder / "kit.tar.gz", "w:gz") as archive:
        archive.add(kit, "nexara-kit")
    return folder / "kit.tar.gz"


@pytest.mark.parametrize("damaged", [False, True])
def test_machine_installs_the_kit_of_its_user_data_and_no_other(tmp_path: Path, damaged: bool) -> None:
    kit = make_kit(tmp_path)
    sha256 = "0" * 64 if damaged else hashlib.sha256(kit.read_bytes()).hexdigest()
    file, command = read_user_data(write_user_data(kit.as_uri(), sha256))
    script = tmp_path / "script.py"
    script.write_text(file["content"])
    assert (file["path"], file["permissions"]) == (command[1], "0700")
    done = subprocess.run([sys.executable, "-I", script, *command[2:]], capture_output=True, text=True, check=False)
    assert done.returncode == int(damaged), done.stderr
    assert (tmp_path / "mark").exists() is not damaged
    assert ("it is not installed" in done.stderr) is damaged


def test_cloud_init_takes_the_user_data(workshop: Workshop, tmp_path: Path) -> None:
    out, data = tmp_path / "kit.tar.gz", tmp_path / "user-data"
    address = "https://example.org/kit.tar.gz?key=a%20b"
    words = ["--out", str(out), "--cloud-init", str(data), "--kit-url", address]
    assert main(workshop.arguments(*words)) == 0
    assert read_user_data(data.read_text())[1][2:] == [address, hashlib.sha256(out.read_bytes()).hexdigest()]
    if shutil.which("cloud-init") is None:
        pytest.skip("no cloud-init here; install the Debian package cloud-init")
    command = ["cloud-init", "schema", "--config-file", str(data)]
    assert "Valid" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("address", ["http://example.org/kit", "https:///kit", "kit.tar.gz"])
def test_address_that_proves_nothing_is_refused(address: str) -> None:
    with pytest.raises(KitError, match="allowed is https"):
        write_user_data(address, "0" * 64)


def test_user_data_that_no_cloud_takes_is_refused() -> None:
    with pytest.raises(KitError, match="allowed are 16384"):
        write_user_data("https://example.org/" + "a" * 16_000, "0" * 64)


def test_debian_package_holds_what_the_kit_would_install(workshop: Workshop, tmp_path: Path) -> None:
    if shutil.which("dpkg-deb") is None:
        pytest.skip("no dpkg-deb here; install the package dpkg")
    packages = [tmp_path / f"{name}.deb" for name in ("one", "other")]
    for package in packages:
        assert main(workshop.arguments("--out", str(package))) == 0
    assert packages[0].read_bytes() == packages[1].read_bytes()
    assert stat.S_IMODE(packages[0].stat().st_mode) == 0o600
    subprocess.run(["dpkg-deb", "-R", packages[0], tmp_path / "made"], check=True)
    root = tmp_path / "installed"
    shutil.copytree(tmp_path / "made", root, symlinks=True)
    shutil.rmtree(root / "DEBIAN")
    shutil.rmtree(root / "usr" / "share")
    by_script = make_root(tmp_path / "other-root")
    assert install(workshop.make("kit"), by_script).returncode == 0
    wanted = {
        name.replace("etc/systemd/system/nexara", "usr/lib/systemd/system/nexara"): content
        for name, content in contents(by_script).items()
        if "multi-user" not in name
        and not name.endswith(("/installed.sha256", "nexara-edge/install.sh", "nexara-edge/service.sh", "etc/group"))
    }
    made = contents(root)
    assert {name: content for name, content in wanted.items() if name in made} == made
    secret = root / "etc" / "nexara" / "credentials" / "device.key"
    assert (stat.S_IMODE(secret.stat().st_mode), stat.S_IMODE(secret.parent.stat().st_mode)) == (0o600, 0o700)
    conffiles = (tmp_path / "made" / "DEBIAN" / "conffiles").read_text().splitlines()
    assert sorted(f"/{name}" for name in made if name.startswith("etc/")) == conffiles
    control = (tmp_path / "made" / "DEBIAN" / "control").read_text()
    assert "Package: nexara-edge\nVersion: 0.1.0-" in control


def dpkg(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The real one, for a root file system without a dpkg of its own."""
    command = ["dpkg", f"--root={root}", "--force-script-chrootless", "--force-depends", "--force-not-root", *words]
    programs = "/usr/sbin:/usr/bin:/sbin:/bin"
    return subprocess.run(
        command,
        env={"PATH": programs},
        # Whoever is asked answers nothing.
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_debian_package_of_a_device_that_enrols_does_so_and_asks_nothing_of_who_installs_it(
    workshop: Workshop, tmp_path: Path
) -> None:
    if shutil.which("dpkg") is None:
        pytest.skip("no dpkg here; install the package dpkg")
    root, packages = make_root(tmp_path), []
    for name in ("info", "updates"):
        (root / "var" / "lib" / "dpkg" / name).mkdir(parents=True)
    (root / "var" / "lib" / "dpkg" / "status").touch()
    for name in ("one", "other"):
        packages.append(tmp_path / f"{name}.deb")
        assert main(workshop.arguments("--enrol", "https://10.0.0.2:8443", "--out", str(packages[-1]))) == 0
    done = dpkg(root, "-i", str(packages[0]))
    assert done.returncode == 0, done.stderr
    assert "the device enrols at its site when it starts" in done.stdout
    credentials, wants = root / "etc/nexara/credentials", root / "etc/systemd/system/multi-user.target.wants"
    token = credentials / "enrol.token"
    assert (stat.S_IMODE(token.stat().st_mode), stat.S_IMODE(credentials.stat().st_mode)) == (0o600, 0o700)
    assert not (credentials / "device.key").exists()
    assert {path.name: str(path.readlink()) for path in wants.iterdir()} == {
        name: f"/usr/lib/systemd/system/{name}" for name in ("nexara-edge.service", "nexara-edge-enrol.service")
    }
    first = token.read_text()
    assert dpkg(root, "-i", str(packages[1])).returncode == 0
    assert token.read_text() != first
    # As enrolling leaves it.
    token.unlink()
    (root / "etc" / "nexara" / "device.pem").write_text("certificate")
    done = dpkg(root, "-i", str(packages[0]))
    assert done.returncode == 0, done.stderr
    assert "nexara-edge starts with the machine" in done.stdout
    assert not token.exists()
    assert dpkg(root, "--purge", "nexara-edge").returncode == 0
    left = {name for name in contents(root) if "nexara" in name and "var/lib/dpkg" not in name}
    assert left == set()


def test_kit_of_a_device_that_enrols_holds_a_token_and_no_key(workshop: Workshop, tmp_path: Path) -> None:
    kit, root = workshop.make("kit", "--enrol", "https://10.0.0.2:8443"), make_root(tmp_path)
    done = install(kit, root)
    assert "the device enrols at its site when it starts" in done.stdout
    secrets = root / "etc" / "nexara" / "credentials"
    assert {path.name for path in secrets.iterdir()} == {"enrol.token", "mqtt"}
    assert (root / "etc" / "nexara" / "enrol.env").read_text() == "NEXARA_ENROL_URL=https://10.0.0.2:8443\n"
    units = root / "etc" / "systemd" / "system"
    assert (units / "multi-user.target.wants" / "nexara-edge-enrol.service").exists()
    assert (
        "ConditionPathExists=/etc/nexara/device.pem" in (units / "nexara-edge.service.d" / "enrolled.conf").read_text()
    )
    loaded = (units / "nexara-edge.service.d" / "credentials.conf").read_text()
    assert "LoadCredential=device.key:/etc/nexara/credentials/device.key\n" in loaded
    assert "enrol.token" not in loaded
    # As enrolling leaves it.
    (secrets / "enrol.token").unlink()
    (root / "etc" / "nexara" / "device.pem").write_text("certificate")
    assert "nexara-edge starts with the machine" in install(kit, root).stdout
    assert not (secrets / "enrol.token").exists()
