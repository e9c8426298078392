from __future__ import annotations

import logging

import msgspec
import pytest

from models.errors import BundleFormatError
from models.manifest import Artifact, Latency, Manifest, Requirement, Stage, Tensor
from runtimes.environment import Environment
from runtimes.errors import NoRuntimeError, RuntimeOpenError
from runtimes.gpu import Gpu
from runtimes.protocol import Probe
from runtimes.selection import Candidate, Refusal, keep, open_first, rank, refuse
from tests.tiny_bundle import EMBEDDING, SAMPLES, SIZE, make_manifest

TFLITE = Probe(runtime="tflite", available=True, version="2.3.0")
ONNX = Probe(runtime="onnx", available=True, version="1.31.0")
CUDA = Probe(runtime="onnx", available=True, version="1.31.0", accelerators=("cuda",))
TENSORRT = Probe(runtime="tensorrt", available=True, version="10.3.0.26", accelerators=("sm_87",))
OTHER = Probe(runtime="hailo", available=True, version="4.20", accelerators=("hailo-8",))
STICK = Probe(runtime="edgetpu", available=True, version="2.1.0", accelerators=("usb:0",))
NO_CORAL = Probe(runtime="edgetpu", available=False, reason="libedgetpu.so.1 is not there")

INT8, FLOAT, ONNX_FLOAT = "tflite-int8", "tflite-float32", "onnx-float32"


def _machine(
    *probes: Probe, architecture: str = "x86_64", int8_dot: bool = True, gpus: tuple[str, ...] = ()
) -> Environment:
    return Environment(
        probes=probes,
        host_architecture=architecture,
        cpu="cpu",
        cores=2,
        memory_bytes=2**30,
        gpus=tuple(Gpu(name="gpu", architecture=sm) for sm in gpus),
        int8_dot=int8_dot,
    )


def _artifact(stage: Stage, target: str, requires: Requirement | None, latency: Latency | None) -> Artifact:
    shapes = {"encoder": ((-1, SIZE, SIZE, 3), (-1, EMBEDDING)), "head": ((-1, SAMPLES, EMBEDDING), (-1, 2))}[stage]
    engine, precision = target.rsplit("-", 1)
    return Artifact(
        stage=stage,
        target=target,
        file=f"artifacts/{target}.{stage}",
        sha256="0" * 64,
        precision=precision if precision in {"int8", "float16"} else "float32",
        inputs=(Tensor(name="x", shape=shapes[0], dtype="float32"),),
        outputs=(Tensor(name="y", shape=shapes[1], dtype="float32"),),
        requires=requires or Requirement(engine=engine),
        latency=latency,
    )


def _manifest(
    *targets: str, latencies: dict[str, tuple[float, str]] | None = None, **requires: Requirement
) -> Manifest:
    stages: tuple[Stage, ...] = ("encoder", "head")
    artifacts = []
    for target in targets:
        measured = (latencies or {}).get(target)
        latency = Latency(p50_ms=measured[0], p99_ms=9, batch=1, threads=1, machine=measured[1]) if measured else None
        artifacts += [_artifact(stage, target, requires.get(stage), latency) for stage in stages]
    return make_manifest(tuple(artifacts))


@pytest.mark.parametrize(
    ("requirement", "machine", "reason"),
    [
        (Requirement(engine="tflite"), _machine(TFLITE), None),
        (Requirement(engine="tflite"), _machine(ONNX), "no engine 'tflite' here; known engines: onnx"),
        (Requirement(engine="tflite"), _machine(), "known engines: none"),
        (Requirement(engine="edgetpu"), _machine(NO_CORAL), "not available: libedgetpu.so.1 is not there"),
        (Requirement(engine="tflite", min_version="2.3"), _machine(TFLITE), None),
        (Requirement(engine="tflite", max_version="2.3"), _machine(TFLITE), None),
        (Requirement(engine="tflite", min_version="2.4"), _machine(TFLITE), "is 2.3.0; from 2.4 to any"),
        (Requirement(engine="tflite", max_version="2.2"), _machine(TFLITE), "is 2.3.0; from any to 2.2"),
        (Requirement(engine="onnx", min_version="1.4"), _machine(ONNX), None),
        (Requirement(engine="tensorrt", min_version="10.0", max_version="10.3"), _machine(TENSORRT), None),
        (Requirement(engine="x", min_version="1.0"), _machine(Probe("x", available=True)), "does not tell its version"),
        (Requirement(engine="onnx", accelerator="cuda"), _machine(CUDA), None),
        (
            Requirement(engine="onnx", accelerator="cuda"),
            _machine(ONNX),
            "made for cuda through engine onnx, which has",
        ),
        (Requirement(engine="edgetpu", accelerator="usb"), _machine(STICK), None),
        (Requirement(engine="edgetpu", accelerator="pci"), _machine(STICK), "has here: usb:0"),
        (Requirement(engine="onnx", host_architectures=("x86_64",)), _machine(ONNX), None),
        (Requirement(engine="onnx", host_architectures=("aarch64",)), _machine(ONNX), "this machine is x86_64"),
        (Requirement(engine="onnx", gpu_architectures=("sm_87",)), _machine(ONNX, gpus=("sm_87",)), None),
        (Requirement(engine="onnx", gpu_architectures=("sm_87",)), _machine(ONNX, gpus=("sm_90",)), "has sm_90"),
        (Requirement(engine="onnx", gpu_architectures=("sm_87",)), _machine(ONNX), "this machine has none"),
    ],
)
def test_refuse_gives_the_reason_when_a_requirement_is_not_met(
    requirement: Requirement, machine: Environment, reason: str | None
) -> None:
    found = refuse(requirement, machine)
    assert found is None if reason is None else reason in (found or "")


