from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from runtimes.environment import host_architecture, probe_environment
from runtimes.gpu import Gpu, find_gpus, parse_gpus


def test_probe_environment_describes_this_machine_when_asked() -> None:
    environment = probe_environment()
    assert {"tflite", "onnx"} <= {probe.runtime for probe in environment.probes}
    assert environment.cores == len(os.sched_getaffinity(0))
    assert environment.memory_bytes > 2**28
    assert environment.cpu in environment.machine
    assert environment is probe_environment()
    assert environment.probe("no such engine") is None


@pytest.mark.parametrize(
    ("machine", "name"),
    [("x86_64", "x86_64"), ("AMD64", "x86_64"), ("arm64", "aarch64"), ("aarch64", "aarch64"), ("armv7l", "armv7l")],
)
def test_host_architecture_has_one_name_when_systems_spell_it_differently(
    monkeypatch: pytest.MonkeyPatch, machine: str, name: str
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert host_architecture() == name


@pytest.mark.parametrize(
    ("table", "gpus"),
    [
        ("", ()),
        ("NVIDIA H200, 9.0, 580.1\n", (Gpu("NVIDIA H200", "sm_90", "580.1"),)),
        ("A, 8.6, 1\nB, 12.0, 2\n", (Gpu("A", "sm_86", "1"), Gpu("B", "sm_120", "2"))),
        ("Tesla, old, [N/A], 390\n", (Gpu("Tesla, old", "", "390"),)),
        ("No devices were found\n", ()),
    ],
)
def test_parse_gpus_reads_the_driver_when_it_answers(table: str, gpus: tuple[Gpu, ...]) -> None:
    assert parse_gpus(table) == gpus


@pytest.mark.parametrize(
    ("script", "gpus"),
    [
        ("echo 'NVIDIA Thing, 8.7, 540.4'", (Gpu("NVIDIA Thing", "sm_87", "540.4"),)),
        ("echo 'no driver' >&2; exit 9", ()),
        ("printf '\\377'", ()),
    ],
)
def test_find_gpus_asks_the_driver_tool_when_it_is_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, gpus: tuple[Gpu, ...]
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert find_gpus.__wrapped__() == gpus
