"""What a configuration becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.agent_options import AgentOptions
from edge_agent.camera_policies import CameraPolicies
from edge_agent.clips.policy import ClipPolicy, KeepPolicy
from edge_agent.clips.recording import ClipOptions
from edge_agent.config import ConfigError, load_config
from edge_agent.config.plan import Plan
from edge_agent.cover import OPEN, Cover
from edge_agent.delivery.broker import TLSFiles
from edge_agent.delivery.payloads import BundleName
from edge_agent.grid import Grid
from edge_agent.region import Region
from edge_agent.sources import redact
from models.bundle import Bundle
from models.manifest import Thresholds
from tests.edge_agent.privacy.weights import FASTEST_DET, needs_weights

MINIMAL = """\
site = "school"
device = "gate"
bundle = { path = "first.nexara" }
mqtt = { host = "broker.local" }
spool = { directory = "spool" }
[[camera]]
id = "yard"
source = "file:yard.mp4"
"""


def make_plan(folder: Path, text: str) -> Plan:
    (folder / "edge.toml").write_text(text)
    return Plan(load_config(folder / "edge.toml"), {"CREDENTIALS_DIRECTORY": str(folder)})


def test_agent_has_its_own_defaults_when_nothing_is_said(tmp_path: Path, tiny: Bundle) -> None:
    plan = make_plan(tmp_path, MINIMAL)
    assert plan.options() == AgentOptions()
    assert plan.cameras(tiny.manifest)[0].policies == CameraPolicies(tiny.manifest.calibration.thresholds)
    assert (plan.broker().port, plan.broker().tls, plan.broker().password) == (1883, None, None)
    assert plan.delivery("1", tiny.manifest).spool_directory == tmp_path / "spool"


def test_home_assistant_hears_of_the_agent_and_every_cell_where_that_is_asked_for(tmp_path: Path, tiny: Bundle) -> None:
    assert make_plan(tmp_path, MINIMAL).delivery("1", tiny.manifest).announcements == ()
    wanted = MINIMAL.replace('"broker.local"', '"broker.local", home_assistant = { prefix = "a/b" }')
    announced = make_plan(tmp_path, wanted + 'grid = "1x2"\n').delivery("1", tiny.manifest).announcements
    objects = ["nexara_school_gate", "nexara_school_gate_yard-1", "nexara_school_gate_yard-2"]
    assert [message.topic for message in announced] == [f"a/b/device/{object_}/config" for object_ in objects]


def test_relative_film_starts_at_the_configurations_folder(tmp_path: Path, tiny: Bundle) -> None:
    assert make_plan(tmp_path, MINIMAL).cameras(tiny.manifest)[0].source == f"file:{tmp_path}/yard.mp4"


def test_cameras_thresholds_come_before_the_common_ones_and_these_before_the_bundles(
    tmp_path: Path, tiny: Bundle
) -> None:
    text = MINIMAL.replace("[[camera]]", "[thresholds]\nalert = 0.9\nclear = 0.2\n[[camera]]") + "clear = 0.3\n"
    own = make_plan(tmp_path, text).policies(tiny.manifest)["yard"].thresholds
    assert own == Thresholds(wake=tiny.manifest.calibration.thresholds.wake, alert=0.9, clear=0.3)


SHARED = """[sampling]
idle_interval_s = 4
alert_rate_hz = 8
[incidents]
start_hold_s = 1
cooldown_s = 60
[[camera]]"""


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ("", (4, 8, 2, 1, 5, 60)),
        ("idle_interval_s = 1", (1, 8, 2, 1, 5, 60)),
        ("alert_rate_hz = 5\ncalm_hold_s = 9", (4, 5, 9, 1, 5, 60)),
        ("doubt_hold_s = 3", (4, 8, 2, 1, 5, 60)),
        ("full_glance_s = 9", (4, 8, 2, 1, 5, 60)),
        ("start_hold_s = 0\ncooldown_s = 0", (4, 8, 2, 0, 5, 0)),
        ("end_hold_s = 20", (4, 8, 2, 1, 20, 60)),
    ],
)
def test_cameras_keys_come_before_the_common_ones_and_touch_no_other_camera(
    tmp_path: Path, tiny: Bundle, own: str, expected: tuple[float, ...]
) -> None:
    text = MINIMAL.replace("[[camera]]", SHARED) + own + '\n[[camera]]\nid = "door"\nsource = "file:door.mp4"\n'
    found = make_plan(tmp_path, text).policies(tiny.manifest)
    for camera, figures in (("yard", expected), ("door", (4, 8, 2, 1, 5, 60))):
        sampling, incidents = found[camera].sampling, found[camera].incidents
        calm_hold_s = found[camera].attention.calm_hold_s
        holds = (incidents.start_hold_s, incidents.end_hold_s, incidents.cooldown_s)
        assert (sampling.idle_interval_s, sampling.alert_rate_hz, calm_hold_s, *holds) == figures


@pytest.mark.parametrize("own", ["alert_rate_hz = 2", "smoothing = 16", "smoothing_span_s = 0.4"])
def test_error_is_told_when_no_incident_could_ever_start(tmp_path: Path, tiny: Bundle, own: str) -> None:
    with pytest.raises(ConfigError, match=r"edge\.toml:6: camera\[0\]: smoothing = .* no incident could start"):
        make_plan(tmp_path, MINIMAL + own + "\n").policies(tiny.manifest)


def test_error_names_camera_and_line_when_thresholds_contradict_the_bundles(tmp_path: Path, tiny: Bundle) -> None:
    plan = make_plan(tmp_path, MINIMAL + "clear = 0.99\n")
    with pytest.raises(ConfigError, match=r"edge\.toml:6: camera\[0\]: clear = 0\.99 is above alert = "):
        plan.cameras(tiny.manifest)


GRID = MINIMAL + 'grid = "2x2"\nborder = 4\nalert = 0.96\n'
CELLS = (
    MINIMAL.replace("[[camera]]", "[sampling]\nidle_interval_s = 4\n[[camera]]")
    + """\
