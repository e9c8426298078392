from __future__ import annotations

import shutil
from datetime import datetime, timezone
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from builder.alarms.choice import AlarmChoice
from builder.errors import DataError
from builder.pipeline.choose_again import ChoiceOptions, choose_again
from builder.pipeline.drawn_streams import calm_streams, fight_streams
from builder.recipe import Alarms, Recipe, load_recipe
from builder.release.bill_of_materials import BILL, bill_of_materials, installed_packages, listed_packages
from builder.release.chosen_again import BUILT, THRESHOLDS, ChosenAgain, read_choice
from builder.report.page import JSON
from builder.stages import StageStore
from models.bundle import MANIFEST, Bundle, open_bundle
from models.command_line import main
from models.errors import BundleFormatError
from models.manifest import Thresholds
from models.signing import sign
from models.trust import TrustStore
from tests.builder.execution.told import Remembered
from tests.builder.made_report import make_choice
from tests.builder.tiny_training import silent
from tests.tiny_bundle import GEOMETRY, PREPROCESSING

ALARMS = Alarms(per_hour=7.0, minutes=0.03, seconds=2, seed=4, fights=0)
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=timezone.utc)


def recipe(alarms: Alarms | None = ALARMS) -> Recipe:
    quick = load_recipe("quick")
    return msgspec.structs.replace(
        quick,
        name="tiny",
        version="0.1.0",
        geometry=GEOMETRY,
        preprocessing=PREPROCESSING,
        targets=("onnx-float32",),
        alarms=alarms,
    )


def choice() -> AlarmChoice:
    """Of which a lower threshold finds more fights."""
    made = make_choice()
    points = tuple(msgspec.structs.replace(point, fights=1.35 - point.alert) for point in made.points)
    return msgspec.structs.replace(made, target="onnx-float32", points=points)


