from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from builder.errors import RecipeError
from builder.recipe import Recipe, load_recipe
from builder.training.fit import Schedule
from tests.builder.tiny_recipe import RECIPE

CLOSE_UP = "[preprocessing.close_up]\ncanvas = [64, 64]\nshare = 0.4\n[folds]"
VARIANTS = """
[[members.variants]]
name = "shared"

[[members.variants]]
name = "near"
share = 0.25
size = [48, 48]

[[members.variants]]
name = "other"
head = "moments"
channels = ["grey", "acceleration"]
backbone = { blocks = 2 }

[[members.variants]]
name = "tuned"
tune = { epochs = 7 }

[student]"""


def read(text: str) -> Recipe:
    return msgspec.toml.decode(text, type=Recipe)


def varied() -> Recipe:
    return read(RECIPE.replace("[folds]", CLOSE_UP).replace("[student]", VARIANTS))


def test_members_differ_by_seed_alone_where_there_are_no_variants() -> None:
    recipe = read(RECIPE)
    members = recipe.each_member()
    assert [(member.name, member.seed) for member in members] == [("member1", 1), ("member2", 2)]
    assert {member.preprocessing for member in members} == {recipe.preprocessing}
    assert all(member.spec is recipe.members for member in members)


def test_each_seed_has_a_member_of_each_variant() -> None:
    names = [member.name for member in varied().each_member()]
    assert names == [f"member{seed}-{name}" for seed in (1, 2) for name in ("shared", "near", "other", "tuned")]


def test_a_variant_changes_what_it_names_and_nothing_else() -> None:
    recipe = varied()
    shared, near, other, tuned = recipe.each_member()[:4]
    assert shared.preprocessing == recipe.preprocessing
    assert (shared.spec.head, shared.spec.backbone) == (recipe.members.head, recipe.members.backbone)
    assert near.preprocessing.size == (48, 48)
    assert near.preprocessing.close_up is not None
    assert (near.preprocessing.close_up.share, near.preprocessing.canvas) == (0.25, recipe.preprocessing.canvas)
    assert near.preprocessing.channels == recipe.preprocessing.channels
    assert (other.spec.head, other.spec.backbone.blocks) == ("moments", 2)
    assert other.preprocessing.channels == ("grey", "acceleration")
    assert other.preprocessing.close_up == recipe.preprocessing.close_up
    assert (other.spec.probe, other.spec.tune, other.spec.variants) == (recipe.members.probe, recipe.members.tune, ())
    assert tuned.spec.tune == Schedule(epochs=7) != recipe.members.tune
    assert msgspec.structs.replace(tuned.spec, tune=recipe.members.tune) == shared.spec


@pytest.mark.parametrize(("key", "value"), [("share", "0.2"), ("size", "[48, 48]")])
def test_a_look_that_needs_larger_clips_is_refused_without_a_close_up(tmp_path: Path, key: str, value: str) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(RECIPE.replace("[student]", f'[[members.variants]]\nname = "near"\n{key} = {value}\n[student]'))
    with pytest.raises(RecipeError, match=rf"variants near sets {key}, .*\[preprocessing\.close_up\]"):
        load_recipe(str(file))


def test_two_variants_of_one_name_are_refused() -> None:
    twice = VARIANTS.replace('"near"', '"other"')
    with pytest.raises(msgspec.ValidationError, match=r"variants are named shared, other, other, tuned"):
        read(RECIPE.replace("[folds]", CLOSE_UP).replace("[student]", twice))


def test_members_that_say_nothing_of_variants_have_none() -> None:
    assert read(RECIPE).members.variants == ()
