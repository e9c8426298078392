"""A real engine that breaks on command, as an accelerator does that is unplugged."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from models.manifest import Artifact, Tensor
from runtimes.protocol import Batch, Probe, Runtime, Session, SessionOptions


@dataclass
class Faults:
    """What is broken now: files matching ``open`` do not open, those matching ``run`` raise ``error``, and those
    matching ``wrong`` answer with ``answer`` everywhere."""

    open: str = "nothing"
    run: str = "nothing"
    wrong: str = "nothing"
    answer: float = 0.0
    error: type[Exception] = RuntimeError
    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class BreakingRuntime:
    """Hands everything to ``inner`` until ``faults`` say otherwise."""

    inner: Runtime
    faults: Faults
    accelerator: str | None = None
    """An accelerator to claim; everything then runs on it unless opened for the device ``cpu``."""

    @property
    def name(self) -> str:
        return self.inner.name

    def probe(self) -> Probe:
        return replace(self.inner.probe(), accelerators=(self.accelerator,) if self.accelerator else ())

    def open(self, artifact: Artifact, content: bytes, options: SessionOptions) -> Session:
        place = f"{artifact.file} {self.accelerator if self.accelerator and options.device != 'cpu' else 'cpu'}"
        if re.search(self.faults.open, place):
            raise self.faults.error(f"{place} does not open")
        self.faults.opened.append(place)
        inner = self.inner.open(artifact, content, replace(options, device="cpu"))
        return BreakingSession(place, inner, self.faults)


@dataclass(frozen=True)
class BreakingSession:
    place: str
    inner: Session
    faults: Faults

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self.inner.inputs

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return self.inner.outputs

    def run(self, batch: Batch) -> dict[str, NDArray[np.generic]]:
        if re.search(self.faults.run, self.place):
            raise self.faults.error("unplugged")
        answers = self.inner.run(batch)
        if re.search(self.faults.wrong, self.place):
            return {name: np.full_like(array, self.faults.answer) for name, array in answers.items()}
        return answers

    def close(self) -> None:
        self.faults.closed.append(self.place)
        self.inner.close()
