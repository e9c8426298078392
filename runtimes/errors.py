"""Errors of the engines: what could not be opened, what failed while running, and that nothing is left to try."""

from __future__ import annotations

from collections.abc import Sequence

from models.errors import NexaraError


class EngineError(NexaraError):
    """Base of everything an engine can refuse or fail at."""


class RuntimeOpenError(EngineError):
    """An artifact could not be opened: engine missing, file unusable, or tensors other than the manifest's."""


class NotBuiltError(RuntimeOpenError):
    """An artifact must first be built for this machine, which was not allowed now since it takes its time."""


class SessionError(EngineError):
    """An open engine failed while running a batch."""


class SelfTestError(EngineError):
    """An opened detector does not answer the golden inputs as the float student did."""


class DetectorInputError(EngineError):
    """An array given to a detector does not have the shape or dtype that it takes."""


class NoRuntimeError(EngineError):
    """No target of a bundle can run on this machine; ``attempts`` holds one line for each that was considered."""

    def __init__(self, bundle: str, attempts: Sequence[str]) -> None:
        self.attempts = tuple(attempts)
        lines = "".join(f"\n  - {attempt}" for attempt in self.attempts) or " it has no targets"
        super().__init__(
            f"bundle {bundle}: nothing in it can run here; `nexara-edge doctor` shows what this machine offers:{lines}"
        )
