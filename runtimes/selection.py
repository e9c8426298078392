"""Which target of a bundle to run here: keep what can run, rank it, open the best, fall back.

Keeping and ranking are pure; every refusal has its reason, and the tables that decide are data.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from models.manifest import Artifact, Manifest, Requirement
from runtimes.environment import Environment
from runtimes.errors import EngineError, NoRuntimeError
from runtimes.protocol import Probe

_log = logging.getLogger(__name__)

_Opened = TypeVar("_Opened")

# Engines that bring an accelerator come before any processor; the fastest class of device first. An engine not listed
# counts as an accelerator when its probe names one.
ACCELERATED = ("tensorrt", "tensorrt-rtx", "edgetpu", "onnx")

# (engine, precision), the fastest first, by host architecture and whether it multiplies int8 vectors in one
# instruction. MobileNetV2 at 128 px on one core with VNNI: tflite int8 1.1 ms, tflite and onnx float 2.3 ms. Without
# it float is the faster one on x86 (MobileNetV2-224: litert float 10.2 ms, int8 11.9 ms). Float16 is how weights are
# stored: engines widen them as they open the file, so it runs as float32 does, and comes after it for its rounding.
PREFERENCE: dict[tuple[str, bool], tuple[tuple[str, str], ...]] = {
    ("x86_64", True): (
        ("tflite", "int8"),
        ("tflite", "float32"),
        ("tflite", "float16"),
        ("onnx", "float32"),
        ("onnx", "float16"),
        ("onnx", "int8"),
    ),
    ("x86_64", False): (
        ("tflite", "float32"),
        ("tflite", "float16"),
        ("onnx", "float32"),
        ("onnx", "float16"),
        ("tflite", "int8"),
        ("onnx", "int8"),
    ),
    ("aarch64", True): (
        ("tflite", "int8"),
        ("onnx", "int8"),
        ("tflite", "float32"),
        ("tflite", "float16"),
        ("onnx", "float32"),
        ("onnx", "float16"),
    ),
    ("aarch64", False): (
        ("tflite", "int8"),
        ("tflite", "float32"),
        ("tflite", "float16"),
        ("onnx", "float32"),
        ("onnx", "float16"),
        ("onnx", "int8"),
    ),
}
_DEFAULT_PREFERENCE = ("aarch64", False)


# Engines with an accelerator that run the same artifact on the processor too, and what they call that device.
PROCESSOR_TOO = {"onnx": "cpu"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A target that can run here: its two artifacts, and the device it is held to (``None``: the engine's default)."""

    target: str
    encoder: Artifact
    head: Artifact
    device: str | None = None

    def __str__(self) -> str:
        engines = dict.fromkeys((self.encoder.requires.engine, self.head.requires.engine))
        device = f" on {self.device}" if self.device else ""
        return f"{self.target} ({' + '.join(engines)}{device}, {self.encoder.precision})"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A target that cannot run here, and why."""

    target: str
    reason: str

    def __str__(self) -> str:
        return f"{self.target}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Selection:
    """What was kept and what was refused."""

    candidates: tuple[Candidate, ...]
    refusals: tuple[Refusal, ...]


def keep(manifest: Manifest, environment: Environment, target: str | None = None) -> Selection:
    """Keep the targets whose encoder and head can run in ``environment``; only ``target``, where one is asked for.

    A target that runs on an accelerator and could run on the processor as well is kept as both.

    Raises ``BundleFormatError`` when the bundle has no target of that name.
    """
    wanted = (manifest.artifact(target, "encoder").target,) if target is not None else manifest.targets()
    candidates, refusals = [], []
    for name in wanted:
        candidate = Candidate(name, manifest.artifact(name, "encoder"), manifest.artifact(name, "head"))
        reasons = dict.fromkeys(
            reason
            for artifact in (candidate.encoder, candidate.head)
            if (reason := refuse(artifact.requires, environment)) is not None
        )
        if reasons:
            refusals.append(Refusal(name, "; ".join(reasons)))
        else:
            candidates += [candidate, *_without_accelerator(candidate, environment)]
    return Selection(tuple(candidates), tuple(refusals))


def refuse(requirement: Requirement, environment: Environment) -> str | None:
    """Why ``requirement`` is not met in ``environment``, or ``None`` when it is."""
    probe = environment.probe(requirement.engine)
    if probe is None:
        known = ", ".join(probe.runtime for probe in environment.probes) or "none"
        return f"no engine {requirement.engine!r} here; known engines: {known}"
    if not probe.available:
        return f"engine {requirement.engine} is not available: {probe.reason}"
    return (
        _refuse_version(requirement, probe)
        or _refuse_accelerator(requirement, probe)
        or _refuse_hardware(requirement, environment)
    )


def rank(candidates: Sequence[Candidate], environment: Environment) -> tuple[Candidate, ...]:
    """The best first: accelerators; then what was measured on this very kind of machine, by its latency; then by
    ``PREFERENCE``. Equals keep the manifest's order."""
    return tuple(sorted(candidates, key=lambda candidate: _order(candidate, environment)))


