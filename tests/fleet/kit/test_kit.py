"""How kits are made: which wheels, the same bytes each time, and what is wrong with an order."""

from __future__ import annotations

import shutil
import stat
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from fleet.kit.errors import KitError
from fleet.kit.secret import read_secrets
from fleet.kit.target import Target
from fleet.kit.wheel import Wheel
from fleet.kit.wheelhouse import MissingWheelsError, Wheelhouse
from models.command_line import main
from tests.fleet.kit.small_kit import INTERPRETER, UPDATES, Workshop, contents, make_root, make_wheel

ARM = Target("arm64", "3.10")
FALLBACK = '[[mqtt.fallback]]\nhost = "other.local"\n[mqtt.fallback.tls]\n'


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.xz", ".tar.zst"])
def test_same_inputs_give_the_same_bytes(workshop: Workshop, tmp_path: Path, suffix: str) -> None:
    if suffix == ".tar.zst" and shutil.which("zstd") is None:
        pytest.skip("no zstd here; install the Debian package zstd")
    paths = [tmp_path / f"{name}{suffix}" for name in ("one", "other")]
    for path in paths:
        assert main(workshop.arguments("--out", str(path))) == 0
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert stat.S_IMODE(paths[0].stat().st_mode) == 0o600
    listed = subprocess.run(["tar", "-tf", str(paths[0])], capture_output=True, text=True, check=True).stdout
    assert "nexara-kit/install.sh" in listed.splitlines()
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith(".")} == set()


def test_secrets_are_for_root_alone_and_the_authority_keeps_its_key(
    workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.make("kit")
    assert "It holds secrets of this device" in capsys.readouterr().out
    with tarfile.open(tmp_path / "kit.tar") as archive:
        modes = {entry.name.rpartition("/")[2]: entry.mode for entry in archive if "/credentials" in entry.name}
        assert {(entry.uid, entry.gid, entry.uname) for entry in archive} == {(0, 0, "root")}
    assert {name: mode for name, mode in modes.items() if name != "credentials.conf"} == {
        "credentials": 0o700, "mqtt": 0o600, "device.key": 0o600
    }  # fmt: skip
    key = (tmp_path / "ca" / "ca.key").read_bytes().splitlines()[1]
    assert not any(key in path.read_bytes() for path in (tmp_path / "kit").rglob("*") if path.is_file())


def test_kit_is_written_straight_into_a_root_file_system(workshop: Workshop, tmp_path: Path) -> None:
    root = make_root(tmp_path)
    assert main(workshop.arguments("--rootfs", str(root))) == 0
    assert "opt/nexara" in contents(root)
    (root / INTERPRETER.lstrip("/")).unlink()
    assert main(workshop.arguments("--rootfs", str(root))) == 2


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('device = "{device}"', 'device = "gate-7"', 'device: found \'gate-7\', but the kit is of \'gate-1\''),
        ("/opt/nexara/bundles/tiny", "/srv/tiny", "bundle.path: found '/srv/tiny.nexara'; a kit puts it at"),
        ('"credential:mqtt"', '"file:/etc/mqtt"', "mqtt.password: found 'file:/etc/mqtt', which the service may not"),
        ('"credential:device.key"', '"/etc/nexara/device.key"', "mqtt.tls.key: found '/etc/nexara/device.key'"),
        ('trusted_keys = ["/etc/nexara/keys"]', "", "trusted_keys: missing"),
        ('"scene:yard"', '"scene:yard"\npassword = "credential:yard"', "found a password but no user"),
        ('"scene:yard"', '"rtsp://u@h/s"\npassword = "credential:yard"', "add --secret yard=FILE"),
        ('"scene:yard"', '"scene:yard"\nalert = 0.1\nclear = 0.9', "clear"),
        ('username = "{device}"\npassword = "credential:mqtt"', "", "found the secret mqtt, which"),
        ("[spool]", '[updates]\ndirectory = "/srv/bundles"\n[spool]', "updates.directory: found '/srv/bundles'"),
        ("[spool]", UPDATES + 'ca = "/etc/ssl/own.pem"\n[spool]', "updates.ca: found '/etc/ssl/own.pem'; a kit puts"),
        ("/var/lib/nexara-edge", "/srv/spool", "spool.directory: found '/srv/spool'; the service may write below"),
        ("[spool]", '[clips]\ndirectory = "/srv/clips"\n[spool]', "clips.directory: found '/srv/clips'; the service"),
        ("[spool]", FALLBACK + 'ca = "/etc/other.pem"\n[spool]', "mqtt.fallback[0].tls.ca: found '/etc/other.pem'"),
    ],
)  # fmt: skip
def test_configuration_that_would_not_work_on_the_device_is_told(
    workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, text: str
) -> None:
    written = workshop.config.read_text()
    assert old in written
    workshop.config.write_text(written.replace(old, new))
    assert main(workshop.arguments("--out", str(tmp_path / "kit.tar"))) == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / "kit.tar").exists()


@pytest.mark.parametrize("table", [FALLBACK, UPDATES], ids=["fallback", "updates"])
def test_authority_comes_with_whatever_table_names_it(workshop: Workshop, table: str) -> None:
    config = workshop.config.read_text()
    begin, end = config.index("[mqtt.tls]"), config.index("[spool]")
    workshop.config.write_text(f'{config[:begin]}{table}ca = "/etc/nexara/ca.pem"\n{config[end:]}')
    kit = workshop.make("kit")
    assert (kit / "root/etc/nexara/ca.pem").read_bytes() == (workshop.folder / "ca" / "ca.pem").read_bytes()


