from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from builder.compilation.catalogue import CPU_TARGETS
from builder.compilation.targets import compile_target
from builder.evaluation.scoring import FloatScorer
from builder.release.bundle import assemble_bundle
from builder.release.golden import make_golden
from builder.release.inputs import ReleaseInputs
from builder.training.network import Network
from models.manifest import Artifact
from tests.builder import tiny_networks
from tests.builder.made_report import make_full_report, make_report


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
        for target in CPU_TARGETS
        for artifact in compile_target(target, network, calibrating, tiny_networks.PREPROCESSING, directory)
    )
    return CompiledNetwork(network, directory, artifacts)


@pytest.fixture(scope="session")
def release_inputs(compiled: CompiledNetwork, signing_key: ec.EllipticCurvePrivateKey) -> ReleaseInputs:
    """All four targets of the tiny network, with a report whose figures are made up."""
    student = FloatScorer(compiled.network.encoder, compiled.network.head, tiny_networks.PREPROCESSING)
    samples = np.repeat(tiny_networks.make_samples(2)[:, None], tiny_networks.SAMPLES, axis=1)
    return ReleaseInputs(
        report=msgspec.structs.replace(
            make_report(tuple(dict.fromkeys(artifact.target for artifact in compiled.artifacts))),
            errors=make_full_report().errors,
        ),
        compiled=compiled.directory,
        artifacts=compiled.artifacts,
        golden=make_golden(student, samples),
        golden_origin="noise drawn for tests",
        key=signing_key,
        size_limit=8_000_000,
    )


@pytest.fixture(scope="session")
def released(release_inputs: ReleaseInputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A released bundle as one file, with its directory beside it; read only."""
    directory = tmp_path_factory.mktemp("released") / "tiny"
    return assemble_bundle(directory, release_inputs, clock=time.perf_counter, generator=np.random.default_rng(0))
