"""The TensorRT that this machine has, whichever it is: told apart by what it offers, not by its version."""

from __future__ import annotations

import importlib
import logging
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

from runtimes.errors import RuntimeOpenError

LibraryName = Literal["tensorrt", "tensorrt-rtx"]

_MODULES: dict[LibraryName, str] = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}
_INSTALL: dict[LibraryName, str] = {
    "tensorrt": "on Jetson it comes with JetPack; elsewhere install tensorrt-cu13 or -cu12 from NVIDIA's package index",
    "tensorrt-rtx": "install it with: pip install 'nexaravision[tensorrt-rtx]'",
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Library:
    """One TensorRT: its Python ``module``, its ``version``, and the ``logger`` that all its objects tell errors to."""

    name: LibraryName
    module: ModuleType
    version: str
    logger: Any

    def complaint(self) -> str:
        """What it last told as an error; it gives nothing but ``None`` to whoever calls it."""
        errors: list[str] = self.logger.errors
        return errors[-1] if errors else "no reason given"

    def architectures(self) -> tuple[str, ...]:
        """GPU architectures that it can build for without a GPU, such as ``sm_86``; none where it cannot."""
        capabilities = getattr(self.module, "ComputeCapability", None)
        names = () if capabilities is None else tuple(capabilities.__members__)
        return tuple(f"sm_{name[2:]}" for name in names if name.startswith("SM"))


def capability(architecture: str) -> int:
    """The compute capability of an architecture, 86 of ``sm_86``, by which they are ordered."""
    return int(architecture.removeprefix("sm_"))


def load_library(name: LibraryName) -> Library:
    """Import one TensorRT. Raises ``RuntimeOpenError`` with what to install when it is not here or does not load."""
    try:
        module = importlib.import_module(_MODULES[name])
    except (ImportError, OSError, RuntimeError) as error:
        # OSError and RuntimeError: a shared library that is missing or was made for another driver.
        raise RuntimeOpenError(f"no {name} ({error}); {_INSTALL[name]}") from error
    return Library(name=name, module=module, version=str(module.__version__), logger=_make_logger(module))


def _make_logger(module: ModuleType) -> Any:  # noqa: ANN401 - its class is made of one of the library's
    severities = module.ILogger

    class EngineLog(module.ILogger):  # type: ignore[misc, name-defined]
        """Errors are kept for whoever asks why; warnings go to the log of this program."""

        def __init__(self) -> None:
            super().__init__()
            self.errors: list[str] = []

        def log(self, severity: object, message: str) -> None:
            if severity in {severities.ERROR, severities.INTERNAL_ERROR}:
                self.errors[:] = [message]
            elif severity == severities.WARNING:
                _log.debug("%s", message)

    return EngineLog()
