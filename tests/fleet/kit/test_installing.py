"""``install.sh`` in root file systems of which little is there: what it refuses, leaves alone, and survives."""

from __future__ import annotations

import hashlib
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from fleet.kit.target import ELF_MACHINES
from tests.fleet.kit.small_kit import INTERPRETER, OTHER, PYTHON, UPDATES, Workshop, contents, install, make_root

UNITS = "etc/systemd/system"
# Each counts itself, and the one whose turn it is ends the script that runs it, as a power cut would.
CUTTING = """#!/bin/sh
printf x >>"{count}"
[ "$(wc -c <"{count}")" != "$(cat "{turn}")" ] || kill -9 "$PPID"
exec {program} "$@"
"""
BARE = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
TOUCHING = ("cp", "mv", "ln", "rm", "mkdir", "chmod", "chown", "sync")


def releases(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "opt" / "nexara-edge").iterdir() if path.is_dir())


def agent(root: Path) -> str:
    """What the installed agent says."""
    command = [root / "opt" / "nexara" / "bin" / "nexara-edge"]
    return subprocess.run(command, cwd="/", env=BARE, capture_output=True, text=True, check=True).stdout.strip()


def test_kit_lays_out_what_the_device_needs_and_nothing_of_the_workshop(workshop: Workshop, tmp_path: Path) -> None:
    root = make_root(tmp_path)
    done = install(workshop.make("kit"), root)
    assert done.returncode == 0, done.stderr
    assert "nexara-edge starts with the machine" in done.stdout
    assert agent(root) == "agent 0.1.0"
    there = set(contents(root))
    release = f"opt/nexara-edge/{releases(root)[0]}"
    assert {f"{release}/bundles/tiny.nexara", f"{release}/lib/python{PYTHON}/site-packages/inference.py"} <= there
    assert not any("/builder/" in name for name in there)
    assert {name for name in there if name.startswith("etc/nexara/")} - {f"etc/nexara/{one}" for one in (
        "edge.toml", "ca.pem", "device.pem", "credentials/mqtt", "credentials/device.key"
    )} == {name for name in there if name.startswith("etc/nexara/keys/")}  # fmt: skip
    assert (root / "opt" / "nexara" / "bin" / "python").readlink() == Path(INTERPRETER)
    assert (root / UNITS / "multi-user.target.wants" / "nexara-edge.service").exists()
    loaded = (root / UNITS / "nexara-edge.service.d" / "credentials.conf").read_text()
    assert "LoadCredential=\nLoadCredential=device.key:/etc/nexara/credentials/device.key\n" in loaded
    secrets = root / "etc" / "nexara" / "credentials"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (secrets, *secrets.iterdir())}
    assert modes == {"credentials": 0o700, "mqtt": 0o600, "device.key": 0o600}


def test_installing_again_changes_nothing(workshop: Workshop, tmp_path: Path) -> None:
    root, kit = make_root(tmp_path), workshop.make("kit")
    assert install(kit, root).returncode == 0
    before = contents(root)
    done = install(kit, root)
    assert done.returncode == 0
    assert "is there already" in done.stdout
    assert contents(root) == before


def test_upgrade_keeps_the_release_before_and_what_was_changed_on_the_device(
    workshop: Workshop, tmp_path: Path
) -> None:
    root = make_root(tmp_path)
    install(workshop.make("kit"), root)
    mine = root / "etc" / "nexara" / "edge.toml"
    mine.write_text(mine.read_text() + "# by hand\n")
    first = releases(root)[0]
    workshop.config.write_text(workshop.config.read_text().replace("broker.local", "10.0.0.2"))
    done = install(workshop.upgrade("0.2.0"), root)
    assert "/etc/nexara/edge.toml was changed here and stays" in done.stdout
    assert mine.read_text().endswith("# by hand\n")
    assert "10.0.0.2" in mine.with_name("edge.toml.new").read_text()
    assert agent(root) == "agent 0.2.0"
    assert first in releases(root)
    install(workshop.upgrade("0.3.0"), root)
    assert [name.partition("-")[0] for name in releases(root)] == ["0.2.0", "0.3.0"]


def test_upgrade_takes_away_what_an_earlier_kit_brought_and_it_does_not(workshop: Workshop, tmp_path: Path) -> None:
    root = make_root(tmp_path)
    install(workshop.make("kit", "--drop-in", "v4l2"), root)
    drop_in = root / UNITS / "nexara-edge.service.d" / "v4l2.conf"
    assert drop_in.exists()
    install(workshop.make("other"), root)
    assert not drop_in.exists()
    assert agent(root) == "agent 0.1.0"


