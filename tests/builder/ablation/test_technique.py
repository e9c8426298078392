from __future__ import annotations

from typing import Any

import pytest

from builder.ablation.technique import patch_recipe
from builder.errors import RecipeError
from builder.recipe import load_recipe


@pytest.mark.parametrize("name", ["full", "quick"])
def test_no_change_leaves_the_recipe_as_it_is(name: str) -> None:
    recipe = load_recipe(name)
    assert patch_recipe(recipe, {}, "here") == recipe


def test_a_change_reaches_only_its_key() -> None:
    recipe = load_recipe("quick")
    patched = patch_recipe(recipe, {"members.probe.averaging": 0.5, "preprocessing.channels": ["grey"]}, "here")
    assert (patched.members.probe.averaging, patched.preprocessing.channels) == (0.5, ("grey",))
    back = {"members.probe.averaging": recipe.members.probe.averaging, "preprocessing.channels": ["acceleration"]}
    assert patch_recipe(patched, back, "here") == recipe


def test_a_table_comes_and_goes() -> None:
    recipe = load_recipe("quick")
    without = patch_recipe(recipe, {"scenes": None}, "here")
    assert without.scenes is None
    again = patch_recipe(without, {"scenes.clips": 8, "scenes.seed": 4}, "here")
    assert again.scenes is not None
    assert (again.scenes.clips, again.scenes.seed, again.scenes.seconds) == (8, 4, 4.0)


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"members.probe.averageing": 0.5}, r"here: .*unknown field `averageing`.*\$\.members\.probe"),
        ({"members.head": "gru"}, r"here: Invalid enum value 'gru'.*\$\.members\.head"),
        ({"pruning.sparsity": 1.0}, r"here: .*< 1\.0.*\$\.pruning\.sparsity"),
        ({"folds": None}, r"here: .*missing required field `folds`"),
        ({"mixing.alpha": 0.2}, r"here: .*unknown field `mixing`"),
    ],
)
def test_one_clear_error_when_the_recipe_refuses_a_change(patch: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        patch_recipe(load_recipe("quick"), patch, "here")