def test_keep_refuses_the_target_when_only_its_head_cannot_run() -> None:
    manifest = _manifest(INT8, head=Requirement(engine="onnx"))
    selection = keep(manifest, _machine(TFLITE))
    assert selection.candidates == ()
    assert [(refusal.target, refusal.reason) for refusal in selection.refusals] == [
        (INT8, "no engine 'onnx' here; known engines: tflite")
    ]


def test_keep_considers_one_target_when_it_is_asked_for() -> None:
    selection = keep(_manifest(INT8, ONNX_FLOAT), _machine(TFLITE, ONNX), ONNX_FLOAT)
    assert [candidate.target for candidate in selection.candidates] == [ONNX_FLOAT]


def test_keep_names_the_targets_when_asked_for_another() -> None:
    with pytest.raises(BundleFormatError, match=f"it has {INT8}, {ONNX_FLOAT}"):
        keep(_manifest(INT8, ONNX_FLOAT), _machine(TFLITE), "edgetpu-int8")


def test_target_made_for_the_gpu_comes_before_one_that_runs_there_too_and_is_never_run_without() -> None:
    made = Requirement(engine="onnx", accelerator="cuda")
    plain, half = (_manifest(name, **requires) for name, requires in ((ONNX_FLOAT, {}), (ONNX_HALF, _both(made))))
    both = make_manifest((*plain.artifacts, *half.artifacts))
    machine = _machine(TFLITE, CUDA)
    ranked = [str(candidate.target) for candidate in rank(keep(both, machine).candidates, machine)]
    assert ranked == [ONNX_HALF, ONNX_FLOAT, ONNX_FLOAT]
    assert [candidate.target for candidate in keep(both, _machine(TFLITE, ONNX)).candidates] == [ONNX_FLOAT]


def _both(requirement: Requirement) -> dict[str, Requirement]:
    return {"encoder": requirement, "head": requirement}


HERE = _machine().machine
ONNX_CPU = f"{ONNX_FLOAT} cpu"
ALL = (ONNX_FLOAT, FLOAT, INT8)
HALF, ONNX_HALF, ONNX_INT8 = "tflite-float16", "onnx-float16", "onnx-int8"
# As a bundle comes: float weights stored as float16.
RELEASED = (ONNX_INT8, ONNX_HALF, INT8, HALF)


