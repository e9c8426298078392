from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import NamedTuple

import msgspec
import pytest

from builder.stages import FACTS, Stage, StageMissing, StageStore

Announced = list[tuple[str, bool]]


def make_store(root: Path, announced: Announced | None = None) -> StageStore:
    times = iter(range(0, 1000, 5))
    told = announced if announced is not None else []
    return StageStore(root, lambda name, done: told.append((name, done)), lambda: float(next(times)))


def writing(text: str) -> Callable[[Path], None]:
    return lambda directory: (directory / "out").write_text(text, encoding="utf-8") and None


def failing(error: BaseException) -> Callable[[Path], None]:
    def work(directory: Path) -> None:
        (directory / "half").write_text("half")
        raise error

    return work


def forbidden(_: Path) -> None:
    raise AssertionError("done again")


def test_a_stage_is_done_once_and_skipped_when_it_is_there(tmp_path: Path) -> None:
    announced: Announced = []
    first = make_store(tmp_path, announced).run("train", {"seed": 1}, writing("one"))
    before = (first.directory / FACTS).stat().st_mtime_ns
    again = make_store(tmp_path, announced).run("train", {"seed": 1}, forbidden)
    assert announced == [("train", False), ("train", True)]
    assert again == first == Stage("train", first.directory, first.key, 5.0)
    assert (first.directory / FACTS).stat().st_mtime_ns == before
    assert (again.directory / "out").read_text() == "one"


class Spec(msgspec.Struct, frozen=True):
    sizes: tuple[int, int] = (1, 2)
    share: float = 0.5


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        (Spec(), Spec(), True),
        ((1, None, "x"), [1, None, "x"], True),
        (Spec(), Spec(share=0.25), False),
        (["a", "b"], ["b", "a"], False),
        (("key", Spec()), ("kez", Spec()), False),
    ],
)
def test_a_stage_is_done_again_only_when_its_inputs_change(
    tmp_path: Path, one: object, other: object, same: bool
) -> None:
    store = make_store(tmp_path)
    first, second = store.run("train", one, writing("one")), store.run("train", other, writing("two"))
    assert (first.key == second.key) is same
    assert (second.directory / "out").read_text() == ("one" if same else "two")
    assert (first.directory / "out").read_text() == "one"


class Options(msgspec.Struct, frozen=True, omit_defaults=True):
    share: float = 0.0
    chance: float = 1.0
    names: tuple[str, ...] = ()


class Recipe(msgspec.Struct, frozen=True):
    options: Options | None
    seed: int = 0


class Inputs(NamedTuple):
    recipe: Recipe
    others: dict[str, list[Options]]


def test_what_came_from_another_process_finds_the_stages_of_this_one(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    for inputs in (Options(share=0.2), (Recipe(Options(chance=0.5)), 3), Inputs(Recipe(None), {"a": [Options()]})):
        here = store.run("train", inputs, writing("one"))
        sent = pickle.loads(pickle.dumps(inputs))  # noqa: S301 - as executors send tasks
        assert store.run("train", sent, forbidden).key == here.key


def test_recipes_that_are_equal_have_the_same_stages_and_others_have_not(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    keys = {store.run("train", Options(share=share), writing("one")).key for share in (0.0, 0.1 * 2, 0.2, 1.0)}
    assert len(keys) == 3


def test_stages_of_different_names_do_not_share_output(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    assert store.run("a", 1, writing("one")).directory != store.run("b", 1, writing("two")).directory
    assert [stage.name for stage in store.finished] == ["a", "b"]


def test_names_that_differ_after_a_dot_do_not_share_a_folder_while_they_are_made(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    seen: list[Path] = []

    def outer(directory: Path) -> None:
        store.run("model-1.2.1-watch", 1, lambda inner: seen.extend((directory, inner)))
        (directory / "out").write_text("outer")

    assert (store.run("model-1.2.0-watch", 1, outer).directory / "out").read_text() == "outer"
    assert len(set(seen)) == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("disk full"), SystemExit(1)])
def test_an_interrupted_stage_leaves_nothing_under_its_name_and_is_done_whole_the_next_time(
    tmp_path: Path, error: BaseException
) -> None:
    store = make_store(tmp_path)
    with pytest.raises(type(error)):
        store.run("train", 1, failing(error))
    assert [path.suffix for path in tmp_path.glob("train*")] == [".part"]
    assert store.finished == []
    done = make_store(tmp_path).run("train", 1, writing("whole"))
    assert list(tmp_path.glob("train*")) == [done.directory]
    assert sorted(path.name for path in done.directory.iterdir()) == ["out", FACTS]


def test_a_store_that_only_looks_finds_what_is_there_and_runs_nothing(tmp_path: Path) -> None:
    done = make_store(tmp_path).run("train", 1, writing("one"))
    looking = StageStore(tmp_path, lambda *_: None, looks=True)
    assert looking.run("train", 1, forbidden) == done
    with pytest.raises(StageMissing, match="train-"):
        looking.run("train", 2, forbidden)
    assert list(tmp_path.glob("train*")) == [done.directory]


def test_of_two_that_need_a_stage_at_once_one_runs_it_and_the_other_finds_it(tmp_path: Path) -> None:
    begun, go_on = Event(), Event()

    def slow(directory: Path) -> None:
        begun.set()
        assert go_on.wait(30)
        (directory / "out").write_text("first")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(make_store(tmp_path).run, "train", 1, slow)
        assert begun.wait(30)
        announced: Announced = []
        second = pool.submit(make_store(tmp_path, announced).run, "train", 1, forbidden)
        go_on.set()
        assert first.result() == second.result()
    assert announced == [("train", True)]


def test_a_folder_without_its_facts_is_no_finished_stage(tmp_path: Path) -> None:
    done = make_store(tmp_path).run("train", 1, writing("one"))
    (done.directory / FACTS).unlink()
    (done.directory / "stray").touch()
    again = make_store(tmp_path).run("train", 1, writing("two"))
    assert sorted(path.name for path in again.directory.iterdir()) == ["out", FACTS]
    assert (again.directory / "out").read_text() == "two"
