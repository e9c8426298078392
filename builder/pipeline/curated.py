"""Curated clips: each decoded once and kept beside a list of what they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from builder.data.clips import Clip, ClipFolder, Label
from builder.data.decode import DecodedClip, decode_clip_at_sizes
from builder.data.degradation import Degradation
from builder.data.samples import clip_samples
from builder.errors import DataError
from builder.evaluation.clip_samples import ClipSamples
from builder.evaluation.scores import CALM, FIGHT, Skipped
from builder.quality.verdict import QualityReport
from builder.training.fit import Progress
from models.manifest import Geometry, Preprocessing

LIST = "clips.json"
MARGIN = 1.25
"""Clips are kept this much larger than the canvas, so that views may be cut out of them."""


class CuratedClip(msgspec.Struct, frozen=True):
    """A clip that could be decoded; ``sha256`` is its file's."""

    name: str
    label: Label
    source: str
    sha256: str


class Curated(msgspec.Struct, frozen=True):
    """What ``clips.json`` holds; ``fingerprint`` is the hash of the list of clips with their hashes.

    ``places`` are the clips' files, relative to the list; without them they are numbered beside it. ``dropped`` could
    be decoded but were not good enough, and the sources in each of ``joined`` count as one. ``degraded`` says how the
    degraded copies were drawn, where there are any.
    """

    clips: tuple[CuratedClip, ...]
    skipped: tuple[Skipped, ...]
    sources_known: bool
    fingerprint: str
    places: tuple[str, ...] = ()
    dropped: tuple[Skipped, ...] = ()
    joined: tuple[tuple[str, ...], ...] = ()
    degraded: Degradation | msgspec.UnsetType = msgspec.UNSET

    def files(self) -> tuple[str, ...]:
        """Each clip's file, relative to the list."""
        return self.places or tuple(f"{number:05d}.npz" for number in range(len(self.clips)))


def hash_clips(clips: Sequence[Clip], progress: Progress) -> dict[str, str]:
    """SHA-256 of each clip's file by the clip's name; a missing file hashes to ``missing``."""
    digests = {}
    for number, clip in enumerate(clips, 1):
        digests[clip.name] = hashlib.sha256(clip.path.read_bytes()).hexdigest() if clip.path.is_file() else "missing"
        progress(number, len(clips), "hashing")
    return digests


def curate(
    found: ClipFolder,
    digests: dict[str, str],
    preprocessing: Preprocessing,
    directory: Path,
    progress: Progress,
    warn: Callable[[str], None],
) -> None:
    """Decode each clip into ``directory``; one that cannot be is named, skipped and counted."""
    large = with_margin(preprocessing)
    kept: list[CuratedClip] = []
    skipped: list[Skipped] = []
    for number, clip in enumerate(found.clips, 1):
        try:
            wide, exact = decode_clip_at_sizes(clip.path, (large, preprocessing))
        except DataError as error:
            skipped.append(Skipped(clip=clip.name, reason=str(error)))
            warn(f"skipped {error}")
        else:
            place = directory / f"{len(kept):05d}.npz"
            np.savez(place, times_s=wide.times_s, wide=wide.frames, exact=exact.frames)
            kept.append(CuratedClip(clip.name, clip.label, clip.source, digests[clip.name]))
        progress(number, len(found.clips), clip.name)
    listed = Curated(tuple(kept), tuple(skipped), found.sources_known, _fingerprint(kept))
    (directory / LIST).write_bytes(msgspec.json.encode(listed))


def with_margin(preprocessing: Preprocessing) -> Preprocessing:
    """The preprocessing in the size that views are cut from."""
    height, width = preprocessing.canvas
    return msgspec.structs.replace(preprocessing, size=(round(height * MARGIN), round(width * MARGIN)), close_up=None)


def keep_clips(directory: Path, verdict: QualityReport, kept: Path) -> None:
    """List in ``kept``, a folder beside ``directory``, those of its curated clips that the verdict keeps, each counting
    as the source given there; their pictures stay where they are."""
    listed = CuratedClips(directory).listed
    chosen = [
        (msgspec.structs.replace(clip, source=verdict.kept[clip.name]), f"../{directory.name}/{file}")
        for clip, file in zip(listed.clips, listed.files(), strict=True)
        if clip.name in verdict.kept
    ]
    clips = tuple(clip for clip, _ in chosen)
    only = msgspec.structs.replace(
        listed,
        clips=clips,
        fingerprint=_fingerprint(clips),
        places=tuple(place for _, place in chosen),
        dropped=tuple(Skipped(clip=clip.clip, reason=clip.reason) for clip in verdict.dropped),
        joined=verdict.joined,
    )
    (kept / LIST).write_bytes(msgspec.json.encode(only))


def _fingerprint(clips: Sequence[CuratedClip]) -> str:
    return hashlib.sha256(msgspec.json.encode(sorted(clips, key=lambda clip: clip.name))).hexdigest()


def degraded_place(place: Path) -> Path:
    """Where the degraded copy of the clip that is kept at ``place`` is."""
    return place.with_name(f"{place.stem}-degraded.npz")


class CuratedClips:
    """The curated clips of one directory, read as they are asked for."""

    def __init__(self, directory: Path) -> None:
        self.listed = msgspec.json.decode((directory / LIST).read_bytes(), type=Curated)
        self._directory = directory
        self._places = {
            clip.name: directory / file for clip, file in zip(self.listed.clips, self.listed.files(), strict=True)
        }
        self.clips = tuple(
            Clip(clip.name, self._places[clip.name], clip.label, clip.source) for clip in self.listed.clips
        )

    def digests(self) -> dict[Clip, str]:
        """The SHA-256 of each clip's file."""
        return {clip: listed.sha256 for clip, listed in zip(self.clips, self.listed.clips, strict=True)}

    def wide(self, clip: Clip) -> DecodedClip:
        """A clip in the size that views are cut from."""
        with np.load(self._places[clip.name]) as stored:
            return DecodedClip(stored["times_s"], stored["wide"])

    def degraded(self, clip: Clip) -> DecodedClip:
        """A clip's degraded copy in the size that views are cut from; there only where ``listed.degraded`` is."""
        with np.load(degraded_place(self._places[clip.name])) as stored:
            return DecodedClip(stored["times_s"], stored["wide"])

    def exact(self, clip: Clip) -> DecodedClip:
        """A clip in the network's own size."""
        with np.load(self._places[clip.name]) as stored:
            return DecodedClip(stored["times_s"], stored["exact"])

    def samples(self, clip: Clip, geometry: Geometry, preprocessing: Preprocessing) -> ClipSamples:
        """A clip's samples, as it is judged."""
        cut = clip_samples(self.exact(clip), geometry, preprocessing)
        return ClipSamples(clip=clip.name, source=clip.source, label=FIGHT if clip.fight else CALM, samples=cut)
