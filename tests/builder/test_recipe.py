from __future__ import annotations

from importlib import resources
from pathlib import Path

import msgspec
import pytest

from builder.compilation.catalogue import CPU_TARGETS
from builder.data.degradation import Degradation
from builder.errors import RecipeError
from builder.recipe import load_recipe
from builder.training.adversarial import Alignment
from builder.training.averaging import Swa
from builder.training.geometric import GeometricAugmentation
from builder.training.held_out import Validation
from builder.training.loss import Focal
from builder.training.mixing import Mixing
from builder.training.oversampling import Oversampling
from builder.training.photometric import PhotometricAugmentation
from builder.training.stopping import Stopping
from builder.training.temporal import TemporalAugmentation
from builder.training.views import Augmentation

QUICK = resources.files("builder.recipes").joinpath("quick.toml").read_text(encoding="utf-8")


TUNED = "[members.tune]\nepochs = 2\n[gate]"


def changed(directory: Path, before: str, after: str) -> str:
    assert before in QUICK
    path = directory / "mine.toml"
    path.write_text(QUICK.replace(before, after, 1), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("name", "judged", "called", "members", "heads", "sparsity"),
    [
        ("full", 5, "violence", ["member1-wide", "member1-near"], ("moments", "moments"), 0.55),
        ("quick", 1, "violence-quick", ["member1", "member2", "member3"], ("bilstm", "tcn"), 0.5),
    ],
)
def test_the_recipes_that_come_along_are_whole(
    name: str, judged: int, called: str, members: list[str], heads: tuple[str, str], sparsity: float
) -> None:
    recipe = load_recipe(name)
    assert (recipe.name, recipe.folds.judged, recipe.folds.count) == (called, judged, 5)
    assert [member.name for member in recipe.each_member()] == members
    assert (recipe.members.head, recipe.student.head, recipe.pruning.sparsity) == (*heads, sparsity)
    assert recipe.gate.megabytes == 8.0


def test_a_recipe_chooses_what_the_bundle_is_compiled_for(tmp_path: Path) -> None:
    every = load_recipe("quick")
    assert [target.name for target in every.released()] == list(every.targets) == [one.name for one in CPU_TARGETS]
    some = load_recipe(changed(tmp_path, "[geometry]", 'targets = ["cpu-onnx", "cpu-tflite-int8"]\n[geometry]'))
    assert [(one.name, one.precision) for one in some.released()] == [
        ("cpu-tflite-int8", "int8"),
        ("cpu-onnx", "float16"),
    ]


@pytest.mark.parametrize(("targets", "found"), [('["toaster"]', "no target named 'toaster'"), ("[]", "length >= 1")])
def test_a_target_that_there_is_not_is_refused(tmp_path: Path, targets: str, found: str) -> None:
    with pytest.raises(RecipeError, match=rf"targets.*{found}|{found}.*targets"):
        load_recipe(changed(tmp_path, "[geometry]", f"targets = {targets}\n[geometry]"))


def test_roots_are_for_members_since_int8_engines_have_none(tmp_path: Path) -> None:
    whole = 'name = "efficientnet_lite0"\n'
    text = QUICK.replace("[members.backbone]\n" + whole, "[members.backbone]\nroot = true\n" + whole, 1)
    (tmp_path / "mine.toml").write_text(text)
    assert load_recipe(str(tmp_path / "mine.toml")).members.backbone.root is True
    with pytest.raises(RecipeError, match=r"student\.backbone sets root, which no int8 engine computes"):
        load_recipe(changed(tmp_path, "[student.backbone]\n", "[student.backbone]\nroot = true\n"))


def test_a_recipe_of_ones_own_is_read_with_the_defaults_for_what_it_leaves_out(tmp_path: Path) -> None:
    recipe = load_recipe(changed(tmp_path, "[quantization]\nclips = 60\n", ""))
    assert recipe.quantization.clips == 60
    assert recipe.augmentation.zoom == 0.75
    assert load_recipe(changed(tmp_path, "[scenes]\nclips = 12\nseconds = 3.0\nseed = 1\n", "")).scenes is None


def test_layers_that_int8_keeps_in_float_are_none_until_named(tmp_path: Path) -> None:
    assert "block0_depth_conv" in load_recipe("full").quantization.kept_float
    plain = load_recipe("quick").quantization
    assert plain.kept_float == ()
    # What is off is not in what stages are keyed by.
    assert set(msgspec.json.decode(msgspec.json.encode(plain))) == {"clips", "rounding"}
    named = changed(tmp_path, "[quantization]\n", '[quantization]\nfloat_layers = ["block0_depth_conv"]\n')
    assert load_recipe(named).quantization.kept_float == ("block0_depth_conv",)
    with pytest.raises(RecipeError, match=r"length >= 1.*\$\.quantization\.float_layers"):
        load_recipe(changed(tmp_path, "[quantization]\n", "[quantization]\nfloat_layers = []\n"))


