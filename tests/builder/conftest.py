from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from builder.compilation.targets import TARGETS, Network, compile_target
from models.manifest import Artifact
from tests.builder import tiny_networks


class CompiledNetwork(NamedTuple):
    """A tiny network with all its targets under ``directory``."""

    network: Network
    directory: Path
    artifacts: tuple[Artifact, ...]

    def pair(self, target: str) -> tuple[Artifact, Artifact]:
        """Encoder and head of one target."""
        encoder, head = (artifact for artifact in self.artifacts if artifact.target == target)
        return encoder, head


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> CompiledNetwork:
    directory = tmp_path_factory.mktemp("compiled")
    network = tiny_networks.make_network()
    calibrating = tiny_networks.make_calibrating(network)
    artifacts = tuple(
        artifact
        for target in TARGETS
        for artifact in compile_target(target, network, calibrating, tiny_networks.PREPROCESSING, directory)
    )
    return CompiledNetwork(network, directory, artifacts)