def test_certificate_is_issued_for_a_fallback_alone(workshop: Workshop) -> None:
    config = workshop.config.read_text()
    workshop.config.write_text(config.replace("[mqtt.tls]\n", FALLBACK))
    assert (workshop.make("kit") / "root/etc/nexara/device.pem").is_file()
    assert (workshop.make("enrolling", "--enrol", "https://10.0.0.2:8443") / "root/etc/nexara/enrol.env").is_file()


def test_device_that_could_not_enrol_gets_no_kit_for_it(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    workshop.config.write_text(workshop.config.read_text().replace('ca = "/etc/nexara/ca.pem"\n', ""))
    assert main(workshop.arguments("--enrol", "https://10.0.0.2:8443", "--out", str(workshop.folder / "kit.tar"))) == 2
    assert "has no ca beside mqtt.tls.certificate" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--out", "kit.rar"], "kit.rar: allowed are names that end in .tar.zst"),
        (["--device", "pi", "--target", "amd64", "--out", "kit.tar"], "--target: found amd64; a pi is arm64"),
        (["--python", "3.12", "--interpreter", "python3", "--out", "kit.tar"], "--interpreter: found 'python3'"),
        (["--secret", "yard", "--out", "kit.tar"], "--secret: found 'yard'; allowed is NAME=FILE"),
        (["--secret", "yard=/nowhere", "--out", "kit.tar"], "--secret yard: /nowhere: cannot be read"),
        (["--device-name", "a/b", "--out", "kit.tar"], "device: found 'a/b'; allowed are"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value[:2]),
)
def test_order_that_cannot_be_met_is_told(
    workshop: Workshop,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    text: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(workshop.arguments(*words)) == 2
    assert text in capsys.readouterr().err


OPERATOR = """[commands]
allow = ["ping"]
[[commands.operator]]
name = "ana"
key = "credential:ana"
[spool]"""


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        (b"", "found 0 byte(s); an operator's key has 16 or more, since fewer can be tried out"),
        (b"fifteen bytes..\n", "found 15 byte(s); an operator's key has 16 or more"),
        (b"sixteen bytes...\n", None),
    ],
    ids=["empty", "short", "enough"],
)
def test_key_that_no_device_would_take_is_in_no_kit(
    workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str], secret: bytes, text: str | None
) -> None:
    workshop.config.write_text(workshop.config.read_text().replace("[spool]", OPERATOR))
    (tmp_path / "ana.key").write_bytes(secret)
    words = ["--secret", f"ana={tmp_path / 'ana.key'}", "--out", str(tmp_path / "kit.tar")]
    assert main(workshop.arguments(*words)) == (0 if text is None else 2)
    assert f"--secret ana: {tmp_path / 'ana.key'}: {text}" in capsys.readouterr().err or text is None
    assert (tmp_path / "kit.tar").exists() is (text is None)


@pytest.mark.parametrize("secret", [b"", b"\n", b"\r\n", b"\xff\xfe"], ids=["empty", "line", "lines", "no text"])
def test_secret_that_is_none_is_refused(tmp_path: Path, secret: bytes) -> None:
    (tmp_path / "yard").write_bytes(secret)
    with pytest.raises(KitError, match=f"--secret yard: {tmp_path / 'yard'}: found .*; write the secret"):
        read_secrets([f"yard={tmp_path / 'yard'}"], ())
    (tmp_path / "yard").write_bytes(b"short\n")
    assert read_secrets([f"yard={tmp_path / 'yard'}"], ()) == {"yard": b"short\n"}


def test_wheels_are_chosen_for_the_device_and_not_for_this_machine(tmp_path: Path) -> None:
    needs = ['reader>=2; python_version < "3.11"', "engine>=1,<3", 'never; platform_machine == "x86_64"']
    make_wheel(tmp_path, "nexaravision", "1.0", [*needs, 'figures; extra == "metrics"'])
    for version, tag in (("2.1", "cp310-cp310-manylinux_2_28_aarch64"), ("2.1", "cp310-cp310-manylinux_2_28_x86_64"),
                         ("2.2", "cp311-cp311-manylinux_2_28_aarch64"), ("2.0", "cp37-abi3-manylinux2014_aarch64"),
                         ("3.0", "py3-none-any"), ("2.3", "cp310-cp310-manylinux_2_38_aarch64")):  # fmt: skip
        make_wheel(tmp_path, "engine", version, tag=tag)
    make_wheel(tmp_path, "reader", "2.0", ["engine<2.1"])
    chosen = {wheel.name: wheel.path.name for wheel in Wheelhouse(tmp_path, ARM).choose(())}
    assert set(chosen) == {"nexaravision", "reader", "engine"}
    assert chosen["engine"] == "engine-2.0-cp37-abi3-manylinux2014_aarch64.whl"
    with pytest.raises(MissingWheelsError, match=r"no wheel for Python 3.10 on arm64 of figures; put them there"):
        Wheelhouse(tmp_path, ARM).choose(("metrics",))
    assert {wheel.name for wheel in Wheelhouse(tmp_path, Target("arm64", "3.11")).choose(())} == {
        "nexaravision", "engine"
    }  # fmt: skip


@pytest.mark.parametrize("name", ["../outside.py", "/outside.py"])
def test_wheel_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    path = make_wheel(tmp_path, "evil", "1.0")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "")
    with pytest.raises(KitError, match="leads out of it"):
        Wheel.at(path).unpack(tmp_path / "a" / "b")


def test_file_that_is_no_wheel_is_told(tmp_path: Path) -> None:
    (tmp_path / "a-1-py3-none-any.whl").write_text("not a zip")
    with pytest.raises(KitError, match="not a wheel"):
        Wheel.at(tmp_path / "a-1-py3-none-any.whl").requirements()
    with pytest.raises(KitError, match="a wheel is called"):
        Wheel.at(tmp_path / "a.whl")
