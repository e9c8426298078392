"""A real agent's process, looked into from outside: its metrics, its log and ``top``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_agent.command_line import main
from edge_agent.top.errors import TopError
from tests.edge_agent.delivery.listener import wait_for
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.edge_agent.metrics.scrape import scrape, url
from tests.ports import free_port

SCENE = "scene:yard?seed=3&duration=20&fps=10&size=160x90"


class Agent:
    """An agent's process, its configuration and its log."""

    def __init__(self, folder: Path, text: str, *arguments: str) -> None:
        self.port = free_port()
        config = folder / "edge.toml"
        config.write_text(text.replace("@METRICS@", str(self.port)))
        self._log = folder / "agent.log"
        command = [sys.executable, "-m", "edge_agent", "run", "--config", str(config), *arguments]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"})

    def log(self) -> str:
        return self._log.read_text()

    def until_judged(self, samples: int) -> None:
        wait_for(lambda: self._judged() >= samples, lambda: f"too few samples were judged; the log:\n{self.log()}")

    def _judged(self) -> float:
        assert self.process.poll() is None, self.log()
        try:
            return scrape(self.port).value("nexara_samples_judged_total", camera="yard")
        except TopError:
            return 0.0


@pytest.fixture
def text(tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path, broker: Mosquitto) -> str:
    """A configuration that calls everything of ``yard`` an incident; ``gone`` has a password and is not there."""
    (tmp_path / "gone.password").write_text("s3cret\n")
    return f"""
site = "school"
device = "gate"
[bundle]
path = "{tiny_bundle_directory}"
trusted_keys = ["{key_folder / "public.pem"}"]
[mqtt]
host = "127.0.0.1"
port = {broker.port}
[spool]
directory = "spool"
[thresholds]
wake = 0.0
alert = 0.0
clear = 0.0
[metrics]
listen = "127.0.0.1:@METRICS@"
[[camera]]
id = "yard"
source = "{SCENE}"
loop = true
[[camera]]
id = "gone"
source = "rtsp://viewer@127.0.0.1:1/stream"
password = "file:{tmp_path}/gone.password"
"""


@contextmanager
def running(folder: Path, text: str, *arguments: str) -> Iterator[Agent]:
    agent = Agent(folder, text, *arguments)
    try:
        yield agent
        agent.process.terminate()
        assert agent.process.wait(60) == 0, agent.log()
    finally:
        agent.process.kill()


def test_a_running_agent_is_seen_by_metrics_top_and_log(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path, text, "--log-format", "json") as agent:
        agent.until_judged(10)
        wait_for(
            lambda: scrape(agent.port).value("nexara_messages_delivered_total") >= 2, "neither incident nor snapshot"
        )
        reading = scrape(agent.port)
        assert reading.value("nexara_incidents_started_total", camera="yard") == 1
        assert reading.value("nexara_broker_connected") == 1
        assert reading.value("nexara_stage_seconds_total", camera="", stage="answer") > 0
        for stage in ("commit", "publish"):
            assert reading.value("nexara_stage_cpu_seconds_total", camera="", stage=stage) > 0, stage
        assert main(["top", "--once", "--interval", "1", "--url", url(agent.port)]) == 0
    shown = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line.split() for line in shown if line}
    assert rows["yard"][1:3] == ["connected", "alert"]
    assert 0 < float(rows["yard"][4]) < 20
    assert rows["yard"][-1] == "1"
    assert rows["gone"][1] == "failed"
    assert "encode" in " ".join(rows["of"])
    assert rows["runtime"][1].startswith(("tflite", "onnx"))
    assert "connected," in rows["spool"]
    told = agent.log()
    assert "s3cret" not in told
    lines = [json.loads(line) for line in told.splitlines() if not line.startswith("INFO: ")]
    assert all(line.keys() >= {"time", "level", "logger", "message"} for line in lines)
    assert {line.get("camera") for line in lines} >= {"yard", "gone"}
    assert any("rtsp://***@127.0.0.1:1/stream" in line["message"] for line in lines)


def test_an_agent_watches_when_its_metrics_port_is_taken(tmp_path: Path, text: str, broker: Mosquitto) -> None:
    with running(tmp_path, text.replace("@METRICS@", str(broker.port))) as agent:
        wait_for(lambda: "camera yard: connected" in agent.log(), "not watching")
    assert "no metrics: cannot listen on" in agent.log()
    assert agent.log().count("\n") >= 3


def test_a_failure_to_start_is_an_object_too_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "edge.toml").write_text("sitee = 1\n")
    command = [sys.executable, "-m", "edge_agent", "run", "--log-format", "json", "--config"]
    ended = subprocess.run([*command, tmp_path / "edge.toml"], capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert "sitee: unknown key" in json.loads(line)["message"]


def test_doctor_warns_when_the_package_for_metrics_is_missing(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "edge.toml").write_text(text[: text.rindex("[[camera]]")].replace("@METRICS@", "9464"))
    assert main(["doctor", "--config", str(tmp_path / "edge.toml")]) == 0
    assert "ok       metrics" in capsys.readouterr().out
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "prometheus_client", raising=False)
    assert main(["doctor", "--config", str(tmp_path / "edge.toml")]) == 0
    assert "install nexaravision[metrics]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://127.0.0.1:1/metrics", "is the agent running, and does its edge.toml have [metrics]"),
        ("127.0.0.1:9464", "is no address; allowed is for example http://127.0.0.1:9464/metrics"),
        ("file:///etc/passwd", "is no address"),
        ("http:///metrics", "is the agent running"),
    ],
)
def test_top_says_what_to_do_when_nothing_answers(capsys: pytest.CaptureFixture[str], url: str, text: str) -> None:
    assert main(["top", "--once", "--url", url]) == 2
    told = capsys.readouterr().err
    assert told.startswith("nexara-edge: ")
    assert text in told
