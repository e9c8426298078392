from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_agent.events import Picture
from edge_agent.picture import PictureWatch

Luma = NDArray[np.uint8]
SIZE = (96, 128)
SCENE: Luma = np.linspace(20, 220, SIZE[0] * SIZE[1]).reshape(SIZE).astype(np.uint8)
IDLE_S, ALERT_S = 2.0, 0.1


def flat(level: int) -> Luma:
    return np.full(SIZE, level, np.uint8)


def noisy(picture: Luma, seed: int) -> Luma:
    """The least noise there can be: one pixel, one level."""
    other = picture.copy()
    row, column = divmod(seed % picture.size, SIZE[1])
    other[row, column] ^= 1
    return other


def captioned(picture: Luma, seed: int) -> Luma:
    """With a clock in a corner that ticks, a hundredth of the picture."""
    other = picture.copy()
    other[4:12, 8:23] = 255 - seed % 10
    return other


def watch(pictures: list[tuple[Luma, Luma, Luma]], interval_s: float, runs: list[int] | None = None) -> list[Picture]:
    one = PictureWatch()
    runs = runs or [0] * len(pictures)
    return [
        one.look(100 + index * interval_s, run, three)
        for index, (three, run) in enumerate(zip(pictures, runs, strict=True))
    ]


@pytest.mark.parametrize("interval_s", [IDLE_S, ALERT_S], ids=["idle", "alert"])
@pytest.mark.parametrize(
    ("picture", "told"),
    [(SCENE, "frozen"), (flat(0), "dark"), (flat(20), "dark"), (flat(90), "blank"), (flat(255), "blank")],
    ids=["scene", "black", "night", "grey", "white"],
)
def test_picture_is_told_of_once_it_lasted_for_half_a_minute(picture: Luma, told: Picture, interval_s: float) -> None:
    looks = round(30 / interval_s)
    seen = watch([(picture, picture.copy(), picture.copy())] * (looks + 1), interval_s)
    assert seen[: looks - 1] == ["ok"] * (looks - 1)
    assert seen[-1] == told


@pytest.mark.parametrize("still", [0, 1, 2], ids=["newest-differs", "two-differ", "all-differ"])
def test_picture_is_not_frozen_when_one_level_of_one_pixel_changes(still: int) -> None:
    three = [[SCENE if place < 3 - still - 1 else noisy(SCENE, seed) for place in range(3)] for seed in range(300)]
    assert set(watch([(a, b, c) for a, b, c in three], IDLE_S)) == {"ok"}


def test_picture_is_not_frozen_when_it_changes_between_glances_alone() -> None:
    # As an encoder does that repeats itself between two key frames.
    seen = [noisy(SCENE, index // 5) for index in range(300)]
    assert set(watch([(one, one, one) for one in seen], IDLE_S)) == {"ok"}


@pytest.mark.parametrize(("level", "told"), [(3, "dark"), (180, "blank")])
def test_surface_is_told_of_when_a_clock_ticks_in_its_corner(level: int, told: Picture) -> None:
    seen = [captioned(flat(level), index) for index in range(40)]
    assert watch([(one, one, one) for one in seen], IDLE_S)[-1] == told


def test_dim_scene_is_neither_dark_nor_blank_when_it_shows_something() -> None:
    random = np.random.default_rng(0)
    dim = SCENE // 16 + random.integers(0, 2, (60, *SIZE), np.uint8)
    assert set(watch([(one, one, one) for one in dim], IDLE_S)) == {"ok"}


def test_short_glances_of_one_picture_are_compared_with_those_before() -> None:
    watch_ = PictureWatch()
    assert {watch_.look(100 + 40.0 * run, run, (SCENE,)) for run in range(20)} == {"ok"}
    assert [watch_.look(1000 + 2.0 * index, 20, (SCENE,)) for index in range(17)][-2:] == ["ok", "frozen"]
    assert watch_.look(1040, 20, (noisy(SCENE, 3),)) == "ok"


def test_fault_ends_at_once_when_the_picture_moves_again() -> None:
    three = (SCENE, SCENE, SCENE)
    assert watch([three] * 20 + [(SCENE, SCENE, noisy(SCENE, 1)), three], IDLE_S)[-3:] == ["frozen", "ok", "ok"]


def test_nothing_is_concluded_across_a_break() -> None:
    seen = watch([(SCENE, SCENE, SCENE)] * 40, IDLE_S, runs=[index // 14 for index in range(40)])
    assert set(seen) == {"ok"}


def test_few_looks_are_no_evidence_when_they_are_far_apart() -> None:
    assert watch([(SCENE, SCENE, SCENE)] * 5, 60.0) == ["ok"] * 4 + ["frozen"]


def test_pictures_of_another_size_are_another_picture() -> None:
    small = SCENE[::2, ::2]
    seen = watch([(one, one, one) for one in (SCENE, small)] * 40, IDLE_S)
    assert set(seen) == {"ok"}


PIECES = st.tuples(st.sampled_from(["still", "moving", "dark", "blank"]), st.integers(1, 40))


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=6), st.sampled_from([0.1, 1.0, 2.0, 7.0]))
def test_what_is_told_was_so_for_half_a_minute(pieces: list[tuple[str, int]], interval_s: float) -> None:
    shown: list[tuple[str, Luma]] = []
    for kind, count in pieces:
        for _ in range(count):
            surface = {"dark": flat(4), "blank": flat(140), "still": SCENE}.get(kind)
            shown.append((kind, noisy(SCENE, len(shown)) if surface is None else surface))
    told = watch([(one, one, one) for _, one in shown], interval_s)
    names = {"still": "frozen", "moving": "ok", "dark": "dark", "blank": "blank"}
    for index, picture in enumerate(told):
        if picture != "ok":
            span = shown[max(0, index - round(30 / interval_s)) + 1 : index + 1]
            assert {names[kind] for kind, _ in span} == {picture}
        elif shown[index][0] == "moving":
            continue
        else:
            lasted = next((back for back in range(index + 1) if shown[index - back][0] != shown[index][0]), index + 1)
            assert (lasted - 2) * interval_s < 30 or lasted < 6
