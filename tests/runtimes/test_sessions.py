"""Both engines keep the same promises, so both are held to them by the same tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import msgspec
import numpy as np
import pytest

from models.bundle import Bundle
from models.manifest import Artifact, Quantization, Stage
from models.preprocessing import quantize
from runtimes.errors import RuntimeOpenError, SessionError
from runtimes.onnx import OnnxRuntime
from runtimes.protocol import Runtime, SessionOptions
from runtimes.tflite import TFLiteRuntime
from tests.tiny_bundle import TARGETS

RUNTIMES: dict[str, Runtime] = {"tflite": TFLiteRuntime(), "onnx": OnnxRuntime()}
STAGES: tuple[Stage, ...] = ("encoder", "head")
CHANGES = [
    ({"name": "other"}, "the manifest says other"),
    ({"shape": (-1, 31, 32, 3)}, "has shape"),
    ({"shape": (-1, 32, 32)}, "has shape"),
    ({"dtype": "int8"}, "the manifest says int8"),
    ({"quantization": Quantization(scale=0.5, zero_point=3)}, "is quantized by"),
]


def _runtime(artifact: Artifact) -> Runtime:
    return RUNTIMES[artifact.requires.engine]


def _inputs(artifact: Artifact, count: int) -> np.ndarray:
    tensor = artifact.inputs[0]
    real = np.random.default_rng(count).normal(0, 0.5, (count, *tensor.shape[1:])).astype(np.float32)
    return quantize(real, tensor)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_run_gives_each_item_its_own_answer_when_batches_differ(
    tiny: Bundle, target: str, stage: Stage, count: int
) -> None:
    artifact = tiny.manifest.artifact(target, stage)
    session = _runtime(artifact).open(artifact, tiny.read(artifact.file), SessionOptions())
    source, output = artifact.inputs[0], artifact.outputs[0]
    batch = _inputs(artifact, count)
    whole = session.run({source.name: batch})[output.name]
    assert whole.shape == (count, *output.shape[1:])
    assert whole.dtype == output.dtype
    for item in range(count):
        alone = session.run({source.name: batch[item : item + 1]})[output.name]
        np.testing.assert_allclose(whole[item], alone[0], rtol=1e-4, atol=1e-4)
    session.close()


@pytest.mark.parametrize("target", TARGETS)
def test_run_forgets_the_window_before_when_the_head_has_an_lstm(tiny: Bundle, target: str) -> None:
    artifact = tiny.manifest.artifact(target, "head")
    session = _runtime(artifact).open(artifact, tiny.read(artifact.file), SessionOptions())
    name, output = artifact.inputs[0].name, artifact.outputs[0].name
    window = _inputs(artifact, 1)
    first = session.run({name: window})[output]
    session.run({name: _inputs(artifact, 3)})
    np.testing.assert_array_equal(session.run({name: window})[output], first)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("threads", [1, 2])
def test_open_takes_threads_when_asked(tiny: Bundle, target: str, threads: int) -> None:
    artifact = tiny.manifest.artifact(target, "encoder")
    session = _runtime(artifact).open(artifact, tiny.read(artifact.file), SessionOptions(threads=threads))
    assert (session.inputs, session.outputs) == (artifact.inputs, artifact.outputs)
    assert len(session.run({artifact.inputs[0].name: _inputs(artifact, 2)})[artifact.outputs[0].name]) == 2


@pytest.mark.parametrize("target", ["tflite-float32", "onnx-float32"])
@pytest.mark.parametrize("side", ["inputs", "outputs"])
@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_open_refuses_the_model_when_the_manifest_tells_other_tensors(
    tiny: Bundle, target: str, side: str, change: dict[str, object], message: str
) -> None:
    artifact = tiny.manifest.artifact(target, "encoder")
    tensor = msgspec.structs.replace(getattr(artifact, side)[0], **change)
    wrong = msgspec.structs.replace(artifact, **{side: (tensor,)})
    with pytest.raises(RuntimeOpenError, match=message) as raised:
        _runtime(artifact).open(wrong, tiny.read(artifact.file), SessionOptions())
    assert artifact.file in str(raised.value)


def test_open_refuses_the_model_when_its_quantization_scale_is_another(tiny: Bundle) -> None:
    artifact = tiny.manifest.artifact("tflite-int8", "encoder")
    tensor = artifact.inputs[0]
    assert tensor.quantization is not None
    scaled = msgspec.structs.replace(tensor.quantization, scale=tensor.quantization.scale * 1.01)
    wrong = msgspec.structs.replace(artifact, inputs=(msgspec.structs.replace(tensor, quantization=scaled),))
    with pytest.raises(RuntimeOpenError, match="is quantized by"):
        TFLiteRuntime().open(wrong, tiny.read(artifact.file), SessionOptions())


@pytest.mark.parametrize("target", ["tflite-float32", "onnx-float32"])
@pytest.mark.parametrize("content", [b"", b"not a model", b"\0" * 4096])
def test_open_raises_our_error_when_the_file_is_no_model(tiny: Bundle, target: str, content: bytes) -> None:
    artifact = tiny.manifest.artifact(target, "encoder")
    with pytest.raises(RuntimeOpenError, match=artifact.file):
        _runtime(artifact).open(artifact, content, SessionOptions())


@pytest.mark.parametrize(
    ("target", "device"),
    [("tflite-int8", "cuda"), ("tflite-int8", ""), ("onnx-float32", "gpu"), ("onnx-float32", "cuda:x")],
)
def test_open_names_the_devices_when_asked_for_another(tiny: Bundle, target: str, device: str) -> None:
    artifact = tiny.manifest.artifact(target, "encoder")
    with pytest.raises(RuntimeOpenError, match=r"no device .*cpu"):
        _runtime(artifact).open(artifact, tiny.read(artifact.file), SessionOptions(device=device))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda batch: {"other": batch}, "no array for input"),
        (lambda batch: {"": batch[:, 1:]}, "takes"),
        (lambda batch: {"": batch.astype(np.float64)}, "takes"),
    ],
)
def test_run_raises_our_error_when_the_arrays_do_not_fit(tiny: Bundle, target: str, change, message: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    artifact = tiny.manifest.artifact(target, "encoder")
    session = _runtime(artifact).open(artifact, tiny.read(artifact.file), SessionOptions())
    batch = {name or artifact.inputs[0].name: array for name, array in change(_inputs(artifact, 2)).items()}
    with pytest.raises(SessionError, match=message):
        session.run(batch)


@pytest.mark.parametrize("target", TARGETS)
def test_run_raises_our_error_when_the_session_is_closed(tiny: Bundle, target: str) -> None:
    artifact = tiny.manifest.artifact(target, "encoder")
    session = _runtime(artifact).open(artifact, tiny.read(artifact.file), SessionOptions())
    session.close()
    session.close()
    with pytest.raises(SessionError, match="closed"):
        session.run({artifact.inputs[0].name: _inputs(artifact, 1)})


def test_open_uses_the_legacy_module_when_it_is_the_only_one(tiny: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    from ai_edge_litert import interpreter

    # tflite-runtime has the same interface under another name; it needs numpy 1, so the newer engine stands under it.
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime", ModuleType("tflite_runtime"))
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", interpreter)
    artifact = tiny.manifest.artifact("tflite-int8", "encoder")
    session = TFLiteRuntime().open(artifact, tiny.read(artifact.file), SessionOptions())
    assert len(session.run({artifact.inputs[0].name: _inputs(artifact, 2)})[artifact.outputs[0].name]) == 2
    assert TFLiteRuntime().probe().available


@pytest.mark.parametrize("name", ["tflite", "onnx"])
def test_probe_tells_the_version_when_the_engine_is_installed(name: str) -> None:
    probe = RUNTIMES[name].probe()
    assert probe.available
    assert probe.version is not None
    assert probe.version[0].isdigit()


@pytest.mark.parametrize(
    ("target", "modules", "extra"),
    [
        ("tflite-int8", ("ai_edge_litert.interpreter", "tflite_runtime.interpreter"), "tflite"),
        ("onnx-float32", ("onnxruntime",), "onnx"),
    ],
)
def test_probe_and_open_name_the_extra_when_the_engine_is_missing(
    tiny: Bundle, monkeypatch: pytest.MonkeyPatch, target: str, modules: tuple[str, ...], extra: str
) -> None:
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)
    artifact = tiny.manifest.artifact(target, "encoder")
    probe = _runtime(artifact).probe()
    assert not probe.available
    assert f"nexaravision[{extra}]" in (probe.reason or "")
    with pytest.raises(RuntimeOpenError, match=rf"nexaravision\[{extra}\]"):
        _runtime(artifact).open(artifact, tiny.read(artifact.file), SessionOptions())


def test_onnxruntime_keeps_nothing_of_what_is_done_with_it(tiny: Bundle, tmp_path: Path) -> None:
    artifact = tiny.manifest.artifact("onnx-float32", "encoder")
    (tmp_path / "home").mkdir()
    program = (
        "import sys; from pathlib import Path; from runtimes.onnx import OnnxRuntime, read_tensors;"
        "assert OnnxRuntime().probe().available;"
        "read_tensors(Path(sys.argv[1]).read_bytes(), 'encoder')"
    )
    file = tmp_path / "encoder.onnx"
    file.write_bytes(tiny.read(artifact.file))
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ORT_", "XDG_"))}
    subprocess.run(
        [sys.executable, "-c", program, str(file)], env={**environment, "HOME": str(tmp_path / "home")}, check=True
    )
    assert list((tmp_path / "home").rglob("*")) == []
