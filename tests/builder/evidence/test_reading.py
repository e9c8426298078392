from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from builder.evidence.cross_dataset import CrossDatasetEvidence
from builder.evidence.cross_validation import CrossValidationEvidence
from builder.evidence.degradation import DegradationEvidence
from builder.evidence.false_alarms import FalseAlarmEvidence
from builder.evidence.kinds import Evidence
from builder.evidence.reading import EvidenceError, read_evidence, require_own
from builder.result_file import write_json
from tests.builder.evidence.made_evidence import (
    FINGERPRINT,
    make_abroad,
    make_alarms,
    make_crossval,
    make_evaluation,
    make_evidence,
)

ALLOWED = r"allowed is what one of these writes: `nexara crossval --data DIR --json FILE`; .*benchmarks\.false_alarms"
MADE: tuple[tuple[msgspec.Struct, type[Evidence]], ...] = (
    (make_crossval("grouped"), CrossValidationEvidence),
    (make_crossval("random"), CrossValidationEvidence),
    (make_abroad(), CrossDatasetEvidence),
    (make_evaluation(), DegradationEvidence),
    (make_alarms(), FalseAlarmEvidence),
)


def write(path: Path, found: msgspec.Struct) -> Path:
    write_json(path, found)
    return path


def read(path: Path) -> Evidence:
    (evidence,) = read_evidence([path], "tiny", "0.1.0")
    return evidence


def without(found: msgspec.Struct, *keys: str) -> bytes:
    whole: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found))
    return msgspec.json.encode({key: value for key, value in whole.items() if key not in keys})


def require_subset(part: object, whole: object) -> None:
    """Everything in ``part`` is in ``whole``, at the same place and the same."""
    if isinstance(part, dict):
        assert isinstance(whole, dict)
        for key, value in part.items():
            require_subset(value, whole[key])
    elif isinstance(part, list):
        assert isinstance(whole, list)
        assert len(part) == len(whole)
        for one, other in zip(part, whole, strict=True):
            require_subset(one, other)
    else:
        assert part == whole


@pytest.mark.parametrize(("found", "kind"), MADE, ids=["grouped", "random", "abroad", "degraded", "alarms"])
def test_what_a_command_writes_is_recognised_and_kept_as_it_is(
    tmp_path: Path, found: msgspec.Struct, kind: type[Evidence]
) -> None:
    evidence = read(write(tmp_path / "found.json", found))
    assert type(evidence) is kind
    kept, whole = msgspec.to_builtins(evidence), msgspec.to_builtins(found)
    del kept["evidence"]
    for folder in {"data", "train", "test"} & set(kept):
        assert kept.pop(folder) == Path(whole[folder]).name
    require_subset(msgspec.json.decode(msgspec.json.encode(kept)), msgspec.json.decode(msgspec.json.encode(found)))


def test_files_are_read_in_the_order_given(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{number}.json", found) for number, (found, _) in enumerate(MADE)]
    assert [type(one) for one in read_evidence(paths, "tiny", "0.1.0")] == [kind for _, kind in MADE]
    assert read_evidence([], "tiny", "0.1.0") == ()


def test_unknown_fields_are_ignored(tmp_path: Path) -> None:
    whole = msgspec.json.decode(msgspec.json.encode(make_alarms()))
    (tmp_path / "newer.json").write_bytes(msgspec.json.encode({**whole, "weather": "rain"}))
    assert read(tmp_path / "newer.json") == read(write(tmp_path / "now.json", make_alarms()))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no json", f"no JSON object: JSON is malformed.*{ALLOWED}"),
        (b"\xff\xfe", f"no JSON object: .*{ALLOWED}"),
        (b"[1]", f"no JSON object: Expected `object`, got `array`; {ALLOWED}"),
        (b"{}", f"no evidence; its keys are none; {ALLOWED}"),
        (b'{"recipe": "tiny", "rows": []}', f"no evidence; its keys are recipe, rows; {ALLOWED}"),
        (without(make_crossval(), "subjects"), f"its keys are recipe, version, data, protocol, .*{ALLOWED}"),
        (
            without(make_crossval(), "seeds"),
            r"not what `nexara crossval --data DIR --json FILE` writes: .*`seeds`; write it again with that",
        ),
        (
            msgspec.json.encode(make_evaluation(degraded=False)),
            r"not what `nexara evaluate --degraded --json FILE` writes: .*got `null` - at `\$\.degraded`",
        ),
        (
            msgspec.json.encode(msgspec.structs.replace(make_evaluation(), targets=())),
            r"Expected `array` of length >= 1 - at `\$\.targets`",
        ),
        (
            msgspec.json.encode(msgspec.structs.replace(make_evaluation(), targets=make_evaluation().targets * 2)),
            r"clean clips were judged by cpu-tflite-int8, cpu-tflite-int8, degraded ones by cpu-tflite-int8",
        ),
    ],
    ids=["text", "bytes", "array", "empty", "ablation", "marks", "seeds", "clean only", "no target", "unpaired"],
)
def test_a_file_that_is_no_evidence_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "other.json").write_bytes(content)
    with pytest.raises(EvidenceError, match=f"other.json: .*{message}"):
        read(tmp_path / "other.json")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"gone\.json: cannot be read: No such file"):
        read(tmp_path / "gone.json")


@pytest.mark.parametrize(
    ("found", "measured"),
    [
        (make_evaluation(version="0.0.9"), "tiny 0.0.9"),
        (make_alarms(bundle="other 0.1.0"), "other 0.1.0"),
        (make_crossval(version="0.0.9"), "tiny 0.0.9"),
        (make_abroad(version="0.0.9"), "tiny 0.0.9"),
    ],
    ids=["degraded", "alarms", "folds", "abroad"],
)
def test_figures_of_another_bundle_are_refused(tmp_path: Path, found: msgspec.Struct, measured: str) -> None:
    with pytest.raises(EvidenceError, match=f"found.json: `.*` measured {measured}, and tiny 0.1.0 is built"):
        read(write(tmp_path / "found.json", found))


def test_figures_of_another_build_of_the_same_name_and_version_are_refused() -> None:
    evidence = make_evidence()
    require_own(evidence, FINGERPRINT)
    require_own(evidence[:2], 64 * "f")
    other = r"build of tiny 0\.1\.0 \(0123456789ab, and this one is ffff"
    for one, command in zip(evidence[2:], ("nexara evaluate", "python -m benchmarks"), strict=True):
        with pytest.raises(EvidenceError, match=f"what `{command}.*{other}"):
            require_own([one], 64 * "f")
