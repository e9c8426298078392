from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from tests.edge_agent.delivery.mosquitto import Mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A plain broker, running."""
    mosquitto = Mosquitto(tmp_path)
    yield mosquitto.start()
    mosquitto.stop()


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of flickering squares, 64 x 48 at 20 frames a second, which the tiny bundle finds violent."""
    path = tmp_path_factory.mktemp("video") / "square.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        random = np.random.default_rng(0)
        for _ in range(40):
            squares = random.choice([0, 255], (6, 8, 1)).astype(np.uint8)
            image = np.broadcast_to(squares.repeat(8, 0).repeat(8, 1), (48, 64, 3)).copy()
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def config(tmp_path: Path, tiny_bundle_directory: Path, key_folder: Path, video: Path) -> Path:
    """A configuration that calls everything an incident; its broker's port is ``@PORT@``."""
    path = tmp_path / "edge.toml"
    path.write_text(f"""
site = "school"
device = "gate"
[bundle]
path = "{tiny_bundle_directory}"
trusted_keys = ["{key_folder / "public.pem"}"]
[mqtt]
host = "127.0.0.1"
port = @PORT@
[mqtt.home_assistant]
[spool]
directory = "spool"
max_megabytes = 1
[clips]
directory = "clips"
max_megabytes = 1
[thresholds]
wake = 0.0
alert = 0.0
clear = 0.0
[health]
interval_s = 1
[[camera]]
id = "yard"
source = "file:{video}"
loop = true
""")
    return path
