from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from benchmarks.inputs import VariantError, chosen_rivals, load_encoder
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
    asked = ["whole", "cut after 8 blocks"]
    only = [word for name in asked for word in ("--only", name)]
    assert main(["--data", str(data), "--folds", "2", "--seeds", "1", "--json", str(out), *only]) == 0
    told = capsys.readouterr().out
    assert all((f"| {name} " in told) == (name in asked) for name in NETWORKS)
    networks = {one.name: one for one in msgspec.json.decode(out.read_bytes(), type=Result).networks}
    assert list(networks) == asked
    whole, cut = networks.values()
    assert whole.judged.less is None
    assert cut.judged.less is not None
    for name, one in networks.items():
        assert one.parameters == build_backbone(NETWORKS[name], (128, 128), 3).features.count_params()
        assert one.sample_ms > 0


@pytest.mark.slow
def test_all_forms_are_judged_unless_some_are_asked_for_from_the_largest_to_the_smallest() -> None:
    forms = chosen_rivals(None, NETWORKS)
    assert list(forms.items()) == list(NETWORKS.items())
    sizes = [load_encoder(spec, (128, 128)).parameters for spec in forms.values()]
    assert sizes == [build_backbone(spec, (128, 128), 3).features.count_params() for spec in forms.values()]
    assert sizes == sorted(sizes, reverse=True)


def test_a_form_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    data = tiny_clips.write_table(tmp_path / "clips", fights=1, calm=1, sources=2)
    with pytest.raises(VariantError, match="no rival 'half'; there are whole; no top;"):
        main(["--data", str(data), "--only", "half"])
