from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from models.bundle import pack
from models.command_line import main
from models.signing import sign

ACCURACY = {
    "clips": 60, "sources": 40, "accuracy": {"value": 0.8333, "low": 0.72, "high": 0.91},
    "auc": {"value": 0.9012, "low": 0.85, "high": 0.95},
    "recall": 0.8, "specificity": 0.8667, "largest_deviation": 0.031,
}  # fmt: skip
LATENCY = {"p50_ms": 1.234, "p99_ms": 2.5, "batch": 1, "threads": 2, "machine": "Raspberry Pi 5 aarch64 x4"}


@pytest.fixture(autouse=True)
def no_user_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def _measured(folder: Path, key: ec.EllipticCurvePrivateKey) -> Path:
    document = json.loads((folder / "manifest.json").read_text())
    document["artifacts"][0].update(accuracy=ACCURACY, latency=LATENCY)
    document["artifacts"][0]["requires"].update(min_version="2.1", host_architectures=["x86_64"])
    (folder / "manifest.json").write_text(json.dumps(document))
    sign(folder, key)
    return folder


@pytest.mark.parametrize(
    "words",
    [
        ("tiny 0.1.0",),
        ("violence: calm or fight",),
        ("4 samples at 10 a second", "0.1 s apart"),
        ("32 x 32", "grey + diff_back + diff_forward", "x 3"),
        ("(value - 127.5) / 127.5",),
        ("wake 0.3", "alert 0.6", "clear 0.4", "temperature 1.5"),
        ("tflite-int8", "encoder", "int8", "tflite >= 2.1 on x86_64", "kB", "1.23 / 2.50 ms", "Raspberry Pi 5"),
        ("onnx-float32", "head", "float32", "onnx", "not measured"),
        ("tflite-int8", "83.3% (72.0% to 91.0%, 60 clips of 40 sources)", "0.901", "80.0%", "86.7%", "0.031"),
        ("tflite-float32", "not measured"),
        ("noise (CC0-1.0)", "6 clips of 6 sources"),
        ("began from none (Apache-2.0)",),
        ("signature", "good, by trusted key"),
    ],
)
def test_show_prints_the_line_when_the_manifest_says_so(
    bundle_copy: Path,
    signing_key: ec.EllipticCurvePrivateKey,
    key_folder: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:
    folder = _measured(bundle_copy, signing_key)
    assert main(["show", str(folder), "--key", str(key_folder / "public.pem")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(all(word in line for word in words) for line in lines), "\n".join(lines)


def test_show_counts_files_that_the_manifest_does_not_list(
    bundle_copy: Path, signing_key: ec.EllipticCurvePrivateKey, capsys: pytest.CaptureFixture[str]
) -> None:
    (bundle_copy / "pictures").mkdir()
    (bundle_copy / "pictures" / "1.jpg").write_bytes(b"a picture")
    sign(bundle_copy, signing_key)
    assert main(["show", str(bundle_copy)]) == 0
    files = sum(path.is_file() for path in bundle_copy.rglob("*"))
    assert f"in {files} files" in capsys.readouterr().out


@pytest.mark.parametrize(("signed", "words"), [(True, "NOT TRUSTED here"), (False, "nobody vouches")])
def test_show_warns_when_nobody_known_signed_it(
    bundle_copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], signed: bool, words: str
) -> None:
    if not signed:
        (bundle_copy / "signature").unlink()
    assert main(["show", str(pack(bundle_copy, tmp_path / "b.nexara"))]) == 0
    assert words in capsys.readouterr().out


def test_show_fails_in_one_line_when_a_file_was_changed(bundle_copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (bundle_copy / "MODEL_CARD.md").write_text("better than it is")
    assert main(["show", str(bundle_copy)]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.count("\n") == 1
    assert "MODEL_CARD.md differs from what was signed" in streams.err


def test_show_fails_in_one_line_when_there_is_no_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(tmp_path / "none")]) == 2
    assert "no bundle there" in capsys.readouterr().err
