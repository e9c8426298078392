from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmarks.close_ups import SHIPPED, SIGHTS, Result, embed, main
from benchmarks.inputs import chosen_rivals
from builder.data.clips import find_clips
from builder.recipe import load_recipe
from tests.builder import tiny_clips


def test_what_ships_is_among_those_judged() -> None:
    shipped = load_recipe("full").preprocessing
    assert SIGHTS[SHIPPED].preprocessing(shipped) == shipped
    assert SIGHTS[SHIPPED].panes == tuple(range(shipped.panes))
    assert list(chosen_rivals(None, SIGHTS).items()) == list(SIGHTS.items())


def test_features_of_panes_stand_side_by_side(tmp_path: Path) -> None:
    clips = find_clips(tiny_clips.write_table(tmp_path / "clips", fights=1, calm=1, sources=2)).clips
    recipe = load_recipe("full")
    sights = {name: SIGHTS[SHIPPED]._replace(panes=panes) for name, panes in (("both", (0, 1)), ("whole", (0,)))}
    both, whole = embed(clips, sights, recipe, {128: lambda x: x.mean(axis=(1, 2))}).values()
    assert set(both) == {clip.name for clip in clips}
    for name, features in both.items():
        assert features.shape == (12,)
        np.testing.assert_array_equal(features[:6], whole[name])


@pytest.mark.slow
def test_each_sight_is_judged_beside_what_ships(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tiny_clips.write_table(tmp_path / "clips", fights=2, calm=2, sources=2)
    out = tmp_path / "out.json"
    asked = ["whole picture at 128 px", SHIPPED]
    only = [word for name in asked for word in ("--only", name)]
    assert main(["--data", str(data), "--folds", "2", "--seeds", "1", "--json", str(out), *only]) == 0
    told = capsys.readouterr().out
    assert all((f"| {name} " in told) == (name in asked) for name in SIGHTS)
    found = msgspec.json.decode(out.read_bytes(), type=Result)
    judged = {one.name: one for one in found.judged}
    assert list(judged) == asked
    assert judged[SHIPPED].less is None
    # Both are encoded by one network, of which two panes take twice as long.
    assert found.sample_ms[SHIPPED] == 2 * found.sample_ms[asked[0]] > 0
