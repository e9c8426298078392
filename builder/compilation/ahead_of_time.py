"""What another compiler makes of a judged file, for a device that need not be here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from builder.compilation.catalogue import Compiler, Target
from builder.compilation.compiled import CompilationError
from builder.compilation.coral import compile_coral, why_no_coral
from models.manifest import Artifact
from runtimes.errors import RuntimeOpenError
from runtimes.tensorrt.engine_build import build_engine
from runtimes.tensorrt.library import Library, LibraryName, capability, load_library
from runtimes.tensorrt.runtime import ENGINE

_LIBRARY: LibraryName = "tensorrt-rtx"
_OLDEST_PORTABLE = 80
"""An engine for all GPUs from this architecture on is not for older ones, which the library would build for alone."""


def why_not_here(target: Target) -> str | None:
    """Why ``target`` cannot be compiled on this machine; ``None`` where it can."""
    return None if target.compiler is None else _STEPS[target.compiler].why_not()


def compile_further(target: Target, artifact: Artifact, directory: Path) -> Artifact:
    """What ships of one of a target's files: the file itself, or what its compiler makes of it.

    Raises ``CompilationError``.
    """
    if target.compiler is None or artifact.requires.engine != target.engine:
        return artifact
    return _STEPS[target.compiler].compile(artifact, directory)


def build_ahead(artifact: Artifact, directory: Path) -> Artifact:
    """Build the engine of a compiled graph beside it, and give it in the graph's place.

    The engine is read by the library's own version alone. Raises ``CompilationError`` when it cannot be built.
    """
    try:
        library = load_library(_LIBRARY)
        engine = build_engine(library, (directory / artifact.file).read_bytes(), artifact.file)
    except RuntimeOpenError as error:
        raise CompilationError(f"{artifact.target}: {error}") from error
    file = str(Path(artifact.file).with_suffix(ENGINE))
    (directory / file).write_bytes(engine)
    version = ".".join(library.version.split(".")[:2])
    requires = msgspec.structs.replace(
        artifact.requires, min_version=version, max_version=version, gpu_architectures=_portable(library)
    )
    return msgspec.structs.replace(artifact, file=file, sha256=hashlib.sha256(engine).hexdigest(), requires=requires)


def _why_no_library() -> str | None:
    try:
        load_library(_LIBRARY)
    except RuntimeOpenError as error:
        return str(error)
    return None


def _portable(library: Library) -> tuple[str, ...]:
    return tuple(one for one in library.architectures() if capability(one) >= _OLDEST_PORTABLE)


class _Step(NamedTuple):
    """A further compiler: why it cannot be used here, and what it makes of a file in a folder."""

    why_not: Callable[[], str | None]
    compile: Callable[[Artifact, Path], Artifact]


_STEPS: Mapping[Compiler, _Step] = {
    "edgetpu_compiler": _Step(why_no_coral, compile_coral),
    "tensorrt-rtx": _Step(_why_no_library, build_ahead),
}
