from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from builder.backbones.registry import BackboneSpec
from builder.data.clips import Clip, Label, find_clips
from builder.errors import DataError
from builder.pipeline.curated import CuratedClips, curate, hash_clips
from builder.pipeline.fold_build import SCORES, FoldBuild, read_scores
from builder.pipeline.fold_clips import WHOLE, FoldClips
from builder.recipe import NetworkSpec, Recipe, load_recipe
from builder.stages import Stage, StageStore
from builder.training.fit import Schedule
from builder.training.geometric import GeometricAugmentation
from builder.training.held_out import Validation
from builder.training.network import load_weights
from builder.training.oversampling import Oversampling
from builder.training.views import Augmentation
from tests.builder import tiny_clips
from tests.builder.tiny_recipe import RECIPE
from tests.builder.tiny_training import GEOMETRY, PREPROCESSING, silent


def make_clip(name: str, source: str, label: Label = "fight") -> Clip:
    return Clip(name, Path(name), label, source)


TRAIN = (make_clip("a", "s1"), make_clip("b", "s2"))
UNUSED: Any = SimpleNamespace()
# Of the recipe below, on clips that were curated once: a change here means that every training is done again.
KEYS = {
    "embed-views": "5560f2326fbc",
    "embed-scenes": "90e99e2bfc77",
    "member1": "ad3f86d14216",
    "member2": "50e371397256",
    "teacher": "6a86a646b0f8",
    "student": "e7268cd4eaa2",
    "prune": "48b2f88bb95a",
    "judge": "c923512d0d0a",
}


