"""What an installer is told about a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.config import ConfigError, load_config

VALID = """\
site = "school"
device = "gate"
[bundle]
path = "first.nexara"
[mqtt]
host = "broker.local"
username = "agent"
password = "credential:mqtt"
[spool]
directory = "/var/lib/nexara-edge/spool"
[thresholds]
alert = 0.8
[[camera]]
id = "yard"
source = "rtsp://viewer@10.0.0.7/stream"
password = "file:/etc/nexara/yard.password"
[[camera]]
id = "door"
source = "file:door.mp4"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "edge.toml"
    path.write_text(text)
    return path


def test_defaults_are_filled_in_when_only_needed_keys_are_given(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, VALID))
    assert config.settings.sampling.idle_interval_s == 2.0
    assert (config.settings.mqtt.port, config.settings.mqtt.tls) == (None, None)
    assert [camera.id for camera in config.settings.camera] == ["yard", "door"]
    assert config.resolve("first.nexara") == tmp_path / "first.nexara"
    assert config.resolve("/srv/first.nexara") == Path("/srv/first.nexara")


@pytest.mark.parametrize(
    ("old", "new", "line", "text"),
    [
        ('device = "gate"', "", 1, "device: missing; needed is 1 to 64 letters"),
        ('device = "gate"', 'device = "gate/1"', 2, "device: found 'gate/1'; allowed is 1 to 64 letters"),
        ('device = "gate"', 'device = "+"', 2, "device: found '+'; allowed is 1 to 64 letters"),
        ('device = "gate"', 'device = "a#b"', 2, "device: found 'a#b'; allowed is 1 to 64 letters"),
        ('device = "gate"', 'device = "$SYS"', 2, "device: found '$SYS'; allowed is 1 to 64 letters"),
        ('device = "gate"', "device = 7", 2, "device: found 7; allowed is 1 to 64 letters"),
        ('device = "gate"', f'device = "{"x" * 65}"', 2, "allowed is 1 to 64 letters"),
        ('[thresholds]', '[metrics]\nlisten = 9464\n[thresholds]', 12, "found 9464; allowed is host:port"),
        ('[thresholds]', '[metrics]\nlisten = "::1:9464"\n[thresholds]', 12, "allowed is host:port, as 127.0.0.1:9464"),
        ('[thresholds]', '[metrics]\nlisten = "a:65536"\n[thresholds]', 12, "found 'a:65536'; allowed is host:port"),
        ('[thresholds]', '[metrics]\nport = 1\n[thresholds]', 12, "metrics.port: unknown key"),
        ('[thresholds]', '[log]\nformat = "xml"\n[thresholds]', 12, "log.format: found 'xml'; allowed is"),
        ('site = "school"', 'sitee = "school"', 1, "sitee: unknown key; did you mean 'site'?"),
        ('site = "school"', 'sitee = "school"', 1, "site: missing; needed is 1 to 64 letters"),
        ("[spool]", "[spoool]", 1, "spool: missing; needed is a table"),
        ("[spool]", "[spoool]", 9, "spoool: unknown key; did you mean 'spool'?"),
        ('host = "broker.local"', 'hots = "broker.local"', 6, "mqtt.hots: unknown key; did you mean 'host'?"),
        ('host = "broker.local"', 'host = ""', 6, "mqtt.host: found ''; allowed is text that is not empty"),
        ('host = "broker.local"', 'host = "b"\nport = 99999', 7, "port: found 99999; allowed is a whole"),
        ('host = "broker.local"', 'host = "b"\nport = "1883"', 7, "port: found '1883'; allowed is a whole number"),
        ('host = "broker.local"', 'host = "b"\nport = true', 7, "port: found true; allowed is a whole number"),
        ('host = "broker.local"', 'host = "b"\nport = 1883.0', 7, "port: found 1883.0; allowed is a whole number"),
        ('host = "broker.local"', 'host = "b"\ntls = true', 7, "mqtt.tls: found true; allowed is a table"),
        ('host = "broker.local"', 'host = "b"\ntls = {kay = "k"}', 7, "tls.kay: unknown key; did you mean 'key'"),
        ('host = "broker.local"', 'host = "b"\ntls = {key = "k"}', 7, "tls: found only one of certificate and key"),
        ('host = "broker.local"', 'host = "b"\nkeepalive_s = 1', 7, "keepalive_s: found 1; allowed is a whole"),
        ('host = "broker.local"', 'host = "b"\ntransport = "ws"', 7, "transport: found 'ws'; allowed is one of 'tcp'"),
        ('host = "broker.local"', 'host = "b"\npath = "/m"', 7, "mqtt.path: found a path, which only WebSockets have"),
        ('host = "broker.local"', 'host = "b"\npath = "m"', 7, "mqtt.path: found 'm'; allowed is where the broker is"),
        ('[spool]', '[[mqtt.fallback]]\nport = 1\n[spool]', 9, "mqtt.fallback[0].host: missing; needed is text"),
        ('[spool]', '[[mqtt.fallback]]\nhost = "b"\npassword = "file:/p"\n[spool]', 11, "fallback[0].password: found"),
        ('[spool]', '[[mqtt.fallback]]\nhost = "b"\ntls = {key = "k"}\n[spool]', 11, "fallback[0].tls: found only one"),
        ('[spool]', '[[mqtt.fallback]]\nhost = "b"\npath = "/m"\n[spool]', 11, "fallback[0].path: found a path, which"),
        ('[spool]', '[spool]\ndrain = "all"', 10, "spool.drain: found 'all'; allowed is one of 'newest', 'oldest'"),
        ('username = "agent"\n', "", 7, "mqtt.password: found a password without a username; add username"),
        ("alert = 0.8", "alert = 1.5", 12, "thresholds.alert: found 1.5; allowed is a number from 0 to 1"),
        ("alert = 0.8", "alert = nan", 12, "thresholds.alert: found nan; allowed is a number from 0 to 1"),
        ("alert = 0.8", "alert = inf", 12, "thresholds.alert: found inf; allowed is a number from 0 to 1"),
        ("alert = 0.8", 'alert = "0.8"', 12, "thresholds.alert: found '0.8'; allowed is a number from 0 to 1"),
        ("alert = 0.8", "alert = 0.8\nclear = 0.9", 13, "thresholds.clear: found 0.9 above alert = 0.8"),
        ('site = "school"', 'health = 3\nsite = "s"', 1, "health: found 3; allowed is a table"),
        ('id = "door"', 'id = "yard"', 14, "camera[0].id: found 'yard' 2 times; each camera needs an id of its own"),
        ('id = "door"', 'id = "yard"', 18, "camera[1].id: found 'yard' 2 times; each camera needs an id of its own"),
        ('id = "door"', 'id = ["a"]', 18, "camera[1].id: found an array; allowed is 1 to 64 letters"),
        ('id = "door"', 'id = "front door"', 18, "camera[1].id: found 'front door'; allowed is 1 to 64 letters"),
        ('id = "door"', "", 17, "camera[1].id: missing; needed is 1 to 64 letters"),
        ('source = "file:door.mp4"', "", 17, "camera[1].source: missing; needed is text that is not empty"),
        ('source = "file:door.mp4"', 'source = "x"\nloop = 1', 20, "camera[1].loop: found 1; allowed is true or false"),
        ('source = "file:door.mp4"', 'source = "x"\ntransport = "tpc"', 20, "'tpc'; allowed is one of 'tcp', 'udp'"),
        ('source = "file:door.mp4"', 'source = "x"\nalert = 0.3\nclear = 0.4', 21, "camera[1].clear: found 0.4 above"),
        ("rtsp://viewer@10", "rtsp://10", 16, "camera[0].password: found a password but no user in source"),
        ('source = "file:door.mp4"', 'source = "rstp://10.0.0.8"', 19, "source: rstp://10.0.0.8: unknown scheme"),
        ("rtsp://viewer@10", "http://10", 16, "camera[0].password: found a password but no user in source"),
        ("rtsp://viewer@10", "gstreamer:rtspsrc location=rtsp://10", 16, "password: found a password but no user"),
        ('source = "file:door.mp4"', 'source = "screen:0"', 19, "source: screen:0: not understood; allowed is"),
        ('source = "file:door.mp4"', 'source = "x"\ndecode = "gpu"', 20, "decode: found 'gpu'; allowed is one of"),
        ('source = "file:door.mp4"', 'source = "file:"', 19, "camera[1].source: 'file:' names nothing"),
        ("rtsp://viewer@10", "rtsp://[10", 15, "camera[0].source: not an address"),
        ("[spool]", "[sampling]\nidle_interval_s = 0\n[spool]", 10, "found 0; allowed is a number above 0 to 60"),
        ('source = "file:door.mp4"', 'source = "x"\nalert_rate_hz = 0', 20, "[1].alert_rate_hz: found 0; allowed"),
        ('source = "file:door.mp4"', 'source = "x"\nend_hold_s = "5"', 20, "camera[1].end_hold_s: found '5'; allowed"),
        ('source = "file:door.mp4"', 'source = "x"\nsmoothing = 0', 20, "camera[1].smoothing: found 0; allowed is"),
        ('source = "file:door.mp4"', 'source = "x"\nlargest_gap_s = 1', 20, "camera[1].largest_gap_s: unknown key"),
        ("[spool]", "[incidents]\nschedule = ['noon']\n[spool]", 10, "incidents.schedule[0]: found 'noon'; allowed"),
        ("[spool]", "[incidents]\ncooldown_s = -1\n[spool]", 10, "incidents.cooldown_s: found -1; allowed is a number"),
        ("[spool]", "[clips]\n[spool]", 9, "clips.directory: missing; needed is a path"),
        ("[spool]", "[clips]\ndirectory = 'c'\nbefore_s = 90\n[spool]", 11, "found 90; allowed is a number from 0"),
        ("[spool]", "[clips]\ndirectory = 'c'\nlongest_s = 5\n[spool]", 11, "found 5 with before_s = 5.0: nothing of"),
        ("[spool]", "[clips]\ndirectory = 'c'\nmax_count = 0\n[spool]", 11, "clips.max_count: found 0; allowed is a"),
        ("[spool]", "[health]\ninterval_s = -1\n[spool]", 10, "health.interval_s: found -1; allowed is a number"),
        ("[spool]", "[runtime]\nthreads = 0\n[spool]", 10, "runtime.threads: found 0; allowed is a whole"),
        ('path = "first.nexara"', 'path = "x"\naccept = "all"', 5, "accept: found 'all'; allowed is one of"),
        ('path = "first.nexara"', 'path = "x"\ntrusted_keys = "k"', 5, "trusted_keys: found 'k'; allowed is an array"),
        ('path = "first.nexara"', 'path = "x"\ntrusted_keys = [1]', 5, "trusted_keys[0]: found 1; allowed is a path"),
        ("site =", "site", 1, "not TOML: "),
        ('device = "gate"', 'site = "again"', 2, "not TOML: "),
    ],
)  # fmt: skip
def test_problem_names_file_line_key_found_and_allowed_when_config_is_wrong(
    tmp_path: Path, old: str, new: str, line: int, text: str
) -> None:
    assert old in VALID
    path = write(tmp_path, VALID.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    mine = [told for told in str(caught.value).splitlines() if text in told]
    assert len(mine) == 1, str(caught.value)
    assert mine[0].startswith(f"{path}:{line}: ")


WALL = """\
[[camera]]
id = "wall"
source = "file:wall.mp4"
grid = "2x3"
border = 4
[[camera]]
id = "dvr"
source = "file:dvr.mp4"
[[camera.cell]]
id = "hall"
box = [0, 0, 0.5, 1]
[[camera.cell]]
id = "stairs"
box = [0.5, 0, 1, 1]
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "text"),
    [
        ('"2x3"', '"1x1"', 23, "camera[2].grid: found '1x1'; allowed is rows x columns, from '1x2' to '8x8'"),
        ('"2x3"', '"2 x 3"', 23, "camera[2].grid: found '2 x 3'; allowed is rows x columns, from '1x2'"),
        ('"2x3"', "4", 23, "camera[2].grid: found 4; allowed is rows x columns, from '1x2' to '8x8', such as '2x3'"),
        ('grid = "2x3"\n', "", 23, "camera[2].border: found a border without a grid; add grid"),
        ('"2x3"', '"2x3"\nmasks = []', 24, "camera[2].masks: found masks of a wall; give each [[camera.cell]]"),
        ('id = "hall"', 'id = "h"\nzones = [[[0, 0], [1, 1]]]', 30, "zones[0]: found 2 of them; allowed are 3 to 64"),
        ('id = "hall"', 'id = "h"\nmasks = [[[0, 0], [1, 1], [0, 2]]]', 30, "masks[0][2][1]: found 2; allowed"),
        ('id = "hall"', 'id = "h"\nmasks = [[[0, 0], [1, 1], [0]]]', 30, "masks[0][2]: found an array of 1"),
        ("border = 4", "border = 65", 24, "camera[2].border: found 65; allowed is a whole number from 0 to 64"),
        ('id = "hall"', 'id = "wall-6"', 23, "camera[2].grid: found 'wall-6' 2 times; each camera needs an id of its"),
        ('id = "hall"', 'id = "wall-6"', 29, "camera[3].cell[0].id: found 'wall-6' 2 times; each camera needs an id"),
        ('id = "hall"', 'id = "dvr"', 29, "camera[3].cell[0].id: found 'dvr' 2 times; each camera needs an id"),
        ('id = "hall"', 'id = "stairs"', 32, "camera[3].cell[1].id: found 'stairs' 2 times; each camera needs"),
        ('id = "hall"', 'id = "a b"', 29, "camera[3].cell[0].id: found 'a b'; allowed is 1 to 64 letters"),
        ('id = "wall"', f'id = "{"w" * 63}"', 21, "-6', which is too long for an id; shorten the wall's"),
        ("[0, 0, 0.5, 1]", "[0, 0, 0.5]", 30, "cell[0].box: found an array of 3; allowed is [left, top, right, bot"),
        ("[0, 0, 0.5, 1]", '"left"', 30, "camera[3].cell[0].box: found 'left'; allowed is [left, top, right, bottom]"),
        ("[0, 0, 0.5, 1]", "[0, 0, 960, 1]", 30, "camera[3].cell[0].box[2]: found 960; allowed is a number from 0"),
        ("[0, 0, 0.5, 1]", "[0, 0, true, 1]", 30, "camera[3].cell[0].box[2]: found true; allowed is a number from 0"),
        ("[0, 0, 0.5, 1]", "[0.5, 0, 0.5, 1]", 30, "its right edge must lie right of its left one, and its bottom"),
        ("[0, 0, 0.5, 1]", "[0.5, 0, 1, 1]", 33, "camera[3].cell[1].box: found the box of cell[0] again; give each"),
        ("box = [0.5, 0, 1, 1]\n", "", 31, "camera[3].cell[1].box: missing; needed is [left, top, right, bottom]"),
        ('source = "file:dvr.mp4"', 'source = "x"\ngrid = "1x2"', 29, "camera[3].cell: found cells beside a grid"),
        ('grid = "2x3"\nborder = 4', "cell = []", 23, "camera[2].cell: found 0 of them; allowed are 1 to 64"),
        ("[0, 0, 0.5, 1]", "[0, 0, 0.5, 1]\nalert = 0.2\nclear = 0.3", 32, "cell[0].clear: found 0.3 above alert"),
        ("[0, 0, 0.5, 1]", "[0, 0, 0.5, 1]\nsource = 'x'", 31, "camera[3].cell[0].source: unknown key"),
    ],
)  # fmt: skip
def test_problem_names_the_cell_when_a_wall_is_wrong(tmp_path: Path, old: str, new: str, line: int, text: str) -> None:
    assert old in WALL
    path = write(tmp_path, VALID + WALL.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    mine = [told for told in str(caught.value).splitlines() if text in told]
    assert len(mine) == 1, str(caught.value)
    assert mine[0].startswith(f"{path}:{line}: ")


def test_every_problem_is_told_in_order_of_lines_when_there_are_several(tmp_path: Path) -> None:
    text = VALID.replace('"school"', '"a/b"').replace("alert = 0.8", "alert = 2").replace('"door"', '"yard"')
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text))
    assert [problem.line for problem in caught.value.problems] == [1, 12, 14, 18]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("credential:mqtt", "hunter2"),
        ("credential:mqtt", "file:hunter2"),
        ("file:/etc/nexara/yard.password", "hunter2"),
        ("rtsp://viewer@", "rtsp://viewer:hunter2@"),
        ("rtsp://viewer@", "https://viewer:hunter2@"),
        ("rtsp://viewer@", "gstreamer:rtspsrc location=rtsp://viewer:hunter2@"),
        ("rtsp://viewer@", "gstreamer:rtspsrc user-id=viewer user-pw=hunter2 location=rtsp://viewer@"),
    ],
)
def test_inline_secret_is_refused_with_advice_and_not_repeated(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, VALID.replace(old, new)))
    assert "file:/" in str(caught.value)
    assert "not shown" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_error_is_told_when_file_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"edge\.toml:1: cannot be read: No such file"):
        load_config(tmp_path / "edge.toml")


def test_error_is_told_when_file_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "edge.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8 text"):
        load_config(tmp_path / "edge.toml")


@pytest.mark.parametrize(
    ("added", "text"),
    [
        ('[privacy]\nfaces = "blur"\n', "privacy.faces: found 'blur' without privacy.detector; give [privacy] a"),
        ('[[camera]]\nid = "a"\nsource = "x.mp4"\nfaces = "blur"\n', "camera[4].faces: found 'blur' without priv"),
        ('faces = "blur"\n', "camera[3].cell[1].faces: found 'blur' without privacy.detector"),
        ('[privacy]\nfaces = "hide"\n', "privacy.faces: found 'hide'; allowed is one of 'blur', 'show'"),
        ("faces = true\n", "camera[3].cell[1].faces: found true; allowed is one of 'blur', 'show'"),
    ],
)
def test_faces_are_not_blurred_without_a_detector(tmp_path: Path, added: str, text: str) -> None:
    path = write(tmp_path, VALID + WALL + added)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    told = str(caught.value).splitlines()
    assert len(told) == 1, told
    assert text in told[0]
    lines = path.read_text().splitlines()
    assert told[0].startswith(f"{path}:{next(at for at, one in enumerate(lines, 1) if one.startswith('faces'))}: ")
