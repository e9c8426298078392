from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge_agent.delivery.mosquitto import Mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A plain broker, running."""
    mosquitto = Mosquitto(tmp_path)
    yield mosquitto.start()
    mosquitto.stop()
