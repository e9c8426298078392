"""Wheels by pip: those of other packages from the index that this machine has, and our own from its source."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement

from fleet.kit.errors import KitError
from fleet.kit.target import Target
from fleet.kit.wheel import Wheel
from fleet.kit.wheelhouse import MissingWheelsError, Wheelhouse

_PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet", "--no-input")
_SOURCES = ("pyproject.toml", "README.md", "LICENSE", "models", "runtimes", "edge_agent", "builder", "scenes", "fleet")
# What pip does not see by the target's conditions is found and asked for by name; that may need more in turn.
_ROUNDS = 4


def build_own_wheel(source: Path, folder: Path, wheels: Path | None) -> None:
    """Make our wheel of a checkout into ``folder``; what builds it comes from ``wheels`` where those are given.

    Raises ``KitError`` where ``source`` is no checkout, or pip fails.
    """
    if not (source / "pyproject.toml").is_file():
        raise KitError(f"{source}: no checkout of NexaraVision; make kits from one, or give a folder with its wheel")
    offline = () if wheels is None else ("--no-index", "--find-links", str(wheels))
    # A build leaves files in its source.
    with tempfile.TemporaryDirectory() as copy:
        for name in _SOURCES:
            if (source / name).is_dir():
                shutil.copytree(source / name, Path(copy) / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source / name, copy)
        _pip("wheel", "--no-deps", "--wheel-dir", str(folder), *offline, copy)


def fetch_wheels(folder: Path, target: Target, extras: Sequence[str]) -> list[Wheel]:
    """Fetch into ``folder``, where our own wheel lies, what it needs on ``target``; those that a device gets.

    Raises ``KitError`` when pip fails, and where a package has no wheel for the target.
    """
    for _ in range(_ROUNDS):
        missing = _find_missing(folder, target, extras)
        if not missing:
            break
        _download(folder, target, missing)
    return Wheelhouse(folder, target).choose(extras)


def _find_missing(folder: Path, target: Target, extras: Sequence[str]) -> Sequence[Requirement]:
    try:
        Wheelhouse(folder, target).choose(extras)
    except MissingWheelsError as error:
        return error.missing
    return ()


def _download(folder: Path, target: Target, requirements: Sequence[Requirement]) -> None:
    platforms = [word for platform in target.platforms for word in ("--platform", platform)]
    _pip(
        "download", "--only-binary=:all:", "--dest", str(folder), "--implementation", "cp",
        "--python-version", target.python, *platforms, *map(str, requirements),
    )  # fmt: skip


def _pip(*arguments: str) -> None:
    done = subprocess.run([sys.executable, *_PIP, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        faults = [line for line in done.stderr.splitlines() if line.lower().startswith("error")]
        told = "; ".join(faults[-2:]) or done.stderr.strip()[-300:]
        raise KitError(f"pip {arguments[0]} failed: {told}")