def test_device_that_looks_for_bundles_itself_has_a_timer_for_as_long_as_its_kit_says_so(
    workshop: Workshop, tmp_path: Path
) -> None:
    root, plain = make_root(tmp_path), workshop.config.read_text()
    workshop.config.write_text(plain.replace("[spool]", UPDATES + "[spool]"))
    assert install(workshop.make("looking", "--drop-in", "v4l2"), root).returncode == 0
    enabled = root / UNITS / "timers.target.wants" / "nexara-edge-update.timer"
    assert enabled.resolve() == root / UNITS / "nexara-edge-update.timer"
    assert (root / UNITS / "nexara-edge-update.service.d" / "v4l2.conf").exists()
    workshop.config.write_text(plain)
    assert install(workshop.make("resting"), root).returncode == 0
    assert not enabled.is_symlink()
    assert not list((root / UNITS).glob("nexara-edge-update*/*"))
    workshop.config.write_text(plain.replace("[spool]", UPDATES + "[spool]"))
    assert install(workshop.make("again"), root).returncode == 0
    assert install(workshop.folder / "again" / "nexara-kit", root, "--uninstall").returncode == 0
    assert not list((root / UNITS).rglob("nexara-edge*"))


def test_upgrade_that_is_cut_at_any_step_leaves_a_whole_agent_and_can_be_done_again(
    workshop: Workshop, tmp_path: Path
) -> None:
    """Every program that touches a file is killed before it does, one after another, with the script that ran it."""
    old, new = workshop.make("kit"), workshop.upgrade("0.2.0")
    before = make_root(tmp_path)
    install(old, before)
    count, turn = tmp_path / "count", tmp_path / "turn"
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in TOUCHING:
        (programs / name).write_text(CUTTING.format(count=count, turn=turn, program=shutil.which(name)))
        (programs / name).chmod(0o755)
    seen = set()
    for step in range(1, 100):
        root = Path(shutil.copytree(before, tmp_path / f"cut-{step}", symlinks=True))
        count.write_text("")
        turn.write_text(str(step))
        done = install(new, root, path=str(programs))
        said = agent(root)
        assert said in {"agent 0.1.0", "agent 0.2.0"}, f"step {step}"
        seen.add(said)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert install(new, root).returncode == 0
        assert agent(root) == "agent 0.2.0"
        shutil.rmtree(root)
    assert step > 10
    assert seen == {"agent 0.1.0", "agent 0.2.0"}


def test_damaged_release_is_replaced(workshop: Workshop, tmp_path: Path) -> None:
    root, kit = make_root(tmp_path), workshop.make("kit")
    install(kit, root)
    (
        root / "opt" / "nexara" / "lib" / f"python{PYTHON}" / "site-packages" / "edge_agent" / "command_line.py"
    ).write_text("")
    assert "is damaged and is replaced" in install(kit, root).stdout
    assert agent(root) == "agent 0.1.0"


def test_uninstalling_leaves_configuration_and_purging_does_not(workshop: Workshop, tmp_path: Path) -> None:
    root = make_root(tmp_path)
    bare = contents(root)
    install(workshop.make("kit"), root)
    script = root / "opt" / "nexara-edge"
    done = install(script, root, "--uninstall")
    assert done.returncode == 0, done.stderr
    left = {name for name in contents(root) if name not in bare}
    assert left
    assert all(name.startswith("etc/nexara/") for name in left)
    install(workshop.folder / "kit" / "nexara-kit", root)
    assert install(script, root, "--uninstall", "--purge").returncode == 0
    assert contents(root) == bare


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("other processor", f"is a program of another processor (ELF {ELF_MACHINES[OTHER]})"),
        ("no python", f"{INTERPRETER} is not there (found: python3.7)"),
        ("damaged", "the kit is damaged: root/etc/nexara/edge.toml"),
        ("file added", "the kit has files that it does not list"),
        ("file missing", "the kit is damaged"),
        ("by hand", "/opt/nexara is a folder, of an installation by hand"),
        ("group", "there is no group render, which a drop-in wants"),
    ],
)
def test_kit_that_does_not_fit_is_refused_and_nothing_is_changed(
    workshop: Workshop, tmp_path: Path, fault: str, text: str
) -> None:
    kit = workshop.make("kit", *(["--drop-in", "vaapi"] if fault == "group" else []))
    root = make_root(tmp_path)
    interpreter = root / INTERPRETER.lstrip("/")
    if fault == "no python":
        interpreter.unlink()
        (root / "usr" / "bin").mkdir(parents=True, exist_ok=True)
        (root / "usr" / "bin" / "python3.7").touch()
    elif fault == "other processor":
        interpreter.unlink()
        interpreter.write_bytes(b"\x7fELF".ljust(18, b"\0") + bytes.fromhex(ELF_MACHINES[OTHER]))
    elif fault == "damaged":
        (kit / "root" / "etc" / "nexara" / "edge.toml").write_text("site")
    elif fault == "file added":
        (kit / "root" / "etc" / "cron.conf").write_text("")
    elif fault == "file missing":
        (kit / "root" / "etc" / "nexara" / "ca.pem").unlink()
    elif fault == "by hand":
        (root / "opt" / "nexara" / "bin").mkdir(parents=True)
    before = contents(root)
    done = install(kit, root)
    assert done.returncode == 1
    assert text in done.stderr
    assert contents(root) == before


