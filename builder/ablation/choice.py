"""Which techniques of the catalogue an ablation measures."""

from __future__ import annotations

from collections.abc import Sequence

from builder.ablation.catalogue import CATALOGUE
from builder.ablation.technique import Network, Technique, patch_recipe
from builder.errors import RecipeError
from builder.recipe import Recipe


def choose(names: Sequence[str] | None, network: Network, recipe: Recipe) -> tuple[Technique, ...]:
    """The techniques named, or all that make a difference to ``network``, each checked against ``recipe``.

    Raises ``RecipeError`` for a name that is not in the catalogue, a technique that makes no difference to
    ``network``, or a change that the recipe refuses.
    """
    by_name = {technique.name: technique for technique in CATALOGUE}
    unknown = [name for name in names or () if name not in by_name]
    if unknown:
        raise RecipeError(f"no technique named {unknown[0]!r}; there are {', '.join(by_name)}")
    aside = [name for name in names or () if network not in by_name[name].networks]
    if aside:
        fit = ", ".join(sorted(by_name[aside[0]].networks))
        raise RecipeError(f"technique {aside[0]} changes nothing with --network {network}; it does with {fit}")
    chosen = [by_name[name] for name in dict.fromkeys(names)] if names else list(CATALOGUE)
    for technique in chosen:
        for state, patch in (("on", technique.on), ("off", technique.off)):
            patch_recipe(recipe, patch, f"technique {technique.name} {state}")
    return tuple(technique for technique in chosen if network in technique.networks)
