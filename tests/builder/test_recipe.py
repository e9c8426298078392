from __future__ import annotations

from importlib import resources
from pathlib import Path

import msgspec
import pytest

from builder.data.degradation import Degradation
from builder.errors import RecipeError
from builder.recipe import load_recipe
from builder.training.adversarial import Alignment

QUICK = resources.files("builder.recipes").joinpath("quick.toml").read_text(encoding="utf-8")


def changed(directory: Path, before: str, after: str) -> str:
    assert before in QUICK
    path = directory / "mine.toml"
    path.write_text(QUICK.replace(before, after, 1), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(("name", "judged", "called"), [("full", 5, "violence"), ("quick", 1, "violence-quick")])
def test_the_recipes_that_come_along_are_whole(name: str, judged: int, called: str) -> None:
    recipe = load_recipe(name)
    assert (recipe.name, recipe.folds.judged, recipe.folds.count) == (called, judged, 5)
    assert len(recipe.members.seeds) == len(set(recipe.members.seeds)) == 3
    assert (recipe.members.head, recipe.student.head, recipe.pruning.sparsity) == ("bilstm", "tcn", 0.5)
    assert recipe.gate.megabytes == 8.0


def test_a_recipe_of_ones_own_is_read_with_the_defaults_for_what_it_leaves_out(tmp_path: Path) -> None:
    recipe = load_recipe(changed(tmp_path, "[quantization]\nclips = 60\n", ""))
    assert recipe.quantization.clips == 60
    assert recipe.augmentation.zoom == 0.75
    assert load_recipe(changed(tmp_path, "[scenes]\nclips = 12\nseconds = 3.0\nseed = 1\n", "")).scenes is None


def test_degraded_copies_and_alignment_are_off_until_asked_for(tmp_path: Path) -> None:
    plain = load_recipe("full")
    assert plain.degradation is None
    assert plain.members.alignment is msgspec.UNSET
    # What is off is not in what stages are keyed by.
    assert b"alignment" not in msgspec.json.encode(plain.members)
    recipe = load_recipe(changed(tmp_path, "[gate]", "[degradation]\n[members.alignment]\nstrength = 0.3\n[gate]"))
    assert recipe.degradation == Degradation()
    assert recipe.members.alignment == Alignment(strength=0.3)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("seeds =", "sedes =", r"unknown field `sedes`.*\$\.members"),
        ("[gate]", "[gates]", r"unknown field `gates`"),
        ("sparsity = 0.5", "sparsity = 1.0", r"< 1\.0.*\$\.pruning\.sparsity"),
        ("samples = 8", 'samples = "8"', r"Expected `int`, got `str`.*\$\.geometry\.samples"),
        ("samples = 8", "samples = 0", r">= 1.*\$\.geometry\.samples"),
        ('head = "tcn"', 'head = "gru"', r"Invalid enum value 'gru'.*\$\.student\.head"),
        ('name = "efficientnet_lite0"', 'name = "alexnet"', r"Invalid enum value 'alexnet'"),
        ("seeds = [1, 2, 3]", "seeds = []", r"length >= 1.*\$\.members\.seeds"),
        ("views = 3", "views = 0", r">= 1"),
        ('version = "0.1.0"', "", r"missing required field `version`"),
        ("[pruning.tune]\nepochs = 3", "[pruning.tune]", r"missing required field `epochs`.*\$\.pruning\.tune"),
        ("judged = 1", "judged = 0", r">= 1.*\$\.folds\.judged"),
        ("judged = 1", "judged = 2", r"folds\.judged is 2; judge 1 fold or all 5"),
        ("judged = 1", "judged = 4", r"folds\.judged is 4; judge 1 fold or all 5"),
        ("judged = 1", "judged = 6", r"folds\.judged is 6; judge 1 fold or all 5"),
        ("count = 5", "count = 2", r"folds\.count is 2; at least 3 are needed to judge one"),
        ("count = 5", "count = 1", r">= 2.*\$\.folds\.count"),
        ("[geometry]", "[geometry", r"mine\.toml: "),
        ("[gate]", "[degradation]\nshare = 1\n[gate]", r"unknown field `share`.*\$\.degradation"),
        ("[gate]", "[degradation]\ngamma = [2.0, 1.0]\n[gate]", r"gamma is \[2\.0, 1\.0\]; give the lower first"),
        ("[student]", "[members.alignment]\n[student]", r"members\.alignment needs degraded clips .*\[degradation\]"),
        ("[gate]", "[degradation]\n[members.alignment]\nhidden = 0\n[gate]", r">= 1.*\$\.members\.alignment\.hidden"),
    ],
)
def test_one_clear_error_when_a_key_is_wrong(tmp_path: Path, before: str, after: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        load_recipe(changed(tmp_path, before, after))
    assert "mine.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("count", "judged"), [(2, 2), (3, 1), (3, 3), (1_000, 1)])
def test_folds_are_taken_when_something_is_left_to_learn_from(tmp_path: Path, count: int, judged: int) -> None:
    path = changed(tmp_path, "count = 5\njudged = 1", f"count = {count}\njudged = {judged}")
    assert load_recipe(path).folds.judged == judged


@pytest.mark.parametrize("name", ["fast", "__init__", "full.tml", "../full", ""])
def test_the_recipes_that_there_are_get_named_when_one_is_unknown(name: str) -> None:
    with pytest.raises(RecipeError, match=r"no recipe named .*; there are full, quick, or give the path of a \.toml"):
        load_recipe(name)


def test_one_clear_error_when_the_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"absent\.toml: cannot be read \(No such file"):
        load_recipe(str(tmp_path / "absent.toml"))
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(RecipeError, match=r"folder\.toml: cannot be read"):
        load_recipe(str(tmp_path / "folder.toml"))
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeError, match=r"binary\.toml"):
        load_recipe(str(tmp_path / "binary.toml"))
