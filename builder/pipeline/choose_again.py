"""Thresholds of a bundle chosen anew: for another budget of false alarms, or on more drawn fights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from builder.alarms.choice import SURE, AlarmChoice, with_budget
from builder.alarms.rule import AlarmRule
from builder.display import LanedDisplay
from builder.errors import DataError
from builder.evaluation.poisson import silence_needed
from builder.pipeline.compiled_fold import ARTIFACTS
from builder.pipeline.drawn_streams import calm_streams, fight_streams
from builder.pipeline.side_by_side import Opening
from builder.pipeline.stream_watch import StreamWatch
from builder.recipe import Alarms, Recipe
from builder.release.chosen_again import read_choice, write_chosen_again
from builder.release.sealing import seal_bundle
from builder.stages import Stage, StageStore
from models.bundle import Bundle
from models.manifest import Manifest, parse_manifest


@dataclass(frozen=True, slots=True)
class ChoiceOptions:
    """``per_hour`` is the budget of false alarms (``None``: as before), and ``fights`` how many drawn fights the wake
    threshold is chosen on, one at least. ``version`` is the new bundle's; the rest is as of a build."""

    out: Path
    version: str
    key: ec.EllipticCurvePrivateKey
    code_version: str
    now: Callable[[], datetime]
    fights: int
    per_hour: float | None = None
    executor: Opening | None = None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be made: the new bundle's ``recipe`` with its ``alarms``, and ``manifest`` but for the thresholds;
    ``before`` is the choice that it begins from."""

    recipe: Recipe
    alarms: Alarms
    manifest: Manifest
    before: AlarmChoice


def _want(bundle: Bundle, options: ChoiceOptions) -> _Wanted:
    """What is asked for, which takes no time to find out; raises as ``choose_again`` does."""
    manifest, before = bundle.manifest, read_choice(bundle)
    recipe = _recipe(bundle)
    if recipe.alarms is None:
        raise DataError(f"{bundle.path}: its recipe has no [alarms] to choose thresholds by; build it with them")
    if options.version == manifest.version:
        raise DataError(f"{manifest.name} {manifest.version} is the bundle given; give the new one another --version")
    per_hour = recipe.alarms.per_hour if options.per_hour is None else options.per_hour
    if before.hours < silence_needed(SURE, per_hour):
        raise DataError(
            f"{before.hours:.1f} hours of calm streams were watched for {bundle.path}; silence for at least "
            f"{silence_needed(SURE, per_hour):.1f} makes {SURE:.0%} sure of no more than {per_hour:g} an hour: allow "
            "more, or build it with more alarms.minutes"
        )
    alarms = msgspec.structs.replace(recipe.alarms, per_hour=per_hour, fights=options.fights)
    recipe = msgspec.structs.replace(recipe, version=options.version, alarms=alarms)
    made = msgspec.structs.replace(
        manifest,
        version=options.version,
        created=options.now().isoformat(timespec="seconds"),
        lineage=msgspec.structs.replace(manifest.lineage, recipe=msgspec.to_builtins(recipe)),
    )
    # Nobody should wait for hours to be told that a version is none.
    return _Wanted(recipe, alarms, parse_manifest(msgspec.json.encode(made), "--version"), before)


def choose_again(bundle: Bundle, options: ChoiceOptions, display: LanedDisplay) -> tuple[Path, AlarmChoice]:
    """Choose, and leave a signed bundle of the same networks in ``out``; returns its packed file.

    Streams are drawn and watched as by the build; finished parts under ``out/work`` are not done again. Raises
    ``DataError`` for a bundle that does not say how its thresholds were chosen, that has the version asked for already,
    or whose streams are too few for the budget, ``BundleFormatError`` for a version that is none, and as
    ``seal_bundle`` does.
    """
    wanted = _want(bundle, options)
    store = StageStore(options.out / "work", display.stage)
    watch = StreamWatch(
        f"{bundle.manifest.name}-{bundle.manifest.version}",
        _unpacked(bundle, store),
        wanted.recipe,
        bundle.manifest.calibration.temperature,
        AlarmRule(),
        store,
        display,
        options.executor,
    )
    calm, fights = (make(wanted.alarms, options.code_version) for make in (calm_streams, fight_streams))
    chosen = watch.raise_wake(with_budget(wanted.before, wanted.alarms.per_hour), calm, fights)
    calibration = msgspec.structs.replace(wanted.manifest.calibration, thresholds=chosen.thresholds)
    manifest = msgspec.structs.replace(wanted.manifest, calibration=calibration)

    def fill(directory: Path) -> None:
        write_chosen_again(directory, bundle, manifest, chosen, options.code_version)

    limit = int(wanted.recipe.gate.megabytes * 1_000_000)
    return seal_bundle(options.out / f"{manifest.name}-{manifest.version}", fill, options.key, limit), chosen


def _unpacked(bundle: Bundle, store: StageStore) -> Stage:
    manifest = bundle.manifest
    name = f"{manifest.name}-{manifest.version}-artifacts"
    return store.run(name, manifest.fingerprint(), partial(_unpack, bundle))


def _unpack(bundle: Bundle, directory: Path) -> None:
    for artifact in bundle.manifest.artifacts:
        file = directory / artifact.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bundle.read(artifact.file))
    (directory / ARTIFACTS).write_bytes(msgspec.json.encode(bundle.manifest.artifacts))


def _recipe(bundle: Bundle) -> Recipe:
    lineage = bundle.manifest.lineage
    try:
        return msgspec.convert(lineage.recipe, Recipe)
    except msgspec.ValidationError as error:
        raise DataError(
            f"{bundle.path}: its recipe is not one of this version: {error}; use the version that built it, "
            f"{lineage.code_version}"
        ) from error