def test_degraded_copies_and_alignment_are_off_until_asked_for(tmp_path: Path) -> None:
    plain = load_recipe("full")
    assert plain.degradation is None
    assert plain.members.alignment is msgspec.UNSET
    # What is off is not in what stages are keyed by.
    assert b"alignment" not in msgspec.json.encode(plain.members)
    recipe = load_recipe(changed(tmp_path, "[gate]", f"[degradation]\n[members.alignment]\nstrength = 0.3\n{TUNED}"))
    assert recipe.degradation == Degradation()
    assert recipe.members.alignment == Alignment(strength=0.3)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("seeds =", "sedes =", r"unknown field `sedes`.*\$\.members"),
        ("[gate]", "[gates]", r"unknown field `gates`"),
        ("sparsity = 0.5", "sparsity = 1.0", r"< 1\.0.*\$\.pruning\.sparsity"),
        ("[gate]", "[slimming]\nkeep = 1.0\n[gate]", r"< 1\.0.*\$\.slimming\.keep"),
        (
            "[gate]",
            "[slimming]\nkeep = 0.5\n[slimming.tune]\nepochs = 2\nclass_weights = 'balanced'\n[gate]",
            r"tune sets class_weights; only embeddings .*leave it out.*\$\.slimming",
        ),
        (
            "[gate]",
            "[clustering]\n[quantization_aware.tune]\nepochs = 2\n[gate]",
            r"clustering and quantization_aware are both set; .*keep one",
        ),
        ("[gate]", "[quantization_aware]\n[gate]", r"missing required field `tune`.*\$\.quantization_aware"),
        ("[gate]", "[slimming]\n[gate]", r"missing required field `keep`.*\$\.slimming"),
        ("samples = 8", 'samples = "8"', r"Expected `int`, got `str`.*\$\.geometry\.samples"),
        ("samples = 8", "samples = 0", r">= 1.*\$\.geometry\.samples"),
        ('head = "tcn"', 'head = "gru"', r"Invalid enum value 'gru'.*\$\.student\.head"),
        ('name = "efficientnet_lite0"', 'name = "alexnet"', r"Invalid enum value 'alexnet'"),
        ("seeds = [1, 2, 3]", "seeds = []", r"length >= 1.*\$\.members\.seeds"),
        ("views = 3", "views = 0", r">= 1"),
        ('version = "0.2.0"', "", r"missing required field `version`"),
        ("[pruning.tune]\nepochs = 4", "[pruning.tune]", r"missing required field `epochs`.*\$\.pruning\.tune"),
        ("judged = 1", "judged = 0", r">= 1.*\$\.folds\.judged"),
        ("judged = 1", "judged = 2", r"folds\.judged is 2; judge 1 fold or all 5"),
        ("judged = 1", "judged = 4", r"folds\.judged is 4; judge 1 fold or all 5"),
        ("judged = 1", "judged = 6", r"folds\.judged is 6; judge 1 fold or all 5"),
        ("count = 5", "count = 2", r"folds\.count is 2; at least 3 are needed to judge one"),
        ("count = 5", "count = 1", r">= 2.*\$\.folds\.count"),
        ("[geometry]", "[geometry", r"mine\.toml: "),
        ("[gate]", "[degradation]\nshare = 1\n[gate]", r"unknown field `share`.*\$\.degradation"),
        ("[gate]", "[degradation]\ngamma = [2.0, 1.0]\n[gate]", r"gamma is \[2\.0, 1\.0\]; give the lower first"),
        (
            "seeds = [1, 2, 3]",
            'seeds = [1, 2, 3]\naveraging = "stacked"',
            r"members\.averaging is stacked .*give \[validation\]",
        ),
        ("[gate]", f"[members.alignment]\n{TUNED}", r"members\.alignment needs degraded clips .*\[degradation\]"),
        (
            "[gate]",
            "[degradation]\n[members.alignment]\n[gate]",
            r"alignment is set and nothing is tuned; give tune, or leave alignment out.*\$\.members",
        ),
        ("[gate]", "[members.curriculum]\n[gate]", r"curriculum is set and nothing is tuned; .*\$\.members"),
        (
            "[gate]",
            f"[degradation]\n[members.alignment]\n[members.curriculum]\n{TUNED}",
            r"alignment and curriculum are both set; .*keep one.*\$\.members",
        ),
        (
            "[gate]",
            f"[degradation]\n[members.alignment]\n[members.tune.mixing]\nmixup = 0.2\n{TUNED}",
            r"alignment and tune\.mixing are both set; .*keep one.*\$\.members",
        ),
        ("[gate]", "[degradation]\n[members.alignment]\nhidden = 0\n[gate]", r">= 1.*\$\.members\.alignment\.hidden"),
        ("[gate]", "[validation]\nshare = 1.0\n[gate]", r"< 1\.0.*\$\.validation\.share"),
        ("[gate]", "[oversampling]\nratio = 0.0\n[gate]", r"> 0\.0.*\$\.oversampling\.ratio"),
        ("[gate]", "[oversampling]\nheavier = 0.5\n[gate]", r">= 1\.0.*\$\.oversampling\.heavier"),
        ("[gate]", "[augmentation.geometric]\nrotation = 90\n[gate]", r"<= 45.*\.geometric\.rotation"),
        (
            "[gate]",
            "[members.probe.stopping]\n[gate]",
            r"members\.probe set stopping and nothing is held out.*validation",
        ),
        ("[gate]", "[student.probe.stopping]\n[gate]", r"student\.probe set stopping"),
        ("[gate]", "[pruning.tune.stopping]\n[gate]", r"tune\.stopping is set; .*leave it out.*\$\.pruning"),
        (
            "[gate]",
            "[members.probe.swa]\nepochs = 10\nlearning_rate = 0.1\n[gate]",
            r"swa\.epochs is 10 of 10.*\$\.members\.probe",
        ),
        (
            "[pruning.probe]",
            "[pruning.tune.mixing]\nmixup = 0.2\n[pruning.probe]",
            r"hint and tune\.mixing are both set",
        ),
        ('head = "tcn"', 'head = "tcn"\nprecision = "int8"', r"Invalid enum value 'int8'.*\$\.student\.precision"),
    ],
)
def test_one_clear_error_when_a_key_is_wrong(tmp_path: Path, before: str, after: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        load_recipe(changed(tmp_path, before, after))
    assert "mine.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


EVERYTHING = """
[validation]
share = 0.2

[oversampling]
ratio = 0.8
heavier = 2.0

[augmentation.temporal]
drop = 0.2
lowest_rate_hz = 8.0

[augmentation.geometric]
rotation = 5.0

[augmentation.photometric]
gamma = 0.3
compression = 0.5
lowest_quality = 30

[student.probe.focal]
gamma = 1.5
alpha = [1.0, 2.0]

[student.probe.mixing]
mixup = 0.2
cutmix = 1.0

[student.probe.stopping]
patience = 2

[members.probe.swa]
epochs = 1
learning_rate = 5e-5
"""


def test_every_technique_has_its_key(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = QUICK.replace('head = "tcn"', 'head = "tcn"\nprecision = "auto"', 1)
    text = text.replace("[members.probe]\n", '[members.probe]\nclass_weights = "balanced"\nwarmup = 0.5\n', 1)
    path.write_text(text + EVERYTHING, encoding="utf-8")
    recipe = load_recipe(str(path))
    assert recipe.validation == Validation(share=0.2)
    assert recipe.oversampling == Oversampling(ratio=0.8, heavier=2.0)
    assert recipe.augmentation == Augmentation(
        temporal=TemporalAugmentation(drop=0.2, lowest_rate_hz=8.0),
        geometric=GeometricAugmentation(rotation=5.0),
        photometric=PhotometricAugmentation(gamma=0.3, compression=0.5, lowest_quality=30),
    )
    tune = recipe.student.probe
    assert (tune.focal, tune.stopping) == (Focal(gamma=1.5, alpha=(1.0, 2.0)), Stopping(patience=2))
    assert tune.mixing == Mixing(mixup=0.2, cutmix=1.0)
    assert (recipe.members.probe.swa, recipe.student.precision) == (Swa(epochs=1, learning_rate=5e-5), "auto")
    assert (recipe.members.probe.class_weights, recipe.members.probe.warmup) == ("balanced", 0.5)


@pytest.mark.parametrize("name", ["full", "quick"])
def test_what_a_recipe_does_not_ask_for_is_not_written_into_its_keys(name: str) -> None:
    text = msgspec.json.encode(load_recipe(name)).decode()
    unset = ("validation", "oversampling", "temporal", "geometric", "photometric", "precision", "warmup", "focal")
    for key in (*unset, "class_weights", "mixing", "swa", "stopping"):
        assert f'"{key}"' not in text


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("[alarms]\nper_hour = 0", r"> 0.*\$\.alarms\.per_hour"),
        (
            "[alarms]\nminutes = 130",
            r"minutes is 130; at least 180 are needed before silence makes 95% sure of no more",
        ),
        ("[alarms]\nper_hour = 0.1", r"alarms\.minutes is 200; at least 1798 are needed"),
        ('[calibration]\nmethod = "isotonic"', r"Invalid enum value 'isotonic'.*\$\.calibration\.method"),
    ],
)
def test_one_clear_error_when_a_budget_cannot_be_shown(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(changed(tmp_path, "[gate]", f"{table}\n[gate]"))


def test_there_is_no_budget_and_calibration_is_platts_when_nothing_is_said(tmp_path: Path) -> None:
    recipe = load_recipe("quick")
    assert (recipe.alarms, recipe.calibration.method) == (None, "platt")
    mine = load_recipe(changed(tmp_path, "[gate]", "[alarms]\nper_hour = 2.0\nminutes = 95\n[gate]")).alarms
    assert mine is not None
    assert (mine.per_hour, mine.minutes, mine.seed) == (2.0, 95.0, 2)


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
