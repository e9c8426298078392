from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from benchmarks.networks import NETWORKS, Result, main
from builder.backbones.registry import build_backbone
from builder.recipe import load_recipe
from tests.builder import tiny_clips


def test_form_that_ships_is_among_those_judged() -> None:
    shipped = msgspec.structs.replace(load_recipe("full").student.backbone, frozen=0)
    assert shipped in NETWORKS.values()


@pytest.mark.slow
def test_each_form_is_sized_and_judged_beside_the_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tiny_clips.write_table(tmp_path / "clips", fights=2, calm=2, sources=2)
    out = tmp_path / "out.json"
    assert main(["--data", str(data), "--folds", "2", "--seeds", "1", "--json", str(out)]) == 0
    told = capsys.readouterr().out
    assert all(f"| {name} " in told for name in NETWORKS)
    networks = {one.name: one for one in msgspec.json.decode(out.read_bytes(), type=Result).networks}
    assert list(networks) == list(NETWORKS)
    assert networks["whole"].judged.less is None
    for name, spec in NETWORKS.items():
        assert networks[name].parameters == build_backbone(spec, (128, 128), 3).features.count_params()
    sizes = [one.parameters for one in networks.values()]
    assert sizes == sorted(sizes, reverse=True)
