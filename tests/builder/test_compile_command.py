from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from builder.backbones.registry import BackboneSpec
from builder.compilation.float_model import FloatModel, ModelFacts, read_float_model, write_float_model
from builder.compilation.sensitivity import Sensitivity
from builder.evaluation.clip_samples import ClipSamples
from builder.evaluation.parity import Budget
from builder.evaluation.scores import CALM, FIGHT
from builder.evaluation.scoring import FloatScorer, score_clips
from builder.release.golden import make_golden
from builder.training.fit import Schedule
from builder.training.network import standardise
from builder.training.probe import train_probe
from models.bundle import open_bundle
from models.command_line import main
from models.manifest import Calibration, Dataset, Lineage, Parent, Thresholds
from models.trust import TrustStore
from tests.builder.tiny_training import GEOMETRY, PREPROCESSING, encoded, make_network, make_training, silent

LINEAGE = Lineage(
    code_version="1",
    recipe={"name": "tiny"},
    seeds=(1,),
    datasets=(Dataset(name="noise", licence="CC0-1.0", clips=8, sources=8, fingerprint="a" * 64),),
    parents=(Parent(name="none", licence="Apache-2.0", origin="here", sha256="0" * 64),),
    held_out_sources=("s0",),
)


def make_model() -> FloatModel:
    """A network that tells pictures that shake from such that stand still."""
    training = make_training(16)
    windows = np.concatenate([training.views(1, number, range(16)) for number in range(3)])
    network = make_network("moments", blocks=4)
    standard = standardise(network, encoded(network, windows))
    labels = np.tile(training.labels(), (3, 1))
    train_probe(network.head, standard, labels, Schedule(epochs=60, learning_rate=0.02, batch=8), 1, silent)
    others = training.views(2, 0, range(16))
    held_out = tuple(
        ClipSamples(clip=f"{row}.mp4", source=f"s{row}", label=FIGHT if clip.fight else CALM, samples=others[row])
        for row, clip in enumerate(training.clips)
    )
    scorer = FloatScorer(network.encoder, network.head, PREPROCESSING)
    facts = ModelFacts(
        name="tiny",
        version="1.0.0",
        backbone=BackboneSpec(blocks=4),
        head="moments",
        geometry=GEOMETRY,
        preprocessing=PREPROCESSING,
        calibration=Calibration(temperature=1.5, thresholds=Thresholds(wake=0.2, alert=0.8, clear=0.5)),
        rounding="fitted",
        budget=Budget(accuracy=0.0, flips=0.0),
        lineage=LINEAGE,
        golden_origin="noise",
    )
    return FloatModel(facts, network, windows, held_out, make_golden(scorer, others[:2]))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("model")
    write_float_model(make_model(), directory)
    return directory


@pytest.fixture
def model(written: Path, tmp_path: Path) -> Path:
    return shutil.copytree(written, tmp_path / "tiny-1.0.0.model")


def compile_to(out: Path, model: Path, key_folder: Path, *more: str) -> int:
    return main(["compile", "--model", str(model), "--out", str(out), "--key", str(key_folder / "private.pem"), *more])


def test_a_model_is_read_as_it_was_written(written: Path) -> None:
    model = read_float_model(written)
    assert [clip.samples for clip in model.facts.held_out] == [len(clip.samples) for clip in model.held_out]
    scorer = FloatScorer(model.network.encoder, model.network.head, PREPROCESSING)
    said = score_clips(scorer, model.held_out, GEOMETRY, 1.5)
    assert [round(one.probability) == one.label for one in said.clips] == [True] * 16
    again = make_golden(scorer, model.golden.samples)
    np.testing.assert_allclose(again.logits, model.golden.logits, rtol=1e-4, atol=1e-4)