alert = 0.96
[[camera.cell]]
id = "hall"
box = [0, 0, 0.5, 1]
alert = 0.97
[[camera.cell]]
id = "stairs"
box = [0.5, 0.25, 1, 1]
idle_interval_s = 1
"""
)


def test_grid_becomes_one_source_with_a_view_for_each_cell(tmp_path: Path, tiny: Bundle) -> None:
    (wall,) = make_plan(tmp_path, GRID).cameras(tiny.manifest)
    assert (wall.id, wall.source) == ("yard", f"file:{tmp_path}/yard.mp4")
    assert [view.id for view in wall.views] == ["yard-1", "yard-2", "yard-3", "yard-4"]
    assert [view.region for view in wall.views] == list(Grid(2, 2, 4).regions)
    assert {view.policies.thresholds.alert for view in wall.views if view.policies} == {0.96}


def test_cells_keys_come_before_its_walls_and_these_before_the_common_ones(tmp_path: Path, tiny: Bundle) -> None:
    plan = make_plan(tmp_path, CELLS)
    (wall,) = plan.cameras(tiny.manifest)
    assert [(view.id, view.region) for view in wall.views] == [
        ("hall", Region(0, 0, 0.5, 1)),
        ("stairs", Region(0.5, 0.25, 1, 1)),
    ]
    figures = {
        name: (policies.thresholds.alert, policies.sampling.idle_interval_s)
        for name, policies in plan.policies(tiny.manifest).items()
    }
    assert figures == {"hall": (0.97, 4), "stairs": (0.96, 1)}


POLYGONS = """zones = [[[0, 0], [1, 0], [1, 1]]]
masks = [[[0.5, 0], [1, 0], [1, 0.5]], [[0, 0], [0.1, 0], [0, 0.1]]]
"""


def test_zones_and_masks_are_those_of_the_camera_or_of_the_cell(tmp_path: Path, tiny: Bundle) -> None:
    cover = Cover(zones=(((0, 0), (1, 0), (1, 1)),), masks=(((0.5, 0), (1, 0), (1, 0.5)), ((0, 0), (0.1, 0), (0, 0.1))))
    (camera,) = make_plan(tmp_path, MINIMAL + POLYGONS).cameras(tiny.manifest)
    assert [view.cover for view in camera.views] == [cover]
    (wall,) = make_plan(tmp_path, CELLS + POLYGONS).cameras(tiny.manifest)
    assert [view.cover for view in wall.views] == [OPEN, cover]


@pytest.mark.parametrize(
    ("text", "told"), [(GRID, ["6: camera[0]:"]), (CELLS, ["12: camera[0].cell[0]:", "16: camera[0].cell[1]:"])]
)
def test_error_is_told_once_a_table_when_cells_contradict_the_bundle(
    tmp_path: Path, tiny: Bundle, text: str, told: list[str]
) -> None:
    plan = make_plan(tmp_path, text.replace("alert = 0.96", "clear = 0.99"))
    with pytest.raises(ConfigError) as caught:
        plan.policies(tiny.manifest)
    lines = str(caught.value).splitlines()
    assert [line.removeprefix(f"{tmp_path}/edge.toml:").split(" clear")[0] for line in lines] == told


EVERY_OPTION = """
[runtime]
target = "onnx-float32"
threads = 3
[sampling]
idle_interval_s = 4
alert_rate_hz = 5
full_glance_s = 0
steady_rate_hz = 3
largest_gap_s = 2
calm_hold_s = 7
doubt_hold_s = 6
[incidents]
smoothing = 3
smoothing_span_s = 1
start_hold_s = 0
update_interval_s = 9
end_hold_s = 8
silence_s = 11
cooldown_s = 14
[snapshots]
largest_side = 640
largest_bytes = 5000
quality = 50
score = true
[health]
interval_s = 12
state_interval_s = 13
"""


def test_every_option_reaches_the_agent(tmp_path: Path, tiny: Bundle) -> None:
    plan = make_plan(tmp_path, MINIMAL.replace("[[camera]]", EVERY_OPTION + "[[camera]]"))
    options, policies = plan.options(), plan.policies(tiny.manifest)["yard"]
    sampling, incidents, snapshots = policies.sampling, policies.incidents, policies.snapshots
    assert (options.target, options.threads) == ("onnx-float32", 3)
    assert (sampling.idle_interval_s, sampling.alert_rate_hz, options.largest_gap_s) == (4, 5, 2)
    assert (sampling.full_glance_s, sampling.steady_rate_hz) == (0, 3)
    assert (policies.attention.calm_hold_s, policies.attention.doubt_hold_s) == (7, 6)
    assert (incidents.smoothing, incidents.smoothing_span_s, incidents.start_hold_s) == (3, 1, 0)
    assert (incidents.update_interval_s, incidents.end_hold_s, incidents.silence_s) == (9, 8, 11)
    assert incidents.cooldown_s == 14
    assert (snapshots.largest_side, snapshots.largest_bytes, snapshots.quality, snapshots.score) == (
        640,
        5000,
        50,
        True,
    )
    assert (options.health_interval_s, options.state_interval_s) == (12, 13)


@pytest.mark.parametrize(
    ("source", "opened"),
    [
        ("https://viewer@cam/live.m3u8", "https://viewer:p%40ss%2Fw%3Ard@cam/live.m3u8"),
        (
            "gstreamer:rtspsrc location=rtsp://viewer@cam/s ! decodebin",
            "gstreamer:rtspsrc location=rtsp://viewer:p%40ss%2Fw%3Ard@cam/s ! decodebin",
        ),
    ],
)
def test_password_reaches_the_address_and_is_not_shown_in_it(
    tmp_path: Path, tiny: Bundle, source: str, opened: str
) -> None:
    (tmp_path / "yard").write_text("p@ss/w:rd")
    text = MINIMAL.replace("file:yard.mp4", source) + 'password = "credential:yard"\ndecode = "auto"\n'
    camera = make_plan(tmp_path, text).cameras(tiny.manifest)[0]
    assert camera.source == opened
    assert redact(camera.source) == opened.replace("viewer:p%40ss%2Fw%3Ard", "***")
    assert camera.options.decode == "auto"


CLIPS = """
[clips]
directory = "clips"
before_s = 1
after_s = 2
longest_s = 3
max_megabytes = 4
max_age_hours = 5
max_count = 6
"""


def test_clips_are_kept_only_when_asked_for_and_as_asked(tmp_path: Path, tiny: Bundle) -> None:
    assert make_plan(tmp_path, MINIMAL).clips(tiny.manifest) is None
    assert make_plan(tmp_path, MINIMAL.replace("[[camera]]", CLIPS + "[[camera]]")).clips(tiny.manifest) == ClipOptions(
        directory=tmp_path / "clips",
        bundle=BundleName(name="tiny", version="0.1.0"),
        clips=ClipPolicy(before_s=1, after_s=2, longest_s=3),
        keep=KeepPolicy(max_bytes=4_000_000, max_age_s=18_000, max_count=6),
    )


def test_secrets_reach_their_users_and_no_repr(tmp_path: Path, tiny: Bundle) -> None:
    (tmp_path / "mqtt").write_text("hunter2\n")
    (tmp_path / "yard").write_text("p@ss/w:rd")
    text = MINIMAL.replace(
        '"broker.local"', '"b", username = "u", password = "credential:mqtt", tls = { ca = "ca.pem" }'
    )
    text = text.replace("file:yard.mp4", "rtsp://viewer@10.0.0.7/s") + 'password = "credential:yard"\n'
    plan = make_plan(tmp_path, text)
    broker = plan.broker()
    assert (broker.username, broker.password, broker.port) == ("u", "hunter2", 8883)
    assert broker.tls is not None
    assert broker.tls.ca == tmp_path / "ca.pem"
    assert plan.cameras(tiny.manifest)[0].source == "rtsp://viewer:p%40ss%2Fw%3Ard@10.0.0.7/s"
    shown = repr(broker) + repr(plan) + repr(plan.delivery("1", tiny.manifest))
    assert "hunter2" not in shown
    assert "w%3Ard" not in shown


FALLBACKS = """\
transport = "websockets"
return_after_s = 60
[mqtt.tls]
ca = "ca.pem"
[[mqtt.fallback]]
host = "second"
[[mqtt.fallback]]
host = "third"
port = 1
username = "other"
transport = "tcp"
[mqtt.fallback.tls]
ca = "other.pem"
"""


def test_a_fallback_is_as_the_broker_but_for_what_it_says(tmp_path: Path, tiny: Bundle) -> None:
    (tmp_path / "mqtt").write_text("hunter2\n")
    table = f'[mqtt]\nhost = "first"\nusername = "u"\npassword = "credential:mqtt"\n{FALLBACKS}'
    text = MINIMAL.replace('mqtt = { host = "broker.local" }\n', "").replace("[[camera]]", f"{table}[[camera]]")
    plan = make_plan(tmp_path, text.replace("spool = { dir", 'spool = { drain = "newest", dir'))
    delivery = plan.delivery("1", tiny.manifest)
    second, third = delivery.fallbacks
    assert (delivery.broker.address, second.address) == ("wss://first:443/mqtt", "wss://second:443/mqtt")
    assert (second.client_id, second.username, second.password) == ("nexara-school-gate", "u", "hunter2")
    assert second.tls == delivery.broker.tls == TLSFiles(tmp_path / "ca.pem")
    # The password belongs to the name that it stands beside.
    assert (third.address, third.username, third.password) == ("mqtts://third:1", "other", None)
    assert third.tls == TLSFiles(tmp_path / "other.pem")
    assert (delivery.return_after_s, delivery.drain) == (60, "newest")


BLURRED = """\
[privacy]
faces = "{faces}"
detector = "weights.onnx"
[[camera]]
id = "gate"
source = "file:gate.mp4"
faces = "show"
[[camera]]
id = "wall"
source = "file:wall.mp4"
faces = "blur"
[[camera.cell]]
id = "hall"
box = [0, 0, 0.5, 1]
[[camera.cell]]
id = "stairs"
box = [0.5, 0, 1, 1]
faces = "show"
"""


@needs_weights
@pytest.mark.parametrize(("faces", "yard"), [("blur", True), ("show", False)])
def test_faces_are_blurred_as_the_cell_or_camera_says_else_as_privacy_does(
    tmp_path: Path, tiny: Bundle, faces: str, yard: bool
) -> None:
    (tmp_path / "weights.onnx").symlink_to(FASTEST_DET)
    plan = make_plan(tmp_path, MINIMAL + BLURRED.format(faces=faces))
    views = {view.id: view.cover.heads is not None for camera in plan.cameras(tiny.manifest) for view in camera.views}
    assert views == {"yard": yard, "gate": False, "hall": True, "stairs": False}


def test_nothing_starts_when_what_finds_faces_is_not_there(tmp_path: Path, tiny: Bundle) -> None:
    plan = make_plan(tmp_path, MINIMAL + BLURRED.format(faces="blur"))
    with pytest.raises(ConfigError, match=r"edge\.toml:11: privacy\.detector: .*weights\.onnx: cannot be read"):
        plan.cameras(tiny.manifest)
    (tmp_path / "weights.onnx").write_bytes(b"something else")
    with pytest.raises(ConfigError, match=r"found a file with SHA-256 .*; allowed is FastestDet\.onnx"):
        plan.cameras(tiny.manifest)


def test_detector_is_not_asked_for_when_no_faces_are_blurred(tmp_path: Path, tiny: Bundle) -> None:
    plan = make_plan(tmp_path, MINIMAL + '[privacy]\ndetector = "weights.onnx"\n')
    assert plan.head_finder() is None
    assert plan.cameras(tiny.manifest)[0].cover == OPEN