def seal(directory: Path, key: ec.EllipticCurvePrivateKey, made_by: Recipe, alarms: AlarmChoice | None) -> Path:
    """The tiny bundle in ``directory`` as if it had been built by that recipe, signed anew."""
    bundle = open_bundle(directory, TrustStore(accept="unsigned"))
    lineage = msgspec.structs.replace(bundle.manifest.lineage, recipe=msgspec.to_builtins(made_by))
    calibration = msgspec.structs.replace(
        bundle.manifest.calibration, thresholds=Thresholds(wake=0.35, alert=0.7, clear=0.5)
    )
    manifest = msgspec.structs.replace(bundle.manifest, lineage=lineage, calibration=calibration)
    (directory / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    (directory / BILL).write_bytes(bill_of_materials(manifest, installed_packages()[:3]))
    (directory / JSON).write_bytes(msgspec.json.encode({"name": "tiny", "alarms": alarms}))
    sign(directory, key)
    return directory


@pytest.fixture
def built(bundle_copy: Path, signing_key: ec.EllipticCurvePrivateKey) -> Path:
    return seal(bundle_copy, signing_key, recipe(), choice())


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of stages in which the streams are drawn, which takes longer than all else."""
    store = StageStore(tmp_path_factory.mktemp("work"), lambda *_: None)
    alarms = msgspec.structs.replace(ALARMS, fights=1)
    for streams in (calm_streams(alarms, "0.1.0"), fight_streams(alarms, "0.1.0")):
        streams.stage(0, store, silent)
    return store.root


@pytest.fixture
def out(drawn: Path, tmp_path: Path) -> Path:
    shutil.copytree(drawn, tmp_path / "out" / "work")
    return tmp_path / "out"


def options(out: Path, key: ec.EllipticCurvePrivateKey, version: str = "0.2.0", **more: float) -> ChoiceOptions:
    return ChoiceOptions(
        out=out,
        version=version,
        key=key,
        code_version="0.1.0",
        now=lambda: NOW,
        fights=1,
        per_hour=more.get("per_hour"),
    )


def read(bundle: Bundle) -> ChosenAgain:
    return msgspec.json.decode(bundle.read(THRESHOLDS), type=ChosenAgain)


def test_the_same_networks_get_thresholds_for_another_budget_and_say_so(
    built: Path, out: Path, signing_key: ec.EllipticCurvePrivateKey, trust: TrustStore
) -> None:
    parent = open_bundle(built, trust)
    packed, chosen = choose_again(parent, options(out, signing_key, per_hour=400.0), Remembered())
    made = open_bundle(packed, trust)
    assert made.signature.state == "trusted"
    # Of the points that were found, the lowest is sure enough of a budget that wide.
    assert chosen.thresholds.alert == 0.6
    assert (chosen.budget_per_hour, chosen.streams, chosen.fight_clips) == (400.0, 30, 40)
    assert chosen.waking is not None
    assert (chosen.waking.fights, chosen.waking.points[0].wake) == (1, 0.3)
    assert made.manifest.calibration.thresholds == chosen.thresholds
    assert made.manifest.calibration.temperature == parent.manifest.calibration.temperature
    assert (made.manifest.version, made.manifest.created) == ("0.2.0", "2026-11-28T12:00:00+00:00")
    assert made.manifest.lineage.recipe["alarms"] == {**msgspec.to_builtins(ALARMS), "per_hour": 400.0, "fights": 1}
    assert made.manifest.artifacts == parent.manifest.artifacts
    same = set(parent.names) - {MANIFEST, BILL, "MODEL_CARD.md", "signature"}
    assert {name: made.read(name) for name in same} == {name: parent.read(name) for name in same}
    assert listed_packages(made.read(BILL)) == listed_packages(parent.read(BILL)) == installed_packages()[:3]
    told = read(made)
    assert (told.built, told.before.wake, told.alarms) == ("tiny 0.1.0", 0.35, chosen)
    assert told.fingerprint == parent.manifest.fingerprint()
    card = made.read("MODEL_CARD.md").decode()
    assert card.startswith("# tiny 0.2.0\n\nThe networks of tiny 0.1.0 with thresholds chosen anew, 2026-11-28")
    assert "to keep surely to 400.0 false alarms an hour: at alert 0.60" in card
    assert card.endswith(f"{BUILT}\n\n## Tiny\n\nUntrained, for tests only.\n")


def test_what_was_chosen_anew_may_be_once_more_and_still_names_what_was_built(
    built: Path, out: Path, signing_key: ec.EllipticCurvePrivateKey, trust: TrustStore
) -> None:
    first, _ = choose_again(open_bundle(built, trust), options(out, signing_key, per_hour=400.0), Remembered())
    second, chosen = choose_again(
        open_bundle(first, trust), options(out, signing_key, version="0.3.0", per_hour=7.0), Remembered()
    )
    made = open_bundle(second, trust)
    assert read_choice(made) == chosen
    assert (chosen.thresholds.alert, chosen.alarms) == (0.8, 0)
    assert (read(made).built, read(made).before.alert) == ("tiny 0.1.0", 0.7)
    assert read(made).fingerprint == open_bundle(first, trust).manifest.fingerprint()
    card = made.read("MODEL_CARD.md").decode()
    assert card.count(BUILT) == card.count("## Tiny\n") == 1
    assert "chosen anew" in card.partition(BUILT)[0]


def test_parts_that_are_there_are_not_watched_again(
    built: Path, out: Path, signing_key: ec.EllipticCurvePrivateKey, trust: TrustStore
) -> None:
    parent = open_bundle(built, trust)
    _, before = choose_again(parent, options(out, signing_key), Remembered())
    kept = {path: path.stat().st_mtime_ns for path in out.glob("work/*/stage.json")}
    assert {path.parent.name.rpartition("-")[0] for path in kept} == {
        "tiny-0.1.0-artifacts",
        "alarm-fights0",
        "alarm-streams0",
        "tiny-0.1.0-watch-alarm-fights0",
        "tiny-0.1.0-watch-alarm-streams0",
    }
    _, after = choose_again(parent, options(out, signing_key), Remembered())
    assert after == before
    assert {path: path.stat().st_mtime_ns for path in out.glob("work/*/stage.json")} == kept


@pytest.mark.parametrize(
    ("made_by", "alarms", "version", "message"),
    [
        (recipe(), None, "0.2.0", "does not say how its thresholds were chosen"),
        (recipe(None), choice(), "0.2.0", r"recipe has no \[alarms\]"),
        (recipe(), choice(), "0.1.0", "tiny 0.1.0 is the bundle given"),
        (recipe(), choice(), "next", "--version: "),
        (
            recipe(msgspec.structs.replace(ALARMS, per_hour=5.0)),
            choice(),
            "0.2.0",
            r"0\.5 hours .* silence for at least 0\.6 makes 95% sure of no more than 5 an hour",
        ),
    ],
)
def test_what_cannot_be_chosen_is_told_before_anything_is_drawn(
    bundle_copy: Path,
    signing_key: ec.EllipticCurvePrivateKey,
    made_by: Recipe,
    alarms: AlarmChoice | None,
    version: str,
    message: str,
) -> None:
    parent = open_bundle(seal(bundle_copy, signing_key, made_by, alarms), TrustStore(accept="unsigned"))
    out = bundle_copy / "out"
    with pytest.raises((DataError, BundleFormatError), match=message):
        choose_again(parent, options(out, signing_key, version), Remembered())
    assert not out.exists()


def test_a_recipe_that_is_none_of_this_version_names_the_one_that_built_it(
    built: Path, tmp_path: Path, signing_key: ec.EllipticCurvePrivateKey, trust: TrustStore
) -> None:
    parent = open_bundle(built, trust)
    lineage = msgspec.structs.replace(parent.manifest.lineage, recipe={"name": "tiny"})
    (built / MANIFEST).write_bytes(msgspec.json.encode(msgspec.structs.replace(parent.manifest, lineage=lineage)))
    sign(built, signing_key)
    with pytest.raises(DataError, match="use the version that built it, "):
        choose_again(open_bundle(built, trust), options(tmp_path / "out", signing_key), Remembered())


def test_the_command_prints_what_came_of_it_and_takes_no_bundle_of_a_stranger(
    built: Path, out: Path, key_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["thresholds", "--bundle", str(built), "--version", "0.2.0", "--out", str(out), "--jobs", "1"]
    asked += ["--fights", "1", "--per-hour", "400", "--key", str(key_folder / "private.pem")]
    assert main(asked) == 2
    assert "key" in capsys.readouterr().err
    assert main([*asked, "--trust", str(key_folder / "public.pem")]) == 0
    told = capsys.readouterr().out
    assert "alert      0.7     0.6" in told
    assert "sure of no more than 400; awake for " in told
    assert "Of 1 drawn fights a camera that is always awake tells of " in told
    assert f"bundle  {out / 'tiny-0.2.0.nexara'} (" in told
    assert main([*asked, "--per-hour", "0"]) == 2
    assert "--per-hour 0: a budget of false alarms has to be above 0" in capsys.readouterr().err
