"""Sessions, the cache of engines and the way to them, by a stand-in: no machine of ours runs the real one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from models.bundle import Bundle
from models.manifest import Artifact, Requirement, Tensor
from runtimes.errors import NotBuiltError, RuntimeOpenError, SessionError
from runtimes.gpu import Gpu
from runtimes.onnx import OnnxRuntime
from runtimes.protocol import SessionOptions
from runtimes.tensorrt.library import Library, load_library
from runtimes.tensorrt.runtime import TensorRTRuntime
from tests.runtimes.tensorrt.stand_in import PREFIX, HostMemory, make_library

ORIN = Gpu(name="NVIDIA tegra234", architecture="sm_87", driver="R36")
H100 = Gpu(name="NVIDIA H100", architecture="sm_90", driver="580.159.04")


class Site:
    """A machine with a GPU, a stand-in library and a cache; ``open`` opens the tiny encoder there."""

    def __init__(self, tiny: Bundle, cache: Path, version: str = "10.3.0", gpu: Gpu = ORIN) -> None:
        found = tiny.manifest.artifact("onnx-float32", "encoder")
        self.artifact: Artifact = msgspec.structs.replace(found, requires=Requirement(engine="tensorrt"))
        self.content = tiny.read(found.file)
        self.memory = HostMemory()
        self.load = make_library(version)
        self.runtime = TensorRTRuntime(load=self.load, gpus=lambda: (gpu,), memory=lambda _: self.memory, cache=cache)

    @property
    def built(self) -> int:
        return int(self.load("tensorrt").module.Builder.built)

    def open(self, **options: Any) -> Any:
        return self.runtime.open(self.artifact, self.content, SessionOptions(**options))


def _rows(artifact: Artifact, count: int, seed: int) -> dict[str, np.ndarray]:
    tensor = artifact.inputs[0]
    rows = np.random.default_rng(seed).normal(size=(count, *tensor.shape[1:])).astype(np.float32)
    return {tensor.name: rows}


@pytest.mark.parametrize("records", [True, False])
def test_batches_of_any_size_are_answered_as_by_the_graph(tiny: Bundle, tmp_path: Path, records: bool) -> None:
    site = Site(tiny, tmp_path)
    site.memory = HostMemory(records=records)
    plain = tiny.manifest.artifact("onnx-float32", "encoder")
    graph = OnnxRuntime().open(plain, site.content, SessionOptions(device="cpu"))
    name = plain.outputs[0].name
    with closing(site.open()) as session:
        for seed, count in enumerate((0, 1, 3, 3, 3, 69, 4, 1)):
            batch = _rows(site.artifact, count, seed)
            np.testing.assert_allclose(session.run(batch)[name], graph.run(batch)[name], rtol=1e-4, atol=1e-5)
    # Of four items at a time, which 3 and 69 come to as well, the third and fourth run are replayed.
    assert (site.memory.replays > 0) == records
    assert site.memory.closed


def test_a_size_that_cannot_be_recorded_goes_on_being_queued(tiny: Bundle, tmp_path: Path) -> None:
    site = Site(tiny, tmp_path)
    site.memory = HostMemory(fails="record")
    with closing(site.open()) as session:
        name = session.outputs[0].name
        found = [session.run(_rows(site.artifact, 2, 1))[name] for _ in range(4)]
    assert all(np.array_equal(found[0], other) for other in found[1:])


def test_an_engine_is_built_once_for_what_it_is_of(tiny: Bundle, tmp_path: Path) -> None:
    for _ in range(2):
        again = Site(tiny, tmp_path)
        again.open().close()
    assert again.built == 0
    for other in (Site(tiny, tmp_path, version="10.4.0"), Site(tiny, tmp_path, gpu=H100)):
        other.open().close()
        assert other.built == 1
    assert len(list(tmp_path.glob("*.engine"))) == 3


@pytest.mark.parametrize("spoil", [lambda kept: kept[:-1], lambda _: b"", lambda kept: kept[:40] + b"x" + kept[41:]])
def test_an_engine_that_is_not_whole_is_built_again(tiny: Bundle, tmp_path: Path, spoil: Any) -> None:
    Site(tiny, tmp_path).open().close()
    (kept,) = tmp_path.glob("*.engine")
    kept.write_bytes(spoil(kept.read_bytes()))
    again = Site(tiny, tmp_path)
    again.open().close()
    assert again.built == 1


def test_an_engine_that_the_library_does_not_read_any_more_is_built_again(tiny: Bundle, tmp_path: Path) -> None:
    site = Site(tiny, tmp_path)
    site.open().close()
    module = site.load("tensorrt").module
    reads = module.Runtime.deserialize_cuda_engine
    refused = iter([True])
    module.Runtime = type(
        "Runtime",
        (module.Runtime,),
        {"deserialize_cuda_engine": lambda self, stored: None if next(refused, False) else reads(self, stored)},
    )
    site.memory = HostMemory()
    site.open().close()
    assert site.built == 2


def test_an_engine_that_is_not_read_is_built_no_second_time_and_not_where_that_is_not_allowed(
    tiny: Bundle, tmp_path: Path
) -> None:
    site = Site(tiny, tmp_path)
    module = site.load("tensorrt").module
    module.Runtime = type("Runtime", (module.Runtime,), {"deserialize_cuda_engine": lambda *_: None})
    with pytest.raises(RuntimeOpenError, match=r"tensorrt 10\.3\.0 reads no engine"):
        site.open()
    assert site.built == 1
    with pytest.raises(NotBuiltError):
        site.open(build=False)
    assert site.built == 1


def test_no_engine_is_built_where_that_is_not_allowed(tiny: Bundle, tmp_path: Path) -> None:
    site = Site(tiny, tmp_path)
    with pytest.raises(NotBuiltError, match="no engine for NVIDIA tegra234 yet"):
        site.open(build=False)
    assert site.built == 0
    site.open().close()
    site.memory = HostMemory()
    site.open(build=False).close()
    assert site.built == 1


def test_a_cache_that_cannot_be_written_costs_a_build_and_nothing_else(tiny: Bundle, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for _ in range(2):
        site = Site(tiny, tmp_path / "file")
        site.open().close()
        assert site.built == 1


def test_a_file_that_is_an_engine_already_is_opened_as_it_is(tiny: Bundle, tmp_path: Path) -> None:
    site = Site(tiny, tmp_path)
    ahead = msgspec.structs.replace(site.artifact, file="artifacts/ahead.engine")
    site.runtime.open(ahead, PREFIX + site.content, SessionOptions(build=False)).close()
    assert site.built == 0
    with pytest.raises(RuntimeOpenError, match=r"ahead\.engine: tensorrt 10\.3\.0 reads no engine: .*magic tag"):
        site.runtime.open(ahead, b"of another time", SessionOptions())


def test_what_is_wrong_is_told(tiny: Bundle, tmp_path: Path) -> None:
    site = Site(tiny, tmp_path)
    with pytest.raises(RuntimeOpenError, match="does not take this graph: error 0: not a graph"):
        site.runtime.open(site.artifact, b"not a graph", SessionOptions())
    with pytest.raises(RuntimeOpenError, match="no GPU 1, there are 1"):
        site.open(device="cuda:1")
    with pytest.raises(RuntimeOpenError, match="tensorrt has no device 'dla:0'; cuda and cuda:<index> are allowed"):
        site.open(device="dla:0")
    other = msgspec.structs.replace(site.artifact, outputs=(Tensor(name="y", shape=(-1, 2), dtype="float32"),))
    with pytest.raises(RuntimeOpenError, match="the manifest says y; build the bundle again"):
        site.runtime.open(other, site.content, SessionOptions())
    site.memory = HostMemory(fails="allocate")
    with pytest.raises(RuntimeOpenError, match="allocate failed: out of memory"):
        site.open()
    assert site.memory.closed


def test_an_engine_that_fails_while_running_is_a_failed_session(tiny: Bundle, tmp_path: Path) -> None:
    site = Site(tiny, tmp_path)
    session = site.open()
    session._engine.broken = True
    with pytest.raises(SessionError, match="the engine did not run: no reason given"):
        session.run(_rows(site.artifact, 1, 0))
    site.memory._fails = "synchronize"
    session._engine.broken = False
    with pytest.raises(SessionError, match="synchronize failed"):
        session.run(_rows(site.artifact, 1, 0))
    session.close()
    session.close()
    with pytest.raises(SessionError, match="closed"):
        session.run(_rows(site.artifact, 1, 0))


def test_probe_tells_what_is_missing() -> None:
    def unwanted(name: str) -> Library:
        raise AssertionError(name)

    for runtime in (
        TensorRTRuntime(load=unwanted, gpus=tuple),
        TensorRTRuntime("tensorrt-rtx", load=unwanted, gpus=tuple),
    ):
        probe = runtime.probe()
        assert not probe.available
        assert "neither nvidia-smi nor the device tree" in (probe.reason or "")
    missing = TensorRTRuntime(gpus=lambda: (ORIN,)).probe()
    assert not missing.available
    assert "no tensorrt (No module named 'tensorrt'); on Jetson it comes with JetPack" in (missing.reason or "")
    here = TensorRTRuntime(load=make_library(), gpus=lambda: (ORIN,)).probe()
    assert (here.available, here.version, here.accelerators) == (True, "10.3.0", ("sm_87",))


@pytest.mark.parametrize(
    ("architecture", "reason"),
    [
        ("sm_90", "has no kernels for NVIDIA H100 (sm_90); it knows sm_75, "),
        ("sm_120", None),
        ("sm_130", None),
        ("", None),
    ],
)
def test_probe_asks_the_library_of_rtx_gpus_which_of_them_it_knows(architecture: str, reason: str | None) -> None:
    gpu = Gpu(name="NVIDIA H100", architecture=architecture)
    probe = TensorRTRuntime("tensorrt-rtx", load=load_library, gpus=lambda: (gpu,)).probe()
    assert probe.available == (reason is None)
    assert (reason or "") in (probe.reason or "")