class Noted(StageStore):
    """A store that does no stage and notes the keys of those that it was asked for."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"), lambda *_: None)
        self.keys: dict[str, str] = {}

    def run(self, name: str, inputs: Any, work: Any) -> Stage:  # noqa: ARG002 - the base's names
        encoded = msgspec.json.encode({"stage": name, "inputs": inputs}, order="deterministic")
        assert name not in self.keys
        self.keys[name] = hashlib.sha256(encoded).hexdigest()[:12]
        return Stage(name, Path("nowhere"), self.keys[name], 0.0)


def make_fold(store: StageStore, clips: FoldClips, written: str = RECIPE) -> FoldBuild:
    listed: Any = SimpleNamespace(listed=SimpleNamespace(fingerprint="f" * 64), clips=())
    recipe = msgspec.toml.decode(written, type=Recipe)
    return FoldBuild(recipe, listed, listed, clips, store, silent)


def test_keys_of_stages_stay_what_they_were_so_that_finished_trainings_are_found() -> None:
    store = Noted()
    make_fold(store, FoldClips(0, TRAIN, (make_clip("c", "s3"),), (make_clip("d", "s4"),))).run()
    assert store.keys == {name if name.startswith("embed-") else f"fold0-{name}": key for name, key in KEYS.items()}


@pytest.mark.parametrize("tuned", [True, False])
def test_blocks_that_may_not_be_tuned_make_another_member_where_any_are_tuned(tuned: bool) -> None:
    stores = {frozen: Noted() for frozen in (0, 1)}
    for frozen, store in stores.items():
        recipe = RECIPE.replace("frozen = 1", f"frozen = {frozen}", 1)
        recipe = recipe if tuned else recipe.replace("tune = { epochs = 1, batch = 2 }\n", "", 1)
        make_fold(store, FoldClips(0, TRAIN, (make_clip("c", "s3"),), ()), recipe).members()
    other = {name for name, key in stores[0].keys.items() if stores[1].keys[name] != key}
    assert other == ({"fold0-member1", "fold0-member2"} if tuned else set())


SLIMMING, CLUSTERING = "[slimming]\nkeep = 0.5\n", "[clustering]\nvalues = 16\n"
ROUNDING = "[quantization_aware]\ntune = { epochs = 1, batch = 32 }\nviews = 1\n"
PRUNING = "[pruning]\ntune = { epochs = 2, batch = 2 }\n"


@pytest.mark.parametrize(
    ("without", "more", "passes"),
    [
        ("", "", ["prune"]),
        ("", CLUSTERING + SLIMMING, ["slim", "prune", "cluster"]),
        (PRUNING, SLIMMING, ["slim"]),
        (PRUNING, CLUSTERING, ["cluster"]),
        ("", ROUNDING, ["prune", "round"]),
        (PRUNING, "", []),
    ],
)
def test_what_ships_is_what_the_last_pass_leaves_that_is_asked_for(without: str, more: str, passes: list[str]) -> None:
    assert without in RECIPE
    written = RECIPE.replace(without, "") + more
    store = Noted()
    stages = make_fold(store, FoldClips(0, TRAIN, (make_clip("c", "s3"),), ()), written).run()
    assert [stage.name for stage in stages.passes] == [f"fold0-{name}" for name in passes]
    assert stages.shipped.name == f"fold0-{['student', *passes][-1]}"
    assert store.keys["fold0-student"] == KEYS["student"]


def test_a_stage_asked_for_alone_has_the_key_it_has_among_all() -> None:
    clips = FoldClips(2, TRAIN, (make_clip("c", "s3"),), ())
    whole, alone = Noted(), Noted()
    make_fold(whole, clips).run()
    fold = make_fold(alone, clips)
    fold.member(fold.recipe.each_member()[1])
    assert alone.keys == {name: whole.keys[name] for name in ("embed-views", "embed-scenes", "fold2-member2")}


def test_the_fold_of_all_clips_names_its_stages_apart() -> None:
    store = Noted()
    fold = make_fold(store, FoldClips(WHOLE, TRAIN, (), ()))
    fold.embedded(fold.recipe.each_member()[0])
    fold.member(fold.recipe.each_member()[0])
    assert list(store.keys) == ["embed-views", "embed-scenes", "whole-member1"]


@pytest.mark.parametrize(
    ("judge", "calibrate"),
    [
        ((make_clip("c", "s2"),), ()),
        ((make_clip("c", "s3"),), (make_clip("d", "s1"),)),
    ],
)
def test_a_fold_is_refused_when_a_source_is_learnt_from_and_held_out(
    tmp_path: Path, judge: tuple[Clip, ...], calibrate: tuple[Clip, ...]
) -> None:
    store = StageStore(tmp_path, lambda *_: None)
    with pytest.raises(DataError, match=r"source\(s\) s\d are both trained on and tested on"):
        FoldBuild(load_recipe("quick"), UNUSED, None, FoldClips(0, TRAIN, judge, calibrate), store, silent)


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> CuratedClips:
    """Eight fights and four calm clips of six sources."""
    found = find_clips(tiny_clips.write_table(tmp_path_factory.mktemp("clips"), fights=8, calm=4, sources=6))
    directory = tmp_path_factory.mktemp("curated")
    curate(found, hash_clips(found.clips, silent), PREPROCESSING, directory, silent, lambda _: None)
    return CuratedClips(directory)


def fold(curated: CuratedClips, directory: Path, **options: Any) -> FoldBuild:
    """A fold that learns from the first five sources and judges the sixth."""
    recipe = msgspec.structs.replace(load_recipe("quick"), geometry=GEOMETRY, preprocessing=PREPROCESSING, **options)
    judge = tuple(clip for clip in curated.clips if clip.source == "camera-5")
    train = tuple(clip for clip in curated.clips if clip not in judge)
    store = StageStore(directory, lambda *_: None)
    return FoldBuild(recipe, curated, None, FoldClips(0, train, judge, ()), store, silent)


@pytest.mark.parametrize("seed", range(4))
def test_what_training_is_judged_by_is_of_sources_that_are_neither_learnt_from_nor_judged(
    curated: CuratedClips, tmp_path: Path, seed: int
) -> None:
    made = fold(curated, tmp_path, validation=Validation(share=0.4, windows=2, seed=seed))
    training = made.training(PREPROCESSING)
    learnt = {clip.source for clip in training.clips}
    held_out = {clip.source for clip in curated.clips} - learnt - {"camera-5"}
    assert learnt
    assert held_out
    assert "camera-5" not in learnt
    clips = [clip for clip in curated.clips if clip.source in held_out]
    assert training.held_out is not None
    assert training.held_out.windows.shape == (2 * len(clips), 3, 32, 32, 1)
    assert training.held_out.labels[:, 1].sum() == 2 * sum(clip.fight for clip in clips)


def test_all_is_learnt_from_and_nothing_held_out_when_it_is_not_asked(curated: CuratedClips, tmp_path: Path) -> None:
    made = fold(curated, tmp_path)
    assert made.training(PREPROCESSING).held_out is None
    assert {clip.source for clip in made.training(PREPROCESSING).clips} == {f"camera-{number}" for number in range(5)}


def test_the_rarer_class_is_drawn_again_when_it_is_asked(curated: CuratedClips, tmp_path: Path) -> None:
    plain = fold(curated, tmp_path).training(PREPROCESSING)
    even = fold(curated, tmp_path, oversampling=Oversampling()).training(PREPROCESSING)
    calm, fights = plain.labels().sum(axis=0)
    assert calm != fights
    assert even.labels().sum(axis=0).tolist() == [max(calm, fights)] * 2


def test_the_key_of_a_folds_data_changes_only_with_what_is_asked(curated: CuratedClips, tmp_path: Path) -> None:
    options: list[dict[str, Any]] = [
        {},
        {"validation": Validation()},
        {"validation": Validation(seed=1)},
        {"oversampling": Oversampling()},
        {"augmentation": Augmentation(geometric=GeometricAugmentation(rotation=3.0))},
    ]
    keys = [msgspec.json.encode(fold(curated, tmp_path, **option)._data_key(PREPROCESSING)) for option in options]
    assert len(set(keys)) == len(keys)
    today = (
        ((curated.listed.fingerprint, 0, GEOMETRY, PREPROCESSING, Augmentation()),),
        [clip.name for clip in curated.clips if clip.source != "camera-5"],
    )
    assert keys[0] == msgspec.json.encode(today)


@pytest.mark.parametrize("part", ["judge", "calibrate"])
def test_a_random_fold_may_share_sources_and_is_refused_when_it_shares_a_clip(tmp_path: Path, part: str) -> None:
    store = StageStore(tmp_path, lambda *_: None)
    fold = FoldClips(0, TRAIN, (make_clip("c", "s2"),), (), "random")
    FoldBuild(load_recipe("quick"), UNUSED, None, fold, store, silent)
    with pytest.raises(DataError, match=r"clip\(s\) a are both trained on and tested on"):
        FoldBuild(load_recipe("quick"), UNUSED, None, fold._replace(**{part: TRAIN[:1]}), store, silent)


@pytest.mark.parametrize("precision", [msgspec.UNSET, "bfloat16"])
def test_a_trained_network_is_judged_in_whole_floats_whatever_it_was_trained_in(
    curated: CuratedClips, tmp_path: Path, precision: Any
) -> None:
    schedule = Schedule(epochs=1)
    backbone = BackboneSpec(blocks=1)
    spec = NetworkSpec(backbone=backbone, head="tcn", probe=schedule, tune=schedule, precision=precision)
    made = fold(curated, tmp_path)
    seen = made.recipe.preprocessing
    trained = made._learner(spec, seen, 1)
    assert trained.head.layers[-1].compute_dtype == ("float32" if precision is msgspec.UNSET else precision)
    made._keep(spec, trained, seen, tmp_path)
    whole = made._new(spec, seen)
    load_weights(whole, tmp_path)
    judge = [clip for clip in curated.clips if clip.source == "camera-5"]
    assert read_scores(tmp_path / SCORES) == made.scores(made.scorer(whole, PREPROCESSING), judge, PREPROCESSING)
