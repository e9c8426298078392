from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import BundleFormatError, BundleVersionError
from models.manifest import Artifact, Requirement, Stage, Tensor, parse_manifest
from tests.tiny_bundle import make_manifest


def _artifact(target: str, stage: Stage) -> Artifact:
    tensor = Tensor(name="x", shape=(-1, 2), dtype="float32")
    return Artifact(
        stage=stage,
        target=target,
        file=f"artifacts/{target}.{stage}",
        sha256="0" * 64,
        precision="float32",
        inputs=(tensor,),
        outputs=(tensor,),
        requires=Requirement(engine="tflite"),
    )


MANIFEST = make_manifest((_artifact("b", "encoder"), _artifact("a", "encoder"), _artifact("b", "head")))


def _written(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(msgspec.json.encode(MANIFEST))
    change(document)
    return json.dumps(document).encode()


def test_parse_manifest_gives_the_same_when_it_was_written_by_us() -> None:
    assert parse_manifest(msgspec.json.encode(MANIFEST), "m") == MANIFEST


def test_parse_manifest_ignores_fields_when_it_does_not_know_them() -> None:
    text = _written(lambda m: (m.update(new=1), m["artifacts"][0].update(newer={"a": []})))
    assert parse_manifest(text, "m") == MANIFEST


@pytest.mark.parametrize("version", ["3.0", "3", "10.1"])
def test_parse_manifest_says_upgrade_when_the_format_is_newer(version: str) -> None:
    # A newer major format may change everything else; the version is judged before the rest.
    with pytest.raises(BundleVersionError, match=rf"m\.json: format {version} found, at most 2\.x"):
        parse_manifest(json.dumps({"format": version, "name": ["changed"]}).encode(), "m.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.pop("format"), "format"),
        (lambda m: m.update(format="one.two"), "format 'one.two' found"),
        (lambda m: m.update(format=1), "not a bundle manifest"),
        (lambda m: m.pop("calibration"), "calibration"),
        (lambda m: m.update(task="gestures"), r"\$\.task"),
        (lambda m: m["geometry"].update(samples=0), r"\$\.geometry\.samples"),
        (lambda m: m["geometry"].update(rate_hz=-1), r"\$\.geometry\.rate_hz"),
        (lambda m: m["preprocessing"].update(scale=0), r"\$\.preprocessing\.scale"),
        (lambda m: m["preprocessing"].update(channels=["red"]), r"\$\.preprocessing\.channels"),
        (lambda m: m["preprocessing"].update(interpolation="cubic"), r"\$\.preprocessing\.interpolation"),
        (lambda m: m["calibration"]["thresholds"].update(alert=1.2), r"\$\.calibration\.thresholds\.alert"),
        (lambda m: m["calibration"]["thresholds"].update(clear=0.7), "clear 0.7 is above alert 0.6"),
        (lambda m: m["artifacts"][1].update(sha256="abc"), r"\$\.artifacts\[1\]\.sha256"),
        (lambda m: m["artifacts"][1].update(stage="tail"), r"\$\.artifacts\[1\]\.stage"),
    ],
)
def test_parse_manifest_names_the_field_when_it_is_wrong(
    change: Callable[[dict[str, Any]], object], message: str
) -> None:
    with pytest.raises(BundleFormatError, match=rf"m\.json: .*{message}"):
        parse_manifest(_written(change), "m.json")


@given(st.binary(max_size=200))
def test_parse_manifest_raises_only_our_error_when_given_any_bytes(text: bytes) -> None:
    with pytest.raises(BundleFormatError):
        parse_manifest(text, "m.json")


@pytest.mark.parametrize("field", ["recipe", "unknown"])
def test_parse_manifest_raises_our_error_when_it_is_nested_without_end(field: str) -> None:
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    text = _written(lambda m: (m["lineage"] if field == "recipe" else m).update({field: "HERE"}))
    with pytest.raises(BundleFormatError, match=r"m\.json"):
        parse_manifest(text.replace(b'"HERE"', deep), "m.json")


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda m: m.update(created="later", version="9.9.9", lineage={**m["lineage"], "code_version": "9"}), True),
        (lambda m: m["artifacts"].reverse(), True),
        (lambda m: m["artifacts"][0].update(sha256="1" * 64), False),
        (lambda m: m["calibration"]["thresholds"].update(wake=0.0001), False),
        (lambda m: m["preprocessing"].update(mean=127.0), False),
        (lambda m: m["geometry"].update(rate_hz=4.5), False),
    ],
    ids=["when", "order", "file", "thresholds", "preprocessing", "geometry"],
)
def test_fingerprint_is_of_all_that_verdicts_come_from_and_of_nothing_else(
    change: Callable[[dict[str, Any]], object], same: bool
) -> None:
    assert (parse_manifest(_written(change), "m").fingerprint() == MANIFEST.fingerprint()) is same


def test_targets_keep_the_order_when_the_manifest_lists_them() -> None:
    assert MANIFEST.targets() == ("b", "a")
    assert MANIFEST.artifact("b", "head").file == "artifacts/b.head"


@pytest.mark.parametrize(("target", "stage"), [("a", "head"), ("c", "encoder")])
def test_artifact_names_the_targets_when_there_is_none(target: str, stage: Stage) -> None:
    with pytest.raises(BundleFormatError, match=f"no {stage} for target '{target}'; it has b, a"):
        MANIFEST.artifact(target, stage)
