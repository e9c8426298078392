from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from runtimes.discovery import GROUP, discover_runtimes, load_runtimes
from runtimes.environment import describe_machine, probe_all

PLUGINS = """
from models.manifest import Artifact
from runtimes.protocol import Probe

class Good:
    name = "good"
    def probe(self):
        return Probe(runtime="good", available=True, version="1.0")
    def open(self, artifact, content, options):
        raise NotImplementedError

class Liar(Good):
    name = "liar"
    def probe(self):
        raise OSError("the driver crashed")

class Raises(Good):
    def __init__(self):
        raise RuntimeError("no licence")

class Mute:
    name = "mute"
"""

BUILT_IN = ["tflite", "onnx", "edgetpu", "tensorrt", "tensorrt-rtx"]


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plugins_of_others.py").write_text(PLUGINS)
    (tmp_path / "plugin_that_does_not_import.py").write_text("import a_library_that_is_not_there\n")
    (tmp_path / "plugin_with_a_typo.py").write_text("def :\n")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("gone", "package_that_is_not_there:Runtime", "No module named 'package_that_is_not_there'"),
        ("gone", "plugin_that_does_not_import:Runtime", "a_library_that_is_not_there"),
        ("typo", "plugin_with_a_typo:Runtime", "SyntaxError"),
        ("absent", "plugins_of_others:Absent", "AttributeError"),
        ("raises", "plugins_of_others:Raises", "no licence"),
        ("mute", "plugins_of_others:Mute", "Mute has no probe and open"),
        ("alias", "plugins_of_others:Good", "it calls itself 'good'"),
        ("tflite", "plugins_of_others:Good", "the name tflite is taken"),
    ],
)
def test_load_runtimes_skips_the_plugin_with_its_reason_when_it_is_broken(name: str, value: str, reason: str) -> None:
    discovery = load_runtimes([EntryPoint(name, value, GROUP), EntryPoint("good", "plugins_of_others:Good", GROUP)])
    assert [runtime.name for runtime in discovery.runtimes] == [
        "tflite",
        "onnx",
        "edgetpu",
        "tensorrt",
        "tensorrt-rtx",
        "good",
    ]
    assert [(probe.runtime, probe.available) for probe in discovery.broken] == [(name, False)]
    assert reason in (discovery.broken[0].reason or "")
    assert describe_machine(discovery).probes[-1] == discovery.broken[0]


def test_load_runtimes_lists_ours_once_when_they_are_installed_too() -> None:
    discovery = load_runtimes([EntryPoint("onnx", "runtimes.onnx:OnnxRuntime", GROUP)])
    assert [runtime.name for runtime in discovery.runtimes] == BUILT_IN
    assert discovery.broken == ()


@pytest.mark.usefixtures("plugins")
def test_probe_all_tells_the_reason_when_a_probe_raises() -> None:
    discovery = load_runtimes([EntryPoint("liar", "plugins_of_others:Liar", GROUP)])
    probe = probe_all(discovery.runtimes)[-1]
    assert (probe.runtime, probe.available) == ("liar", False)
    assert "the driver crashed" in (probe.reason or "")


def test_discover_runtimes_finds_ours_when_run_from_a_checkout() -> None:
    assert {"tflite", "onnx"} <= {runtime.name for runtime in discover_runtimes().runtimes}
