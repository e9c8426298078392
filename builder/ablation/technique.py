"""A technique as data: two changes of a recipe, of which one turns it on and the other off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from builder.errors import RecipeError
from builder.recipe import Recipe

Network = Literal["member", "ensemble", "unpruned", "student"]
"""What is trained to see a difference: one member, all of them averaged, or the student before or after pruning."""
ALL: frozenset[Network] = frozenset({"member", "ensemble", "unpruned", "student"})

Patch = Mapping[str, Any]
"""New values by their keys in the recipe, such as ``{"members.tune.averaging": 0.98}``; ``None`` takes the key away."""


@dataclass(frozen=True, slots=True)
class Technique:
    """``source`` is who described it; ``networks`` are those that it can make a difference to."""

    name: str
    title: str
    source: str
    on: Patch
    off: Patch
    networks: frozenset[Network] = field(default=ALL)


def patch_recipe(recipe: Recipe, patch: Patch, where: str) -> Recipe:
    """The recipe with new values, checked as a recipe file is.

    Raises ``RecipeError`` naming ``where`` and the key that is unknown or has a value out of its range.
    """
    tree: dict[str, Any] = msgspec.to_builtins(recipe)
    for path, value in patch.items():
        *parents, key = path.split(".")
        place = tree
        for parent in parents:
            if place.get(parent) is None:
                place[parent] = {}
            place = place[parent]
        if value is None:
            place.pop(key, None)
        else:
            place[key] = msgspec.to_builtins(value)
    try:
        return msgspec.convert(tree, type=Recipe)
    except msgspec.ValidationError as error:
        raise RecipeError(f"{where}: {error}; the recipes full and quick show every key") from error
