"""``nexara-edge`` as its users type it: real processes, a real bundle, a real video and a real broker."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
from pathlib import Path
from typing import Any

import av
import pytest

from edge_agent.camera_spec import CameraSpec
from edge_agent.command_line import main
from edge_agent.config import Settings
from edge_agent.cover import Cover
from edge_agent.run_command import filmed, redactions
from edge_agent.sources import explain_absence
from edge_agent.view import View
from tests import tiny_bundle
from tests.edge_agent.agent_process import set_port, start
from tests.edge_agent.delivery.listener import Heard, Listener, wait_for
from tests.edge_agent.delivery.mosquitto import Mosquitto

UNIT = Path(__file__).parents[2] / "systemd" / "nexara-edge.service"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_run_publishes_and_ends_cleanly_when_signalled(
    config: Path, broker: Mosquitto, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    listener = Listener(broker.port)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        agent = start(set_port(config, broker.port), NOTIFY_SOCKET=str(tmp_path / "notify"))
        told = [manager.recv(100), manager.recv(100)]
        first = json.loads(listener.until_topic("/incident")[0].payload)
        picture = listener.until_topic("/snapshot")[0]
        listener.until(lambda heard: any(b'"connected"' in one.payload for one in heard))
        listener.until_topic("/health")
        agent.send_signal(number)
        _, log = agent.communicate(timeout=60)
        while told[-1] == b"WATCHDOG=1":
            told.append(manager.recv(100))
    assert (agent.returncode, told[0], told[-1]) == (code, b"READY=1", b"STOPPING=1"), log
    heard = listener.until(lambda heard: any(b'"stopping"' in one.payload for one in heard))
    listener.close()
    assert (first["phase"], first["camera"], first["thresholds"]["alert"]) == ("started", "yard", 0.0)
    assert picture.payload.startswith(b"\xff\xd8")
    # The incident was in progress when the agent was told to stop, and so was its film.
    with av.open(str(tmp_path / "clips" / first["clip"])) as container:
        assert next(container.decode(video=0)).time == 0.0
    assert picture.user_properties["reference"] == first["snapshot"]
    assert {one.topic for one in heard if one.topic.endswith("/config")} == {
        f"homeassistant/device/nexara_school_gate{camera}/config" for camera in ("", "_yard")
    }
    states = [json.loads(one.payload)["incident"] for one in heard if one.topic.endswith("/state")]
    assert first["incident"] in states
    assert states[-1] is None
    statuses = [json.loads(one.payload) for one in heard if one.topic.endswith("/status")]
    assert [one["state"] for one in statuses][-1] == "stopping"
    assert statuses[-1]["runtime"]


RELOADED = (
    "thresholds.alert: found 1.5; allowed is a number from 0 to 1",
    "not reloaded: the configuration in force stays",
    "update_interval_s 3 -> 0.5 (all cameras)",
    "restart to apply: device",
)


def test_run_takes_new_thresholds_over_when_hung_up_and_keeps_the_old_when_the_file_is_wrong(
    config: Path, broker: Mosquitto, tmp_path: Path
) -> None:
    listener = Listener(broker.port)
    good = set_port(config, broker.port).read_text()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)

        def reload(text: str) -> None:
            config.write_text(text)
            agent.send_signal(signal.SIGHUP)
            for message in (b"RELOADING=1", b"READY=1"):
                while manager.recv(100) != message:
                    pass

        agent = start(config, NOTIFY_SOCKET=str(tmp_path / "notify"))
        listener.until_topic("/incident")
        reload(good.replace("alert = 0.0", "alert = 1.5"))
        reload(good.replace("loop = true", "loop = true\nupdate_interval_s = 0.5"))
        listener.until_topic("/incident", 2)
        strict = good.replace("alert = 0.0\nclear = 0.0", "alert = 1.0\nclear = 1.0").replace("gate", "hall")
        reload(strict.replace("loop = true", "loop = true\nend_hold_s = 0.5"))
        heard = listener.until(lambda heard: any(b'"ended"' in one.payload for one in heard))
        agent.terminate()
        _, log = agent.communicate(timeout=60)
    listener.close()
    steps = [json.loads(one.payload) for one in heard if one.topic.endswith("/incident")]
    assert [step["sequence"] for step in steps] == list(range(len(steps)))
    assert len({step["incident"] for step in steps}) == 1
    assert [step["phase"] for step in steps] == ["started", *["updated"] * (len(steps) - 2), "ended"]
    alerts = [step["thresholds"]["alert"] for step in steps]
    assert (alerts[:2], alerts[-1]) == ([0.0, 0.0], 1.0)
    assert alerts == sorted(alerts)
    assert {step["device"] for step in steps} == {"gate"}
    assert [line for line in RELOADED if line not in log] == []


def test_run_keeps_incidents_and_delivers_them_when_broker_comes_later(config: Path, tmp_path: Path) -> None:
    # The broker knows its listener from before, so that it keeps what the agent sends sooner than the listener is back.
    lines = ("allow_anonymous true", "persistence true", f"persistence_location {tmp_path}/")
    broker = Mosquitto(tmp_path, lines).start()
    listener = Listener(broker.port, durable=True)
    broker.stop()
    agent = start(set_port(config, broker.port))
    database = tmp_path / "spool" / "spool.sqlite-wal"
    wait_for(lambda: database.exists() and b'"phase":"started"' in database.read_bytes(), "nothing spooled", 60)
    broker.start()
    try:
        assert json.loads(listener.until_topic("/incident")[0].payload)["phase"] == "started"
    finally:
        agent.terminate()
        agent.communicate(timeout=60)
        listener.close()
        broker.stop()


def test_run_ends_the_incident_that_a_killed_run_left_open(config: Path, broker: Mosquitto) -> None:
    listener = Listener(broker.port)
    set_port(config, broker.port)
    killed = start(config)
    listener.until_topic("/incident")
    killed.kill()
    killed.communicate(timeout=60)
    agent = start(config)
    try:
        heard = listener.until(lambda heard: len(incidents(heard)) == 2)
    finally:
        agent.terminate()
        _, log = agent.communicate(timeout=60)
        listener.close()
    first, second = incidents(heard).values()
    assert [step["sequence"] for step in first] == list(range(len(first)))
    assert [step["phase"] for step in first] == ["started", *["updated"] * (len(first) - 2), "ended"]
    assert (first[-1]["reason"], first[-1]["ended_at"]) == ("interrupted", first[-2]["at"])
    assert [step["phase"] for step in second] == ["started"]
    assert f"incident {first[0]['incident']} was interrupted; it is ended" in log


def incidents(heard: list[Heard]) -> dict[str, list[dict[str, Any]]]:
    """The steps of each incident heard of, each step once."""
    steps = [
        json.loads(payload)
        for payload in dict.fromkeys(one.payload for one in heard if one.topic.endswith("/incident"))
    ]
    found: dict[str, list[dict[str, Any]]] = {}
    for step in steps:
        found.setdefault(step["incident"], []).append(step)
    return found


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("loop = true", "lop = true", "camera[0].lop: unknown key; did you mean 'loop'?"),
        ("trusted_keys", "# trusted_keys", "not trusted"),
        ('path = "', 'path = "/nowhere', "/nowhere"),
        ("[health]", '[runtime]\ntarget = "abacus"\n[health]', "no encoder for target 'abacus'"),
        ("clear = 0.0", "", "clear = "),
        ("port = @PORT@", 'port = 1\nusername = "a"\npassword = "file:/nowhere/mqtt"', "cannot read /nowhere/mqtt"),
    ],
)
def test_run_tells_the_fault_and_exits_with_2_when_it_cannot_start(
    config: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, text: str
) -> None:
    config.write_text(config.read_text().replace(old, new, 1))
    set_port(config, 1)
    assert main(["run", "--config", str(config)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("nexara-edge: ")
    assert text in told
    assert "Traceback" not in told


def test_run_exits_so_that_it_is_started_again_when_its_disk_may_come_back(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # A folder that takes no files, as a disk mounted read-only.
    config.write_text(config.read_text().replace('directory = "spool"', 'directory = "/proc/spool"'))
    code = main(["run", "--config", str(set_port(config, 1))])
    assert code == 75
    assert capsys.readouterr().err.count("nexara-edge: spool /proc/spool") == 1
    for_good = re.findall(r"^RestartPreventExitStatus=(.*)$", UNIT.read_text(), re.MULTILINE)
    assert for_good == ["2"]


def test_check_passes_when_configuration_is_valid(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", str(set_port(config, 1883))]) == 0
    assert "valid; 1 camera(s)" in capsys.readouterr().out


def test_check_passes_and_names_the_camera_that_this_machine_cannot_open(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if explain_absence("gstreamer:videotestsrc") is None:
        pytest.skip("this Python has PyGObject")
    config.write_text(re.sub('source = ".*"', 'source = "gstreamer:videotestsrc"', config.read_text()))
    assert main(["check", "--config", str(set_port(config, 1883))]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-1].startswith("camera yard cannot be opened on this machine: this Python has no PyGObject; install")


def test_check_and_run_name_the_missing_detector_of_faces(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = set_port(config, 1).read_text()
    config.write_text(text.replace("[clips]", '[privacy]\nfaces = "blur"\ndetector = "none.onnx"\n[clips]'))
    for command in ("check", "run"):
        assert main([command, "--config", str(config)]) == 2
        told = capsys.readouterr().err
        assert re.search(r"edge\.toml:\d+: privacy\.detector: .*none\.onnx: cannot be read: No such file", told), told


def test_check_and_doctor_count_a_walls_cells(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_port(config, 1).write_text(config.read_text() + 'grid = "2x3"\n')
    assert main(["check", "--config", str(config)]) == 0
    assert "valid; 6 camera(s)" in capsys.readouterr().out
    assert main(["doctor", "--config", str(config)]) == 1
    line = next(line for line in capsys.readouterr().out.splitlines() if "camera yard" in line)
    assert line.startswith("warning")
    assert "64x48" in line
    assert "6 cell(s), the smallest 21x24: too small" in line


def test_doctor_finds_everything_fine_when_it_is(
    config: Path, broker: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["doctor", "--json", "--config", str(set_port(config, broker.port))])
    report = json.loads(capsys.readouterr().out)
    outcomes = {finding["name"]: finding["outcome"] for finding in report["findings"]}
    assert (code, report["healthy"]) == (0, True), report
    for name in ("configuration", "bundle", "broker", "camera yard", "clips", "machine", "video decoding"):
        assert outcomes[name] == "ok", report
    details = {finding["name"]: finding["detail"] for finding in report["findings"]}
    assert details["camera yard"].endswith("decoded by software")


@pytest.mark.parametrize(
    ("old", "new", "name", "text"),
    [
        ("port = @PORT@", "port = 1", "broker", "Connection refused"),
        ('source = "file:', 'source = "file:/nowhere', "camera yard", "/nowhere"),
        ('path = "', 'path = "/nowhere', "bundle", "/nowhere"),
        ('directory = "spool"', 'directory = "/proc/spool"', "spool", "/proc/spool"),
        ('directory = "clips"', 'directory = "/proc/clips"', "clips", "/proc/clips"),
        ('directory = "clips"', 'directory = "edge.toml"', "clips", "Not a directory; give clips.directory a folder"),
        ('directory = "clips"', 'directory = "edge.toml/clips"', "clips", "Not a directory; give clips.directory"),
        ("loop = true", "lop = true", "configuration", "did you mean 'loop'?"),
        ("[clips]", '[privacy]\nfaces = "blur"\ndetector = "none.onnx"\n[clips]', "faces", "none.onnx: cannot be read"),
    ],
)
def test_doctor_names_the_fault_and_exits_with_1_when_something_is_missing(
    config: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, name: str, text: str
) -> None:
    config.write_text(config.read_text().replace(old, new, 1))
    assert main(["doctor", "--config", str(set_port(config, 1))]) == 1
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("failed") and name in line)
    assert text in line


def test_doctor_writes_to_no_spool_that_is_a_link(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "spool.sqlite").symlink_to(elsewhere)
    assert main(["doctor", "--config", str(set_port(config, 1))]) == 1
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("failed   spool"))
    assert "found a link" in line
    assert elsewhere.read_bytes() == b""


def test_doctor_warns_when_nothing_encodes_what_clips_hide(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.doctor.list_encoders", lambda: ())
    main(["doctor", "--config", str(set_port(config, 1))])
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("warning  clips"))
    assert "nothing here encodes H.264 (libx264, libopenh264, h264_v4l2m2m, h264_nvenc)" in line


def test_doctor_tells_the_reason_when_broker_refuses_the_password(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = Mosquitto(tmp_path, ("allow_anonymous false", f"password_file {tmp_path / 'passwords'}"))
    broker.add_password("agent", "right")
    (tmp_path / "secret").write_text("wrong\n")
    credentials = f'\nusername = "agent"\npassword = "file:{tmp_path / "secret"}"'
    config.write_text(config.read_text().replace("port = @PORT@", f"port = {broker.port}{credentials}"))
    try:
        broker.start()
        assert main(["doctor", "--config", str(config)]) == 1
    finally:
        broker.stop()
    told = capsys.readouterr().out
    assert "refused: Not authorized (reason code 0x87)" in told
    assert "wrong" not in told


@pytest.mark.parametrize(
    ("arguments", "key"), [([], "$defs"), (["--messages"], "incident"), (["--asyncapi"], "channels")]
)
def test_schema_prints_json(capsys: pytest.CaptureFixture[str], arguments: list[str], key: str) -> None:
    assert main(["schema", *arguments]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert key in shown
    if not arguments:
        assert set(shown["$defs"]["Settings"]["properties"]) == set(Settings.__struct_fields__)


def test_bench_measures_the_configured_bundle_and_keeps_it_for_the_agent(
    config: Path, tiny_bundle_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = shutil.copytree(tiny_bundle_directory, tmp_path / "own")
    config.write_text(config.read_text().replace(str(tiny_bundle_directory), str(own)).replace("@PORT@", "1883"))
    assert main(["bench", "--config", str(config), "--rounds", "1", "--json", str(tmp_path / "bench.json")]) == 0
    told = capsys.readouterr().out
    assert f"kept in {own}.bench.json" in told
    kept = json.loads((tmp_path / "own.bench.json").read_text())
    assert set(kept["latencies"]) == {
        f"{target} {stage}" for target in tiny_bundle.TARGETS for stage in ("encoder", "head")
    }
    figures = json.loads((tmp_path / "bench.json").read_text())
    assert figures["fingerprint"] == kept["fingerprint"]


def test_what_a_camera_masks_is_hidden_in_its_clips() -> None:
    mask = Cover(masks=(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)),))
    cameras = [
        CameraSpec("open", "a"),
        CameraSpec("masked", "b", cover=mask),
        CameraSpec("wall", "c", cells=(View("one"), View("two"))),
        CameraSpec("half", "d", cells=(View("three"), View("four", cover=mask))),
    ]
    assert filmed(cameras) == {
        "open": ("open",),
        "masked": ("masked",),
        "wall": ("one", "two"),
        "half": ("three", "four"),
    }
    hidden = redactions(cameras)
    assert set(hidden) == {"masked", "half"}
    assert [redaction.hidden for redaction in hidden.values()] == [("masks",), ("masks",)]
