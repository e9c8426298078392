"""The folder of finished clips, and how many of them stay."""

from __future__ import annotations

import logging
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timezone
from pathlib import Path

from edge_agent.clips.errors import ClipError
from edge_agent.clips.policy import KeepPolicy
from edge_agent.delivery.spool import EARLIEST_PLAUSIBLE_CLOCK
from edge_agent.events import IncidentEvent

log = logging.getLogger(__name__)

# Nothing else is ever removed, whatever folder the configuration names.
_OURS = re.compile(r"\d{8}T\d{6}\.\d{3}Z-(?P<incident>[A-Za-z0-9_-]+)\.(?:mp4|json)(?P<part>\.part)?")


def name_clip(event: IncidentEvent) -> str:
    """Where in the folder the clip of an incident lies: ``<camera>/<started, UTC>-<incident>.mp4``."""
    started = event.started_at.astimezone(timezone.utc)
    return f"{event.camera}/{started:%Y%m%dT%H%M%S}.{started.microsecond // 1000:03d}Z-{event.incident}.mp4"


@dataclass(frozen=True, slots=True)
class _Clip:
    path: Path
    written: float
    size: int


class Shelf:
    """Clips in one folder, a folder a camera, each with its JSON beside it. What lies there is asked of the disk each
    time, so that clips may be removed by others. A clip has its name only once it is whole. Several threads may write
    to it, each clips of its own."""

    def __init__(self, folder: Path, policy: KeepPolicy) -> None:
        self._folder = folder
        self._policy = policy
        self._lock = threading.Lock()
        self._tidied = False

    def part(self, path: str) -> Path:
        """Where to write the clip for ``path``; its folder is there. Raises ``ClipError``."""
        part = self._folder / f"{path}.part"
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _error(part.parent, error) from error
        return part

    def publish(self, path: str, facts: bytes) -> None:
        """Give the clip that was written for ``path`` its name, and its JSON first. Raises ``ClipError``."""
        clip = self._folder / path
        notes = clip.with_suffix(".json")
        try:
            unnamed = notes.with_name(f"{notes.name}.part")
            unnamed.write_bytes(facts)
            unnamed.replace(notes)
            clip.with_name(f"{clip.name}.part").replace(clip)
        except OSError as error:
            raise _error(clip, error) from error

    def annotate(self, incident: str, change: Callable[[bytes], bytes]) -> str | None:
        """Change the JSON beside the clip of an incident; the clip's path, ``None`` where there is no clip. Raises
        ``ClipError``."""
        with self._lock:
            try:
                notes = next((path for path in self._ours(part=False) if _is_notes_of(path, incident)), None)
                if notes is None or not notes.with_suffix(".mp4").exists():
                    return None
                unnamed = notes.with_name(f"{notes.name}.part")
                unnamed.write_bytes(change(notes.read_bytes()))
                unnamed.replace(notes)
            except OSError as error:
                raise _error(self._folder, error) from error
        return str(notes.with_suffix(".mp4").relative_to(self._folder))

    def tidy(self) -> None:
        """See that the folder can be written, and remove what an agent before this one left unfinished: to be called
        before anything is written, and done but once. Raises ``ClipError``."""
        with self._lock:
            if self._tidied:
                return
            self._tidied = True
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=self._folder):
                    pass
                for part in self._ours(part=True):
                    part.unlink(missing_ok=True)
            except OSError as error:
                raise _error(self._folder, error) from error

    def prune(self, now: float) -> int:
        """Remove the oldest clips until the rest keeps to the policy at ``now``, seconds since the epoch; how many
        went. Raises ``ClipError``."""
        with self._lock:
            return self._prune(now)

    def _prune(self, now: float) -> int:
        try:
            clips = sorted(self._clips(), key=lambda clip: (clip.written, clip.path.name))
            kept, size, gone = len(clips), sum(clip.size for clip in clips), 0
            for clip in clips:
                if kept <= self._policy.max_count and size <= self._policy.max_bytes and not self._aged(clip, now):
                    break
                clip.path.unlink(missing_ok=True)
                clip.path.with_suffix(".json").unlink(missing_ok=True)
                kept, size, gone = kept - 1, size - clip.size, gone + 1
        except OSError as error:
            raise _error(self._folder, error) from error
        return gone

    def _aged(self, clip: _Clip, now: float) -> bool:
        # One that was stamped before the clock was set is of an unknown age, not of a great one.
        return clip.written >= EARLIEST_PLAUSIBLE_CLOCK and now - clip.written > self._policy.max_age_s

    def _clips(self) -> Iterator[_Clip]:
        for path in self._ours(part=False):
            if path.suffix == ".mp4":
                found = path.stat()
                notes = path.with_suffix(".json")
                yield _Clip(path, found.st_mtime, found.st_size + (notes.stat().st_size if notes.exists() else 0))

    def _ours(self, *, part: bool) -> Iterator[Path]:
        for path in self._folder.glob("*/*"):
            match = _OURS.fullmatch(path.name)
            if match and bool(match["part"]) is part:
                yield path


def _is_notes_of(path: Path, incident: str) -> bool:
    match = _OURS.fullmatch(path.name)
    return match is not None and match["incident"] == incident and path.suffix == ".json"


def _error(path: Path, error: OSError) -> ClipError:
    return ClipError(f"{path}: {error.strerror}; clips.directory must be a folder that the agent may write")
