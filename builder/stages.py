"""Stages: each reads directories and writes one, keyed by the hash of its inputs, and is skipped when it is there."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import msgspec

FACTS = "stage.json"
LOCKS = ".locks"


class Stage(NamedTuple):
    """A finished stage: where its output is, its key, and how long it took when it ran."""

    name: str
    directory: Path
    key: str
    seconds: float


class StageMissing(LookupError):  # noqa: N818 - it is an answer, not a fault
    """A stage that was only looked for is not there."""


class StageStore:
    """Runs stages under one folder.

    A stage writes into a folder of its own that takes its final name only once it is complete, so that whatever
    interrupts it, what stands under a final name is whole. Several processes may share the folder: while one runs a
    stage, another that needs the same waits for it, and takes over when it dies. A store that only ``looks`` runs none.
    """

    def __init__(
        self,
        root: Path,
        announce: Callable[[str, bool], None],
        clock: Callable[[], float] = monotonic,
        *,
        looks: bool = False,
    ) -> None:
        self.root = root
        self._announce = announce
        self._clock = clock
        self._looks = looks
        self.finished: list[Stage] = []

    def run(self, name: str, inputs: Any, work: Callable[[Path], None]) -> Stage:  # noqa: ANN401 - anything that encodes to JSON
        """Run ``work(directory)`` unless its output for these ``inputs`` is there already.

        Raises ``StageMissing`` in its place where the store only looks.
        """
        key = key_of(name, inputs)
        final = self.root / f"{name}-{key[:12]}"
        if (final / FACTS).is_file():
            self._announce(name, True)
        elif self._looks:
            raise StageMissing(final.name)
        else:
            with self._alone(final.name):
                done = (final / FACTS).is_file()
                self._announce(name, done)
                if not done:
                    self._work(name, key, final, work)
        # When it was last used, for whoever has to choose what to delete.
        os.utime(final)
        facts = msgspec.json.decode((final / FACTS).read_bytes())
        stage = Stage(name, final, key, facts["seconds"])
        self.finished.append(stage)
        return stage

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        locks = self.root / LOCKS
        locks.mkdir(parents=True, exist_ok=True)
        # The kernel frees the lock of a process that dies, so that no file left behind can block a later build.
        with (locks / name).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _work(self, name: str, key: str, final: Path, work: Callable[[Path], None]) -> None:
        # A name may hold a dot, as one with a version does: what follows it is no suffix.
        part = final.with_name(f"{final.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(final, ignore_errors=True)
        part.mkdir(parents=True)
        begun = self._clock()
        work(part)
        facts = {"stage": name, "key": key, "seconds": round(self._clock() - begun, 3)}
        (part / FACTS).write_bytes(msgspec.json.encode(facts))
        part.rename(final)


def key_of(name: str, inputs: Any) -> str:  # noqa: ANN401 - anything that encodes to JSON
    """The hash of what is made from ``inputs`` under this name."""
    encoded = msgspec.json.encode({"stage": name, "inputs": _settled(inputs)}, order="deterministic")
    return hashlib.sha256(encoded).hexdigest()


def is_there(root: Path, look: Callable[[StageStore], object]) -> bool:
    """Whether all stages that ``look`` asks a store under ``root`` for are finished."""
    try:
        look(StageStore(root, lambda *_: None, looks=True))
    except StageMissing:
        return False
    return True


def _settled(value: Any) -> Any:  # noqa: ANN401 - anything that encodes to JSON
    """``value`` with the very objects of its structs' defaults wherever it equals them.

    Structs that leave out their defaults look for those by identity, which a struct that came from another process has
    lost: its key would be another, and its stage done again.
    """
    if isinstance(value, msgspec.Struct):
        fields = ((field, getattr(value, field.name)) for field in msgspec.structs.fields(value))
        return type(value)(**{field.name: _settled(one) for field, one in fields if not _is_default(one, field)})
    if isinstance(value, dict):
        return {key: _settled(one) for key, one in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_settled(one) for one in value))
    if isinstance(value, (list, tuple)):
        return type(value)(_settled(one) for one in value)
    return value


def _is_default(value: object, field: msgspec.structs.FieldInfo) -> bool:
    return type(value) is type(field.default) and value == field.default