def test_targets_are_compiled_proved_and_sealed(
    model: Path, tmp_path: Path, key_folder: Path, trust: TrustStore, capsys: pytest.CaptureFixture[str]
) -> None:
    out, figures = tmp_path / "out", tmp_path / "figures.json"
    names = "gpu-onnx,cpu-onnx,cpu-tflite-int8"
    assert compile_to(out, model, key_folder, "--target", names, "--json", str(figures)) == 0
    told = capsys.readouterr().out
    for word in ("float model", "cpu-onnx", "cpu-tflite-int8", "16 held-out clips of 16 sources", "tiny-1.0.0.nexara"):
        assert word in told
    bundle = open_bundle(out / "tiny-1.0.0.nexara", trust)
    assert "gpu-onnx: what it is made for is not on this machine; onnx ran the same graph on the processor" in told
    assert bundle.manifest.targets() == ("cpu-tflite-int8", "cpu-onnx", "gpu-onnx")
    assert bundle.manifest.lineage == LINEAGE
    for artifact in bundle.manifest.artifacts:
        assert artifact.accuracy is not None
        assert artifact.accuracy.accuracy.value == 1.0
        assert (artifact.latency is None) == (artifact.target == "gpu-onnx")
        assert artifact.multiply_adds is not None
    found = json.loads(figures.read_text())
    assert found == json.loads(bundle.read("compiled.json"))
    assert [one["parity"]["difference"]["flips"] for one in found["targets"]] == [0, 0, 0]
    assert sorted(path.name for path in out.iterdir()) == ["tiny-1.0.0", "tiny-1.0.0.nexara"]


def test_broken_calibration_fails_the_build_and_the_clips_are_named(
    model: Path, tmp_path: Path, key_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with np.load(model / "calibrating.npz") as stored:
        windows = stored["windows"]
    # As of a camera whose lens is capped.
    dark = (128 + np.random.default_rng(0).integers(-1, 2, windows.shape)).astype(np.uint8)
    np.savez_compressed(model / "calibrating.npz", windows=dark)
    out = tmp_path / "out"
    assert compile_to(out, model, key_folder, "--target", "cpu-onnx-int8") == 2
    told = capsys.readouterr().err
    assert "cpu-onnx-int8 lost" in told
    assert "of 16 clips otherwise: " in told
    assert ".mp4 (" in told
    assert "layers that alone move a margin most, in logits: block" in told
    assert "At most 0.0 points and 0.0 % of the clips are allowed" in told
    assert list(out.iterdir()) == []


def test_layers_are_told_apart_by_what_they_cost_in_int8(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["sensitivity", "--model", str(model), "--out", str(out)]) == 0
    told = capsys.readouterr().out
    found = msgspec.json.decode((out / "sensitivity.json").read_bytes(), type=Sensitivity)
    network = read_float_model(model).network
    kernels = [layer.name for layer in network.encoder.layers if hasattr(layer, "kernel_size")]
    assert [layer.layer for layer in found.layers if layer.operator == "Conv"] == kernels
    assert all(layer.layer in told for layer in found.layers)
    assert all(0 < layer.embedding < found.whole.embedding for layer in found.layers)
    assert found.worst(1)[0].cost == max(layer.cost for layer in found.layers)
    assert found.worst(1)[0].layer in (out / "sensitivity.svg").read_text()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("model.json", None, "give the folder <name>-<version>.model"),
        ("model.json", b"{}", "Object missing required field"),
        ("encoder.npz", None, "the folder is not whole"),
        ("head.npz", b"PK no zip", "the folder is not whole"),
        ("held_out.npz", "calibrating.npz", "the folder is not whole"),
        ("calibrating.npz", "held_out.npz", "the folder is not whole"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(
    model: Path,
    tmp_path: Path,
    key_folder: Path,
    file: str,
    content: bytes | str | None,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (model / file).unlink()
    if isinstance(content, str):
        shutil.copy(model / content, model / file)
    elif content is not None:
        (model / file).write_bytes(content)
    assert compile_to(tmp_path / "out", model, key_folder, "--target", "cpu-onnx") == 2
    assert message in capsys.readouterr().err


def test_samples_that_do_not_add_up_are_refused(
    model: Path, tmp_path: Path, key_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = msgspec.json.decode((model / "model.json").read_bytes(), type=ModelFacts)
    fewer = msgspec.structs.replace(facts, held_out=facts.held_out[:-1])
    (model / "model.json").write_bytes(msgspec.json.encode(fewer))
    assert compile_to(tmp_path / "out", model, key_folder) == 2
    assert "held_out.npz holds 48 samples, model.json lists 45" in capsys.readouterr().err


def test_an_unknown_target_is_refused_before_anything_is_read(
    tmp_path: Path, key_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compile_to(tmp_path / "out", tmp_path / "nowhere", key_folder, "--target", "toaster") == 2
    told = capsys.readouterr().err
    assert (
        "no target named 'toaster'; there are cpu-tflite-int8, cpu-tflite, cpu-onnx, cpu-onnx-int8, gpu-onnx, " in told
    )
    assert not (tmp_path / "out").exists()
