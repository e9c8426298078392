from __future__ import annotations

import pytest

from builder.ablation.catalogue import CATALOGUE
from builder.ablation.choice import choose
from builder.ablation.technique import Network, Technique, patch_recipe
from builder.backbones.registry import build_backbone
from builder.errors import RecipeError
from builder.recipe import load_recipe


def channels_of(technique: Technique, state: str) -> tuple[str, ...]:
    """The planes of a sample with the technique on or off."""
    patch = technique.on if state == "on" else technique.off
    return patch_recipe(load_recipe("full"), patch, technique.name).preprocessing.channels


@pytest.mark.parametrize("name", ["full", "quick"])
@pytest.mark.parametrize("technique", CATALOGUE, ids=lambda technique: technique.name)
def test_on_and_off_are_two_recipes_that_can_be_built(technique: Technique, name: str) -> None:
    recipe = load_recipe(name)
    on, off = (patch_recipe(recipe, patch, technique.name) for patch in (technique.on, technique.off))
    assert on != off


@pytest.mark.slow
@pytest.mark.parametrize("channels", sorted({channels_of(one, state) for one in CATALOGUE for state in ("on", "off")}))
def test_every_input_that_is_compared_fits_the_backbone(channels: tuple[str, ...]) -> None:
    members = load_recipe("full").members
    features = build_backbone(members.backbone, (32, 32), len(channels)).features
    assert features.input_shape == (None, 32, 32, len(channels))


def test_names_are_unique_and_each_row_says_what_it_is_and_who_described_it() -> None:
    assert len({technique.name for technique in CATALOGUE}) == len(CATALOGUE)
    for technique in CATALOGUE:
        assert technique.title
        assert technique.source
        assert technique.networks


@pytest.mark.parametrize("network", ["member", "ensemble", "unpruned", "student"])
def test_all_techniques_that_concern_a_network_are_measured_when_none_is_named(network: Network) -> None:
    chosen = choose(None, network, load_recipe("full"))
    assert chosen == tuple(technique for technique in CATALOGUE if network in technique.networks)
    assert chosen


def test_techniques_are_measured_in_the_order_asked_and_once() -> None:
    chosen = choose(["scenes", "flip", "scenes"], "member", load_recipe("full"))
    assert [technique.name for technique in chosen] == ["scenes", "flip"]


@pytest.mark.parametrize(
    ("names", "network", "message"),
    [
        (["mixdown"], "member", r"no technique named 'mixdown'; there are second-difference, "),
        (["flip", "pruning"], "member", r"pruning changes nothing with --network member; it does with student"),
        (["distillation"], "member", r"distillation changes nothing .* member; it does with student, unpruned"),
        (["pruning"], "unpruned", r"pruning changes nothing .* unpruned; it does with student$"),
        (["ensemble"], "member", r"ensemble changes nothing .* member; it does with ensemble, student, unpruned"),
    ],
)
def test_one_clear_error_when_a_technique_cannot_be_measured(names: list[str], network: Network, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        choose(names, network, load_recipe("full"))