def test_mounted_root_whose_folders_lead_out_of_it_is_refused(workshop: Workshop, tmp_path: Path) -> None:
    kit, host = workshop.make("kit"), tmp_path / "host"
    host.mkdir()
    for place in ("opt", "etc/nexara/credentials", f"{UNITS}/nexara-edge.service.d", "var/lib"):
        root = make_root(tmp_path / place.replace("/", "-"))
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).symlink_to(host)
        before = contents(root)
        for words in ((), ("--uninstall", "--purge")):
            done = install(kit, root, *words)
            assert done.returncode == 1
            assert f"leads out of {root}, to {host}" in done.stderr
            assert (contents(root), list(host.iterdir())) == (before, [])
        (root / place).unlink()
        (root / place).with_name("elsewhere").mkdir()
        (root / place).symlink_to("elsewhere")
        assert install(kit, root).returncode == 0


def test_files_that_lead_out_of_a_mounted_root_are_replaced_and_not_followed(
    workshop: Workshop, tmp_path: Path
) -> None:
    root, kit, host = make_root(tmp_path), workshop.make("kit"), tmp_path / "host"
    install(kit, root)
    (host / "folder").mkdir(parents=True)
    (host / "file").write_text("of the host")
    before = contents(host)
    base, nexara = root / "opt" / "nexara-edge", root / "etc" / "nexara"
    for link, target in ((nexara / "edge.toml", "folder"), (nexara / "edge.toml.part", "folder"),
                         (nexara / "ca.pem", "file"), (nexara / "ca.pem.new.part", "file"),
                         (base / "install.sh", "file"), (base / "installed.sha256.part", "file"),
                         (base / ".making", "folder"), (root / "opt" / "nexara.new", "folder"),
                         (root / UNITS / "multi-user.target.wants" / "nexara-edge.service", "file")):  # fmt: skip
        link.unlink(missing_ok=True)
        link.symlink_to(host / target)
    sums = (base / "installed.sha256").read_text()
    for name in ("etc/systemd/../../../host/file", "../host/file", "etc/systemd/elsewhere/file"):
        sums += f"{hashlib.sha256(b'of the host').hexdigest()}  {name}\n"
    (base / "installed.sha256").write_text(sums)
    (root / "etc" / "systemd" / "elsewhere").symlink_to(host)
    newer = workshop.upgrade("0.2.0")
    done = install(newer, root)
    assert done.returncode == 0, done.stderr
    assert agent(root) == "agent 0.2.0"
    assert contents(host) == before
    (base / "installed.sha256").write_text(sums)
    assert install(newer, root, "--uninstall", "--purge").returncode == 0
    assert contents(host) == before


def test_purging_does_not_follow_what_the_agent_laid_into_its_own_folder(workshop: Workshop, tmp_path: Path) -> None:
    root, kit, host = make_root(tmp_path), workshop.make("kit"), tmp_path / "host"
    install(kit, root)
    (host / "folder").mkdir(parents=True)
    (host / "folder" / "file").write_text("of the host")
    before = contents(host)
    for place in ("lib", "cache"):
        own = root / "var" / place / "private" / "nexara-edge"
        own.mkdir(parents=True)
        (root / "var" / place / "nexara-edge").symlink_to("private/nexara-edge")
        (own / "folder").symlink_to(host / "folder")
        (own / "file").symlink_to(host / "folder" / "file")
    assert install(kit, root, "--uninstall", "--purge").returncode == 0
    assert contents(host) == before
    assert [path.name for path in (root / "var").rglob("*")].count("nexara-edge") == 0


@pytest.mark.parametrize(
    ("words", "text"),
    [(["--rooot"], "unknown option '--rooot'"), (["--purge"], "--purge goes with --uninstall"),
     (["--root"], "--root: '' is no folder")],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)  # fmt: skip
def test_script_says_what_it_does_not_understand(
    workshop: Workshop, tmp_path: Path, words: list[str], text: str
) -> None:
    done = install(workshop.make("kit"), make_root(tmp_path), *words)
    assert done.returncode == 1
    assert text in done.stderr
