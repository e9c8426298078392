"""What an engine is to the rest of the house: something that says whether it can run here, and opens artifacts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.manifest import Artifact, Tensor

Batch = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Probe:
    """What one runtime offers on this machine; ``reason`` says why when it is not available."""

    runtime: str
    available: bool
    version: str | None = None
    accelerators: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How to open an artifact: worker threads, and the device in the runtime's own grammar (``None``: its default).

    ``build`` allows what takes minutes, such as building an engine for this GPU; without, an artifact that needs it is
    refused by ``NotBuiltError``. ``gradual`` allows a session that answers as soon as it can and gets faster within the
    next seconds. ``alone`` is entered for milliseconds in which nothing else of this process may use a GPU.
    """

    threads: int = 1
    device: str | None = None
    build: bool = True
    gradual: bool = False
    alone: Callable[[], AbstractContextManager[object]] = field(default=nullcontext, compare=False, repr=False)


class Session(Protocol):
    """An open artifact, used by one thread at a time."""

    @property
    def inputs(self) -> tuple[Tensor, ...]: ...

    @property
    def outputs(self) -> tuple[Tensor, ...]: ...

    def run(self, batch: Batch) -> dict[str, NDArray[np.generic]]:
        """Run one batch of any size; arrays are keyed by tensor name and of that tensor's dtype.

        Stateless: each call is independent of those before it. Raises ``SessionError`` when the engine fails.
        """
        ...

    def close(self) -> None: ...


class Runtime(Protocol):
    """One engine. ``probe`` never raises; ``open`` raises ``RuntimeOpenError``."""

    @property
    def name(self) -> str: ...

    def probe(self) -> Probe: ...

    def open(self, artifact: Artifact, content: bytes, options: SessionOptions) -> Session: ...