def is_accelerated(candidate: Candidate, environment: Environment) -> bool:
    """Whether it runs on more than the processor."""
    return bool(environment.accelerators(candidate.encoder.requires.engine)) and candidate.device is None


def open_first(
    candidates: Sequence[Candidate],
    refusals: Sequence[Refusal],
    open_one: Callable[[Candidate], _Opened],
    bundle: str,
) -> tuple[Candidate, _Opened]:
    """Open the first of ``candidates`` that opens, with a warning for each step down.

    Raises ``NoRuntimeError`` with every refusal and failure when none does.
    """
    attempts = [str(refusal) for refusal in refusals]
    for position, candidate in enumerate(candidates):
        try:
            return candidate, open_one(candidate)
        except EngineError as error:  # noqa: PERF203 - a handful of candidates
            attempts.append(f"{candidate}: {error}")
            if position + 1 < len(candidates):
                _log.warning("falling back from %s to %s: %s", candidate, candidates[position + 1], error)
    raise NoRuntimeError(bundle, attempts)


def _refuse_version(requirement: Requirement, probe: Probe) -> str | None:
    if requirement.min_version is None and requirement.max_version is None:
        return None
    found = _version(probe.version or "")
    if found is None:
        return f"engine {probe.runtime} does not tell its version; a known one is needed"
    low, high = _version(requirement.min_version or "0.0"), _version(requirement.max_version or "")
    if (low is not None and found < low) or (high is not None and found > high):
        return (
            f"engine {probe.runtime} is {probe.version}; from {requirement.min_version or 'any'} "
            f"to {requirement.max_version or 'any'} is allowed"
        )
    return None


def _refuse_accelerator(requirement: Requirement, probe: Probe) -> str | None:
    wanted = requirement.accelerator
    if wanted is None or any(name.startswith(wanted) for name in probe.accelerators):
        return None
    found = ", ".join(probe.accelerators) or "none"
    return f"made for {wanted} through engine {probe.runtime}, which has here: {found}"


def _refuse_hardware(requirement: Requirement, environment: Environment) -> str | None:
    hosts, gpus = requirement.host_architectures, requirement.gpu_architectures
    if hosts and environment.host_architecture not in hosts:
        return f"made for {', '.join(hosts)}; this machine is {environment.host_architecture}"
    found = [gpu.architecture for gpu in environment.gpus]
    if gpus and not set(gpus) & set(found):
        return f"made for GPU {', '.join(gpus)}; this machine has {', '.join(found) or 'none'}"
    return None


def _without_accelerator(candidate: Candidate, environment: Environment) -> tuple[Candidate, ...]:
    engine = candidate.encoder.requires.engine
    needed = candidate.encoder.requires.accelerator or candidate.head.requires.accelerator
    if not environment.accelerators(engine) or engine not in PROCESSOR_TOO or needed is not None:
        return ()
    return (replace(candidate, device=PROCESSOR_TOO[engine]),)


def _order(candidate: Candidate, environment: Environment) -> tuple[int, int, float, int]:
    latency = _measured_ms(candidate, environment.machine)
    return (
        _accelerator_order(candidate, environment),
        0 if latency is not None else 1,
        latency or 0.0,
        _preference_order(candidate, environment),
    )


def _accelerator_order(candidate: Candidate, environment: Environment) -> int:
    engine = candidate.encoder.requires.engine
    if not is_accelerated(candidate, environment):
        return len(ACCELERATED) + 1
    return ACCELERATED.index(engine) if engine in ACCELERATED else len(ACCELERATED)


def _measured_ms(candidate: Candidate, machine: str) -> float | None:
    """Milliseconds for one sample through encoder and head, when both were measured on such a machine."""
    if candidate.device is not None:
        # What was measured is the engine's default device.
        return None
    latencies = [artifact.latency for artifact in (candidate.encoder, candidate.head)]
    measured = [latency for latency in latencies if latency is not None and latency.machine == machine]
    if len(measured) < len(latencies):
        return None
    return sum(latency.p50_ms / latency.batch for latency in measured)


def _preference_order(candidate: Candidate, environment: Environment) -> int:
    if candidate.encoder.requires.accelerator is not None:
        # What was made for the accelerator at hand comes before what runs there too.
        return -1
    key = (environment.host_architecture, environment.int8_dot)
    table = PREFERENCE.get(key, PREFERENCE[_DEFAULT_PREFERENCE])
    pair = (candidate.encoder.requires.engine, candidate.encoder.precision)
    return table.index(pair) if pair in table else len(table)


def _version(text: str) -> tuple[int, int] | None:
    parts = [part for part in text.split(".") if part.isdigit()]
    if not parts:
        return None
    return int(parts[0]), int(parts[1]) if len(parts) > 1 else 0
