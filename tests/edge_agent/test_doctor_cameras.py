"""What ``doctor`` tells of cameras over a real network protocol."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_agent.command_line import main
from tests.edge_agent.agent_process import set_port
from tests.edge_agent.films import write_film
from tests.edge_agent.rtsp import needs_rtsp_server, rtsp_server
from tests.ports import free_port

FPS = 15


@pytest.mark.slow
@needs_rtsp_server
@pytest.mark.parametrize(
    ("every", "outcome", "text"),
    [
        pytest.param(FPS, "ok", "decoded by software", id="every-second"),
        pytest.param(8 * FPS, "warning", "have the camera send one (an I-frame) every 2 s or oftener", id="rare"),
    ],
)
def test_doctor_tells_where_key_pictures_are_too_rare_for_glances(
    every: int, outcome: str, text: str, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"g": str(every), "keyint_min": str(every), "sc_threshold": "0", "bf": "0"}
    film = write_film(
        tmp_path / "camera.mp4",
        [number % 250 for number in range(10 * FPS)],
        fps=FPS,
        codec="libx264",
        options=options,
    )
    port = free_port()
    with rtsp_server(port, film=film):
        before = config.read_text()
        shown = before[: before.index('source = "file:')] + f'source = "rtsp://127.0.0.1:{port}/camera"\n'
        config.write_text(shown)
        main(["doctor", "--json", "--config", str(set_port(config, 1))])
    findings = json.loads(capsys.readouterr().out)["findings"]
    camera = next(finding for finding in findings if finding["name"] == "camera yard")
    assert camera["outcome"] == outcome, camera
    assert text in camera["detail"]
