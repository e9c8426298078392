"""``nexara-edge bundle`` as an installer types it, and an agent that has a bundle on trial."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from edge_agent.bundles.record import Record, current, put_on_trial
from edge_agent.bundles.shelf import Shelf, digest_of
from edge_agent.command_line import main
from models.bundle import MANIFEST, open_bundle, pack
from models.signing import sign
from models.trust import TrustStore
from tests.edge_agent.delivery.mosquitto import make_private_ca
from tests.edge_agent.http_server import http_server
from tests.ports import free_port

TEMPORARY = os.EX_TEMPFAIL
CONFIG = """
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
[updates]
directory = "bundles"
window_s = 0.5
silence_s = {silence_s}
[[camera]]
id = "yard"
source = "scene:yard?seed=3&fight=none&duration=2&fps=10&size=160x96&people=1&loop=1"
"""


@pytest.fixture
def config(tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path) -> Path:
    path = tmp_path / "edge.toml"
    text = CONFIG.format(bundle=tiny_bundle_directory, key=key_folder / "public.pem", port=free_port(), silence_s=60)
    path.write_text(text)
    return path


@pytest.fixture
def other(tmp_path: Path, tiny_bundle_directory: Path) -> Path:
    """The tiny bundle as another file."""
    return pack(tiny_bundle_directory, tmp_path / "other.nexara")


def bundle(config: Path, *arguments: str) -> int:
    return main(["bundle", *arguments, "--config", str(config)])


def shelf(config: Path) -> Shelf:
    return Shelf(config.parent / "bundles")


def run(config: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "edge_agent", "run", "--config", str(config)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def wait_for_line(agent: subprocess.Popen[str], words: str) -> None:
    assert agent.stderr is not None
    assert any(words in line for line in agent.stderr), f"never said: {words}"


def test_an_installed_bundle_is_on_trial_and_kept_by_the_agent_that_judges_with_it(
    config: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bundle(config, "install", str(other)) == 0
    assert "passed its self-test on" in capsys.readouterr().out
    bundle(config, "list")
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == ["kept", "on"]
    assert listed[1].endswith("0 start(s) so far")
    agent = run(config)
    wait_for_line(agent, "has proved itself and is kept")
    agent.terminate()
    assert agent.wait(20) == 0
    record = shelf(config).read()
    assert (record.trial, record.kept) == (None, current(record))
    assert record.kept is not None
    bundle(config, "list")
    assert capsys.readouterr().out.startswith("in use     tiny ")
    bundle(config, "rollback")
    assert "the configuration's bundle" in capsys.readouterr().out
    assert current(shelf(config).read()) is None
    bundle(config, "rollback")
    assert "none to go back to" in capsys.readouterr().out


def test_an_agent_on_trial_without_an_engine_asks_to_be_started_again_and_has_the_bundle_of_before(
    config: Path, tiny_bundle_directory: Path, signing_key: ec.EllipticCurvePrivateKey, tmp_path: Path
) -> None:
    foreign = tmp_path / "foreign"
    shutil.copytree(tiny_bundle_directory, foreign)
    text = (foreign / MANIFEST).read_text()
    (foreign / MANIFEST).write_text(re.sub('"engine": "[a-z]+"', '"engine": "abacus"', text))
    sign(foreign, signing_key)
    shelf(config).add(pack(foreign, tmp_path / "foreign.nexara"), put_on_trial)
    agent = run(config)
    assert agent.wait(60) == TEMPORARY
    assert agent.stderr is not None
    assert "abacus" in agent.stderr.read()
    assert current(shelf(config).read()) is None
    agent = run(config)
    wait_for_line(agent, "connected")
    agent.terminate()
    assert agent.wait(20) == 0


def test_a_bundle_that_does_not_pass_is_not_installed(
    config: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray(other.read_bytes())
    content[len(content) // 2] ^= 1
    other.write_bytes(content)
    assert bundle(config, "install", str(other)) == 2
    assert str(other) in capsys.readouterr().err
    assert shelf(config).read() == Record()


def test_an_agent_that_is_killed_on_trial_again_and_again_ends_with_the_one_before(config: Path, other: Path) -> None:
    shelf(config).add(other, partial(put_on_trial, again=True))
    text = config.read_text().replace("window_s = 0.5", "window_s = 600")
    config.write_text(text)
    for _ in range(3):
        agent = run(config)
        wait_for_line(agent, "is on trial, start")
        agent.kill()
        agent.wait(20)
    agent = run(config)
    wait_for_line(agent, "watching 1 camera")
    agent.kill()
    agent.wait(20)
    record = shelf(config).read()
    assert current(record) is None
    assert "3 starts" in record.left[-1].reason


def test_a_bundle_is_fetched_over_https_and_put_on_trial(
    config: Path, other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identity, content = make_private_ca(tmp_path), other.read_bytes()

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    config.write_text(config.read_text().replace("[[camera]]", f'ca = "{identity.ca}"\n[[camera]]'))
    with http_server(answer, identity=identity) as port:
        url = f"https://127.0.0.1:{port}/violence.nexara"
        assert bundle(config, "install", url) == 2
        assert "tell it with --sha256" in capsys.readouterr().err
        assert bundle(config, "install", url, "--sha256", digest_of(other)) == 0
    assert current(shelf(config).read()) == digest_of(other)
    assert list(shelf(config).incoming.iterdir()) == []


def test_without_the_table_there_is_nothing_to_install_into(
    config: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = config.read_text()
    start, end = text.index("[updates]"), text.index("[[camera]]")
    config.write_text(text[:start] + text[end:])
    assert bundle(config, "install", str(other)) == 2
    assert "no [updates]" in capsys.readouterr().err


def test_doctor_and_bench_open_the_bundle_that_the_agent_would(
    config: Path, other: Path, key_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = shelf(config).add(other, put_on_trial)
    digest = current(record)
    assert digest is not None
    assert main(["bench", "--config", str(config), "--rounds", "1"]) == 0
    assert str(shelf(config).path_of(digest).with_suffix("")) in capsys.readouterr().out
    assert shelf(config).read() == record
    opened = open_bundle(shelf(config).path_of(digest), TrustStore.load([key_folder / "public.pem"]))
    assert opened.manifest.name == "tiny"


def test_doctor_tells_of_a_shelf_that_cannot_be_read_and_goes_on(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shelf(config).directory / "record.json").mkdir(parents=True)
    assert main(["doctor", "--config", str(config)]) == 1
    told = capsys.readouterr().out
    assert "record.json" in told
    assert "needed: a folder that can be written" in told
    assert "spool" in told


def test_a_bundle_whose_thresholds_no_longer_go_with_the_configuration_is_left_at_once(
    config: Path, other: Path
) -> None:
    shelf(config).add(other, put_on_trial)
    thresholds = open_bundle(other, TrustStore.load([], accept="untrusted")).manifest.calibration.thresholds
    # With clear alone above the bundles' alert, both contradict; the configuration's own then ends the start.
    text = config.read_text().replace("[[camera]]", f"[thresholds]\nclear = {thresholds.alert + 0.01}\n[[camera]]")
    config.write_text(text)
    agent = run(config)
    assert agent.wait(60) == 2
    assert agent.stderr is not None
    assert "clear = " in agent.stderr.read()
    record = shelf(config).read()
    assert current(record) is None
    assert "is above alert" in record.left[-1].reason


def test_a_missing_head_finder_is_not_the_bundles_fault(config: Path, other: Path, tmp_path: Path) -> None:
    record = shelf(config).add(other, put_on_trial)
    faces = f'[privacy]\nfaces = "blur"\ndetector = "{tmp_path / "none.onnx"}"\n[[camera]]'
    config.write_text(config.read_text().replace("[[camera]]", faces))
    agent = run(config)
    assert agent.wait(60) == 2
    assert current(shelf(config).read()) == current(record)


def test_only_one_at_a_time_fetches_and_installs(config: Path, other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with shelf(config).receiving():
        assert bundle(config, "install", str(other)) == 2
    assert "another bundle is being fetched" in capsys.readouterr().err
    assert bundle(config, "install", str(other)) == 0
