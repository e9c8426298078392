"""``nexara-edge trace`` as its users type it: the agent's own parts on a drawn scene and a film, and a real broker."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from edge_agent.command_line import main
from edge_agent.incidents import IncidentPolicy
from edge_agent.trace.sample_trace import WAY
from models.bundle import Bundle
from tests.edge_agent.delivery.listener import Listener
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.edge_agent.plot import make_plot

SCENE = "scene:yard?seed=3&duration=20&fps=10&size=160x90"
ALWAYS = {"decode", "read", "shrink", "sample", "wait", "encode", "head", "decide"}


@pytest.fixture
def config(tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path, tiny: Bundle) -> Path:
    """A configuration that calls everything an incident; ``gone`` is not there."""
    film = make_plot(tiny, tmp_path).film(tmp_path / "film.mp4", ("fight", 6))
    path = tmp_path / "edge.toml"
    path.write_text(f"""
site = "school"
device = "gate"
[bundle]
path = "{tiny_bundle_directory}"
trusted_keys = ["{key_folder / "public.pem"}"]
[mqtt]
host = "127.0.0.1"
port = 1
[spool]
directory = "spool"
[thresholds]
wake = 0.0
alert = 0.0
clear = 0.0
[[camera]]
id = "gone"
source = "rtsp://viewer@127.0.0.1:1/stream"
password = "file:{tmp_path}/gone.password"
[[camera]]
id = "yard"
source = "{film}"
""")
    (tmp_path / "gone.password").write_text("s3cret\n")
    return path


def trace(folder: Path, *arguments: object) -> dict[str, Any]:
    kept = folder / "trace.json"
    assert main(["trace", "--json", str(kept), *map(str, arguments)]) == 0
    report = json.loads(kept.read_text())
    assert isinstance(report, dict)
    return report


def check(report: dict[str, Any]) -> None:
    """What holds for every trace: no stage is missing, and none is longer than all of them took."""
    for index, sample in enumerate(report["samples"]):
        stages = sample["stages_ms"]
        assert stages.keys() >= ALWAYS
        assert ("open" in stages) == (index == 0)
        assert all(figure >= 0 for figure in stages.values())
        assert sum(stages[stage] for stage in WAY if stage in stages) <= sample["total_ms"] * (1 + 1e-9)
        assert 0 < sample["latency_ms"] <= sample["total_ms"]
        assert sample["frames"] > 0
        assert sample["batch"] == 1
    assert report["medians_ms"].keys() >= {*ALWAYS, "open", "latency", "total"}


def test_trace_follows_each_sample_of_a_scene_through_every_stage(
    tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = key_folder / "public.pem"
    report = trace(
        tmp_path, "--bundle", tiny_bundle_directory, "--key", key, "--source", SCENE, "--samples", 4
    )  # fmt: skip
    check(report)
    assert len(report["samples"]) == 4
    # All frames of a source are read, in their order.
    times = [sample["source_s"] for sample in report["samples"]]
    assert times == sorted(times)
    frames = sum(sample["frames"] for sample in report["samples"])
    assert frames == pytest.approx(times[-1] * 10 + 1, abs=1)
    told = capsys.readouterr().out
    assert told.count("sample ") >= 4
    for stage in (*ALWAYS, "open", "total"):
        assert f"\n  {stage}" in told
    assert "median of 4 sample(s)" in told


def test_trace_follows_incidents_of_a_film_to_the_spool_and_leaves_the_agents_own_alone(
    tmp_path: Path, config: Path
) -> None:
    report = trace(tmp_path, "--config", config, "--camera", "yard", "--samples", 20)
    check(report)
    assert report["camera"] == "yard"
    told = [sample for sample in report["samples"] if "commit" in sample["stages_ms"]]
    assert told
    assert {"snapshot"} <= told[0]["stages_ms"].keys()
    assert all("publish" not in sample["stages_ms"] for sample in report["samples"])
    assert not (tmp_path / "spool").exists()


def test_trace_follows_incidents_to_a_broker_when_one_is_given(tmp_path: Path, config: Path, broker: Mosquitto) -> None:
    listener = Listener(broker.port)
    where = f"127.0.0.1:{broker.port}"
    report = trace(tmp_path, "--config", config, "--camera", "yard", "--samples", 20, "--broker", where)
    incident = json.loads(listener.until_topic("school/gate/camera/yard/incident")[0].payload)
    listener.close()
    check(report)
    number, started = next(
        (number, sample) for number, sample in enumerate(report["samples"]) if "snapshot" in sample["stages_ms"]
    )
    assert {"commit", "publish", "answer"} <= started["stages_ms"].keys()
    # An incident tells its level, which is smoothed.
    smoothed = [sample["probability"] for sample in report["samples"][: number + 1]][-IncidentPolicy().smoothing :]
    assert incident["probability"] == pytest.approx(median(smoothed))
    assert started["source_s"] == pytest.approx(incident["source_time_s"])


def test_trace_says_that_a_source_ended_before_enough_samples_came(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = trace(tmp_path, "--config", config, "--camera", "yard", "--samples", 900)
    assert 20 < len(report["samples"]) < 900
    assert "fewer than 900 samples: the source came to its end" in capsys.readouterr().out


def test_trace_names_the_reason_and_no_password_when_nothing_came(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trace", "--config", str(config)]) == 2
    told = capsys.readouterr().err
    assert "camera gone: not one sample was judged: rtsp://***@127.0.0.1:1/stream: cannot be opened" in told
    assert "s3cret" not in told


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--config", "@", "--camera", "attic"], "has no camera 'attic'; its cameras are gone, yard"),
        (["--config", "@", "--source", "a.mp4"], "give --config, and --camera where it is not the first, or --bundle"),
        (["--source", "a.mp4"], "give --config"),
        (["--config", "@", "--camera", "yard", "--json", "/proc/trace.json"], "/proc/trace.json: cannot be written"),
    ],
)
def test_trace_tells_what_is_wrong_with_what_was_asked(
    config: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    assert main(["trace", *(str(config) if one == "@" else one for one in arguments)]) == 2
    assert text in capsys.readouterr().err


def test_trace_ends_at_once_when_its_broker_is_not_there(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert main(["trace", "--config", str(config), "--camera", "yard", "--broker", f"127.0.0.1:{port}"]) == 2
    assert "Connection refused" in capsys.readouterr().err
