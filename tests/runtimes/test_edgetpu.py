"""The Edge TPU runtime with a library that stands in for Coral's, since no Edge TPU is at hand.

The calls between it, LiteRT and us are real, the operators run on the CPU.
"""

from __future__ import annotations

import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest

from models.bundle import Bundle
from models.manifest import Artifact
from runtimes.edgetpu import LIBRARY, OPERATOR, EdgeTPURuntime, list_devices
from runtimes.errors import RuntimeOpenError
from runtimes.protocol import SessionOptions
from runtimes.tflite import TFLiteRuntime

ANYWHERE = SessionOptions()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler for the library that stands in")
    path = tmp_path_factory.mktemp("library") / LIBRARY
    source = Path(__file__).with_name("edgetpu_stand_in.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(path), str(source)], check=True)
    return str(path)


@pytest.fixture
def note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the library noted of the devices it was asked for."""
    path = tmp_path / "note"
    monkeypatch.setenv("EDGETPU_NOTE", str(path))
    monkeypatch.setenv("EDGETPU_DEVICES", "usb,pci,usb")
    return path


@pytest.fixture
def encoder(tiny: Bundle) -> tuple[Artifact, bytes]:
    """An int8 encoder that says it is for an Edge TPU: what stands behind the model is not read."""
    artifact = tiny.manifest.artifact("tflite-int8", "encoder")
    asked = msgspec.structs.replace(artifact.requires, engine="edgetpu")
    return msgspec.structs.replace(artifact, requires=asked), tiny.read(artifact.file) + OPERATOR


def test_devices_are_listed_by_kind_and_index(library: str, note: Path) -> None:
    assert [(one.name, one.path) for one in list_devices(library)] == [
        ("usb:0", "/sys/bus/usb/devices/2-1"),
        ("pci:0", "/dev/apex_0"),
        ("usb:1", "/sys/bus/usb/devices/2-1"),
    ]
    probe = EdgeTPURuntime(library).probe()
    assert (probe.available, probe.accelerators) == (True, ("usb:0", "pci:0", "usb:1"))
    assert not note.exists()


@pytest.mark.usefixtures("note")
def test_probe_says_what_is_missing(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGETPU_DEVICES", "")
    none = EdgeTPURuntime(library).probe()
    assert (none.available, none.accelerators) == (False, ())
    assert none.reason is not None
    assert "no Edge TPU is plugged in" in none.reason
    absent = EdgeTPURuntime("libnowhere.so.1").probe()
    assert not absent.available
    assert absent.reason is not None
    assert "install Coral's package" in absent.reason
    other = EdgeTPURuntime("libc.so.6").probe()
    assert not other.available


@pytest.mark.parametrize(("device", "asked"), [(None, "=any"), ("usb", "device=usb"), ("pci:0", "device=pci:0")])
def test_an_artifact_runs_on_the_device_asked_for(
    library: str, note: Path, tiny: Bundle, encoder: tuple[Artifact, bytes], device: str | None, asked: str
) -> None:
    panes = tiny.golden().samples.reshape(-1, *tiny.manifest.preprocessing.pane_shape)[:3]
    artifact, content = encoder
    batch = {artifact.inputs[0].name: panes}
    with closing(EdgeTPURuntime(library).open(artifact, content, SessionOptions(device=device))) as session:
        found = session.run(batch)
    plain = tiny.manifest.artifact("tflite-int8", "encoder")
    with closing(TFLiteRuntime().open(plain, tiny.read(plain.file), ANYWHERE)) as session:
        meant = session.run(batch)
    name = artifact.outputs[0].name
    np.testing.assert_array_equal(found[name], meant[name])
    assert note.read_text().splitlines() == [asked]


@pytest.mark.usefixtures("note")
def test_a_device_that_went_away_is_an_error_and_one_that_came_back_is_taken(
    library: str, encoder: tuple[Artifact, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = EdgeTPURuntime(library)
    monkeypatch.setenv("EDGETPU_DEVICES", "pci")
    with pytest.raises(RuntimeOpenError, match=r"no Edge TPU usb:0 to be had \(no device\); is it plugged in"):
        runtime.open(*encoder, SessionOptions(device="usb:0"))
    monkeypatch.setenv("EDGETPU_DEVICES", "")
    with pytest.raises(RuntimeOpenError, match="no Edge TPU is plugged in"):
        runtime.open(*encoder, ANYWHERE)
    monkeypatch.setenv("EDGETPU_DEVICES", "usb,pci")
    runtime.open(*encoder, SessionOptions(device="usb:0")).close()


@pytest.mark.parametrize("device", ["usb:", "cpu", "usb:one", ":0"])
def test_a_device_outside_the_grammar_is_refused_before_it_is_looked_for(
    library: str, note: Path, encoder: tuple[Artifact, bytes], device: str
) -> None:
    with pytest.raises(RuntimeOpenError, match=r"edgetpu has no device .* are allowed"):
        EdgeTPURuntime(library).open(*encoder, SessionOptions(device=device))
    assert not note.exists()


@pytest.mark.usefixtures("note")
def test_a_file_for_no_edge_tpu_is_refused(library: str, tiny: Bundle, encoder: tuple[Artifact, bytes]) -> None:
    content = tiny.read(encoder[0].file)
    with pytest.raises(RuntimeOpenError, match="nothing in it is for an Edge TPU"):
        EdgeTPURuntime(library).open(encoder[0], content, ANYWHERE)


def test_the_library_may_be_absent(encoder: tuple[Artifact, bytes]) -> None:
    with pytest.raises(RuntimeOpenError, match=r"libnowhere\.so cannot be loaded .*install Coral's package"):
        EdgeTPURuntime("libnowhere.so").open(*encoder, ANYWHERE)