@pytest.mark.parametrize(
    ("targets", "machine", "latencies", "order"),
    [
        (ALL, _machine(TFLITE, ONNX), {}, (INT8, FLOAT, ONNX_FLOAT)),
        (ALL, _machine(TFLITE, ONNX, int8_dot=False), {}, (FLOAT, ONNX_FLOAT, INT8)),
        (ALL, _machine(TFLITE, ONNX, architecture="aarch64"), {}, (INT8, FLOAT, ONNX_FLOAT)),
        (ALL, _machine(TFLITE, ONNX, architecture="aarch64", int8_dot=False), {}, (INT8, FLOAT, ONNX_FLOAT)),
        (ALL, _machine(TFLITE, ONNX, architecture="riscv64"), {}, (INT8, FLOAT, ONNX_FLOAT)),
        (RELEASED, _machine(TFLITE, ONNX), {}, (INT8, HALF, ONNX_HALF, ONNX_INT8)),
        (RELEASED, _machine(TFLITE, ONNX, int8_dot=False), {}, (HALF, ONNX_HALF, INT8, ONNX_INT8)),
        (RELEASED, _machine(TFLITE, ONNX, architecture="aarch64"), {}, (INT8, ONNX_INT8, HALF, ONNX_HALF)),
        (
            RELEASED,
            _machine(TFLITE, ONNX, architecture="aarch64", int8_dot=False),
            {},
            (INT8, HALF, ONNX_HALF, ONNX_INT8),
        ),
        ((HALF, FLOAT), _machine(TFLITE, int8_dot=False), {}, (FLOAT, HALF)),
        (ALL, _machine(TFLITE, CUDA), {}, (ONNX_FLOAT, INT8, FLOAT, ONNX_CPU)),
        (
            ("tensorrt-int8", *ALL),
            _machine(TFLITE, CUDA, TENSORRT),
            {},
            ("tensorrt-int8", ONNX_FLOAT, INT8, FLOAT, ONNX_CPU),
        ),
        (("hailo-int8", *ALL), _machine(TFLITE, ONNX, OTHER), {}, ("hailo-int8", INT8, FLOAT, ONNX_FLOAT)),
        (("hailo-int8", *ALL), _machine(TFLITE, CUDA, OTHER), {}, (ONNX_FLOAT, "hailo-int8", INT8, FLOAT, ONNX_CPU)),
        (ALL, _machine(TFLITE, ONNX), {FLOAT: (2.0, HERE), INT8: (3.0, HERE)}, (FLOAT, INT8, ONNX_FLOAT)),
        (ALL, _machine(TFLITE, ONNX), {ONNX_FLOAT: (9.0, HERE)}, (ONNX_FLOAT, INT8, FLOAT)),
        (ALL, _machine(TFLITE, ONNX), {ONNX_FLOAT: (0.1, "another machine")}, (INT8, FLOAT, ONNX_FLOAT)),
        (ALL, _machine(TFLITE, CUDA), {INT8: (0.1, HERE)}, (ONNX_FLOAT, INT8, FLOAT, ONNX_CPU)),
        (ALL, _machine(TFLITE, CUDA), {ONNX_FLOAT: (0.1, HERE)}, (ONNX_FLOAT, INT8, FLOAT, ONNX_CPU)),
    ],
)
def test_rank_orders_targets_when_machines_and_measurements_differ(
    targets: tuple[str, ...], machine: Environment, latencies: dict[str, tuple[float, str]], order: tuple[str, ...]
) -> None:
    selection = keep(_manifest(*targets, latencies=latencies), machine)
    found = (
        f"{candidate.target} {candidate.device or ''}".strip() for candidate in rank(selection.candidates, machine)
    )
    assert tuple(found) == order


def _candidates() -> tuple[Candidate, ...]:
    return keep(_manifest(*ALL), _machine(TFLITE, ONNX)).candidates


def _open_all_but(*broken: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
    def open_one(candidate: Candidate) -> str:
        if candidate.target in broken:
            raise RuntimeOpenError(f"{candidate.target} is broken")
        return f"open {candidate.target}"

    return open_one


@pytest.mark.parametrize(
    ("broken", "opened", "warnings"),
    [
        ((), ONNX_FLOAT, []),
        ((ONNX_FLOAT,), FLOAT, [(ONNX_FLOAT, FLOAT)]),
        ((ONNX_FLOAT, FLOAT), INT8, [(ONNX_FLOAT, FLOAT), (FLOAT, INT8)]),
        ((INT8,), ONNX_FLOAT, []),
    ],
)
def test_open_first_warns_of_each_step_down_when_targets_fail(
    caplog: pytest.LogCaptureFixture, broken: tuple[str, ...], opened: str, warnings: list[tuple[str, str]]
) -> None:
    with caplog.at_level(logging.WARNING):
        candidate, value = open_first(_candidates(), (), _open_all_but(*broken), "tiny")
    assert (candidate.target, value) == (opened, f"open {opened}")
    assert len(caplog.messages) == len(warnings)
    for message, (before, after) in zip(caplog.messages, warnings, strict=True):
        assert message.startswith(f"falling back from {before} ")
        assert f" to {after} " in message


def test_open_first_lists_every_attempt_when_none_opens() -> None:
    with pytest.raises(NoRuntimeError) as raised:
        open_first(_candidates(), (Refusal("edgetpu-int8", "no Coral here"),), _open_all_but(*ALL), "tiny")
    assert len(raised.value.attempts) == 4
    for words in ("bundle tiny", "edgetpu-int8: no Coral here", *(f"{target} is broken" for target in ALL)):
        assert words in str(raised.value)


def test_open_first_lets_a_defect_through_when_it_is_not_the_engine() -> None:
    def open_one(candidate: Candidate) -> str:
        raise ZeroDivisionError(candidate.target)

    with pytest.raises(ZeroDivisionError):
        open_first(_candidates(), (), open_one, "tiny")


def test_candidate_names_its_engines_when_they_differ() -> None:
    candidate = _candidates()[0]
    head = msgspec.structs.replace(candidate.head, requires=Requirement(engine="tflite"))
    assert str(Candidate("mixed", candidate.encoder, head)) == "mixed (onnx + tflite, float32)"
    assert str(Candidate("one", candidate.encoder, candidate.head, "cpu")) == "one (onnx on cpu, float32)"
