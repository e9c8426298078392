from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from builder.data.folds import FoldProtocol
from builder.pipeline.prepared import PreparedClips, prepare
from builder.recipe import Recipe, with_all_folds
from builder.stages import StageStore
from tests.builder import tiny_clips
from tests.builder.execution.told import Remembered
from tests.builder.tiny_recipe import RECIPE


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve clips of six cameras."""
    return tiny_clips.write_table(tmp_path_factory.mktemp("tiny") / "clips", fights=6, calm=6, sources=6)


@pytest.fixture(params=["grouped"])
def prepared(tiny_data: Path, tmp_path: Path, request: pytest.FixtureRequest) -> PreparedClips:
    """The clips curated under ``tmp_path/work`` for three folds, by the protocol that is the fixture's parameter."""
    display = Remembered()
    protocol: FoldProtocol = request.param
    recipe = with_all_folds(msgspec.toml.decode(RECIPE, type=Recipe), 3)
    return prepare(tiny_data, recipe, StageStore(tmp_path / "work", display.stage), display, "1.0", protocol)
