from __future__ import annotations

import pytest

from builder.ablation.ablate import of_turn
from builder.ablation.technique import Network, patch_recipe
from builder.recipe import load_recipe


@pytest.mark.parametrize(
    ("network", "wanted"),
    [
        ("member", [(1,), (2,), (3,), (4,)]),
        ("ensemble", [(1, 2, 3), (4, 5, 6), (7, 8, 9), (10, 11, 12)]),
        ("student", [(1, 2, 3)] * 4),
    ],
)
def test_each_turn_has_seeds_of_its_own_and_begins_with_those_of_a_build(
    network: Network, wanted: list[tuple[int, ...]]
) -> None:
    recipe = load_recipe("full")
    turns = [of_turn(recipe, recipe.members.seeds, network, turn) for turn in range(4)]
    assert [turn.members.seeds for turn in turns] == wanted
    students = [turn.student.seed for turn in turns]
    assert students == ([11, 12, 13, 14] if network == "student" else [11] * 4)


def test_an_ensemble_of_one_takes_the_seeds_of_single_members() -> None:
    recipe = load_recipe("full")
    single = patch_recipe(recipe, {"members.seeds": [1]}, "here")
    turns = [of_turn(single, recipe.members.seeds, "ensemble", turn).members.seeds for turn in range(3)]
    assert turns == [(1,), (2,), (3,)]
