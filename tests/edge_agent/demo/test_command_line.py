"""The demo as a person or a continuous integration starts it: a process of its own, from start to exit code."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from models.signing import sign

ROOT = Path(__file__).parents[3]
ALARMS_AT_NOTHING = {"wake": 1.0, "alert": 1.0, "clear": 1.0}


def command(bundle: Path, key_folder: Path, *arguments: str) -> list[str]:
    trust = ["--bundle", str(bundle), "--key", str(key_folder / "public.pem")]
    return [sys.executable, "-m", "models.command_line", "demo", *trust, *arguments]


def set_thresholds(bundle: Path, thresholds: dict[str, float], key: ec.EllipticCurvePrivateKey) -> Path:
    manifest = bundle / "manifest.json"
    document = json.loads(manifest.read_text())
    document["calibration"]["thresholds"] = thresholds
    manifest.write_text(json.dumps(document))
    sign(bundle, key)
    return bundle


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=90)


@pytest.mark.slow
def test_headless_demo_ends_with_0_when_the_released_bundle_sees_the_fight() -> None:
    if not any((ROOT / "models" / "released").glob("*")):
        pytest.skip("no bundle has been released yet")
    shown = run([sys.executable, "-m", "models.command_line", "demo", "--headless"])
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert re.search(r"ready in \d", shown.stdout)
    assert "mqtt camera/yard/incident: started" in shown.stdout
    assert shown.stdout.splitlines()[-1].startswith("passed: incident on yard, ")


@pytest.mark.slow
def test_headless_demo_ends_with_1_and_a_reason_when_no_incident_comes(
    bundle_copy: Path, key_folder: Path, signing_key: ec.EllipticCurvePrivateKey
) -> None:
    bundle = set_thresholds(bundle_copy, ALARMS_AT_NOTHING, signing_key)
    shown = run(command(bundle, key_folder, "--headless", "--seconds", "12"))
    assert shown.returncode == 1, shown.stdout + shown.stderr
    assert shown.stdout.splitlines()[-1] == "failed: the fight on yard raised no incident; no false alarm"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--bundle", "nowhere.nexara"], "nexara: nowhere.nexara: no bundle there"),
        (["--seed", "-1"], "'-1' found, a whole number from 0"),
        (["--seconds", "0"], "'0' found, a number of seconds above 0"),
        (["--seconds", "soon"], "'soon' found, a number of seconds above 0"),
        (["--loud"], "unrecognized arguments: --loud"),
    ],
)
def test_demo_ends_with_2_and_one_clear_line_when_it_cannot_start(arguments: list[str], reason: str) -> None:
    shown = run([sys.executable, "-m", "models.command_line", "demo", "--headless", *arguments])
    assert shown.returncode == 2
    assert reason in shown.stderr.splitlines()[-1]
    assert "Traceback" not in shown.stderr


def test_demo_refuses_a_bundle_when_its_key_is_not_trusted(bundle_copy: Path) -> None:
    shown = run([sys.executable, "-m", "models.command_line", "demo", "--headless", "--bundle", str(bundle_copy)])
    assert shown.returncode == 2
    assert len(shown.stderr.splitlines()) == 1


@pytest.mark.slow
def test_demo_ends_in_silence_when_nobody_reads_its_lines(bundle_copy: Path, key_folder: Path) -> None:
    with subprocess.Popen(
        command(bundle_copy, key_folder), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        demo.stdout.close()
        _, complaints = demo.communicate(timeout=30)
    assert demo.returncode == 128 + signal.SIGPIPE
    assert "Traceback" not in complaints


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_live_demo_gives_the_terminal_back_when_it_is_told_to_end(
    bundle_copy: Path, key_folder: Path, number: signal.Signals, code: int
) -> None:
    """On a real pseudo-terminal: alternate screen entered and left, cursor hidden and shown again."""
    primary, secondary = pty.openpty()
    with subprocess.Popen(
        command(bundle_copy, key_folder),
        cwd=ROOT,
        stdin=secondary,
        stdout=secondary,
        stderr=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"},
    ) as demo:
        os.close(secondary)
        shown = read_until(primary, b"ready in", demo)
        demo.send_signal(number)
        shown += read_until(primary, None, demo)
    os.close(primary)
    assert demo.returncode == code
    assert (shown.count(b"\x1b[?1049h"), shown.count(b"\x1b[?1049l")) == (1, 1)
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l")


def read_until(terminal: int, wanted: bytes | None, demo: subprocess.Popen[bytes]) -> bytes:
    """What the terminal received until ``wanted`` came, or until the program has ended."""
    received = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                received += os.read(terminal, 65536)
            except OSError:  # Linux: the other end is closed and everything was read
                return received
        elif demo.poll() is not None:
            return received
        if wanted is not None and wanted in received:
            return received
    pytest.fail(f"the demo showed no {wanted!r} within 60 s")
