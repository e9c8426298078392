"""A bundle of another one's networks with thresholds chosen anew, and what it says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from builder.alarms.choice import AlarmChoice
from builder.errors import DataError
from builder.release.bill_of_materials import BILL, bill_of_materials, listed_packages
from builder.release.card_template import open_card_template
from builder.release.model_card import MODEL_CARD
from builder.report.page import JSON
from models.bundle import MANIFEST, Bundle
from models.manifest import Manifest, Thresholds
from models.signing import SIGNATURE

THRESHOLDS = "thresholds.json"
BUILT = "## As it was built"
_Told = TypeVar("_Told")


class ChosenAgain(msgspec.Struct, frozen=True, kw_only=True):
    """``thresholds.json``: why the thresholds are what they are. ``built`` is the name and version of the bundle that
    was built, ``before`` its thresholds, ``fingerprint`` that of the manifest that they were chosen for, before that,
    and ``code_version`` stands for how the streams were drawn."""

    built: str
    before: Thresholds
    fingerprint: str
    code_version: str
    alarms: AlarmChoice


class _Report(msgspec.Struct, frozen=True):
    """As much of ``report.json`` as is asked for."""

    alarms: AlarmChoice | None = None


def read_choice(bundle: Bundle) -> AlarmChoice:
    """Why a bundle's thresholds are what they are. Raises ``DataError`` where it does not say."""
    again = _read_again(bundle)
    if again is not None:
        return again.alarms
    report = _Report() if JSON not in bundle.names else _decode(bundle, JSON, _Report)
    if report.alarms is None:
        raise DataError(
            f"{bundle.path} does not say how its thresholds were chosen; a bundle is needed that was built by a recipe "
            "with [alarms], and not compiled of a model"
        )
    return report.alarms


def write_chosen_again(
    directory: Path, parent: Bundle, manifest: Manifest, alarms: AlarmChoice, code_version: str
) -> None:
    """Write all files but the signature: those of ``parent``, with another manifest, card and bill of materials, and
    ``thresholds.json``."""
    again = _read_again(parent)
    chosen = ChosenAgain(
        built=f"{parent.manifest.name} {parent.manifest.version}" if again is None else again.built,
        before=parent.manifest.calibration.thresholds if again is None else again.before,
        fingerprint=parent.manifest.fingerprint(),
        code_version=code_version,
        alarms=alarms,
    )
    written = {
        MANIFEST: msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n",
        THRESHOLDS: msgspec.json.format(msgspec.json.encode(chosen), indent=2) + b"\n",
        BILL: bill_of_materials(manifest, listed_packages(parent.read(BILL))),
        MODEL_CARD: _card(manifest, chosen, parent.read(MODEL_CARD).decode()).encode(),
    }
    kept = {name: content for name, content in parent.files.items() if name != SIGNATURE}
    for name, content in {**kept, **written}.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _card(manifest: Manifest, chosen: ChosenAgain, card: str) -> str:
    return open_card_template("chosen_again.md").render(
        manifest=manifest,
        chosen=chosen,
        before=chosen.before,
        alarms=chosen.alarms,
        heading=BUILT,
        built=_as_built(card),
    )


def _as_built(card: str) -> str:
    """The card of what was built, its headings one deeper; of a card that holds such a one already, that."""
    _, _, built = card.partition(f"\n{BUILT}\n")
    if built:
        return built.strip()
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in card.strip().splitlines())


def _read_again(bundle: Bundle) -> ChosenAgain | None:
    return _decode(bundle, THRESHOLDS, ChosenAgain) if THRESHOLDS in bundle.names else None


def _decode(bundle: Bundle, name: str, kind: type[_Told]) -> _Told:
    try:
        return msgspec.json.decode(bundle.read(name), type=kind)
    except msgspec.MsgspecError as error:
        raise DataError(f"{bundle.path}: {name} cannot be read: {error}; build the bundle again") from error
