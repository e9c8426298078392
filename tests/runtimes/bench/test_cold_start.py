from __future__ import annotations

import msgspec
import pytest

from models.bundle import Bundle
from runtimes.bench.cold_start import measure_cold_start
from runtimes.errors import RuntimeOpenError


def test_a_fresh_process_bears_the_engine_it_imports(tiny: Bundle) -> None:
    artifact = tiny.manifest.artifact("onnx-float32", "encoder")
    found = measure_cold_start(artifact, tiny.read(artifact.file), 1)
    assert found.load_ms > 1
    assert found.memory_bytes > 2**20


def test_a_file_that_does_not_open_is_told_by_its_own_error(tiny: Bundle) -> None:
    artifact = tiny.manifest.artifact("tflite-int8", "encoder")
    with pytest.raises(RuntimeOpenError, match=r"a fresh process ended with 1: .*RuntimeOpenError.*cannot open it"):
        measure_cold_start(artifact, b"no model", 1)
    odd = msgspec.structs.replace(artifact, requires=msgspec.structs.replace(artifact.requires, engine="abacus"))
    with pytest.raises(RuntimeOpenError, match="no engine 'abacus' here"):
        measure_cold_start(odd, b"", 1)
