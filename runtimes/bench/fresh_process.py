"""A module run by a process that has done nothing else, for what only such a process can measure."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

import runtimes
from runtimes.errors import RuntimeOpenError

_PATIENCE_S = 120.0

_Answer = TypeVar("_Answer", bound=msgspec.Struct)


def ask_fresh_process(
    module: str,
    answer: type[_Answer],
    what: str,
    *,
    given: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> _Answer:
    """What ``python -m module`` prints as JSON, with ``given`` as its input; it finds this package wherever it lies.

    Raises ``RuntimeOpenError``, naming ``what`` it was asked for, when the process fails.
    """
    root = Path(runtimes.__file__).parents[1]
    paths = os.pathsep.join(part for part in (str(root), os.environ.get("PYTHONPATH", "")) if part)
    try:
        done = subprocess.run(
            [sys.executable, "-m", module],
            input=given,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=True,
            env={**os.environ, **(environment or {}), "PYTHONPATH": paths},
        )
        return msgspec.json.decode(done.stdout, type=answer)
    except subprocess.CalledProcessError as error:
        told = error.stderr.decode(errors="replace").strip().splitlines()
        raise RuntimeOpenError(
            f"{what}: a fresh process ended with {error.returncode}: {told[-1] if told else 'no word'}"
        ) from error
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError) as error:
        raise RuntimeOpenError(f"{what}: a fresh process gave no answer: {error}") from error
