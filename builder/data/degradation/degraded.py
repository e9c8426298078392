"""A clip as it looks in a recording of a recorder's wall: from its file to pictures in the network's size."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.data.clips import Clip
from builder.data.decode import MIN_FRAMES, DecodedClip, decode_clip
from builder.data.degradation.compression import compress
from builder.data.degradation.overlay import burn_in
from builder.data.degradation.recording import Degradation, Recording, draw_recording
from builder.data.degradation.screen import show
from models.manifest import Preprocessing
from models.preprocessing import shrink

TIE_S = 1e-6


def decode_degraded(clip: Clip, preprocessing: Preprocessing, ranges: Degradation, seed: int) -> DecodedClip:
    """Decode a clip into a cell and degrade it there; its frames ``(F, h, w) uint8`` are as recorded, not yet shrunk.

    All that is drawn comes from ``seed`` and the clip's name, so it does not depend on which other clips there are.
    Raises ``DataError`` as ``decode_clip`` does.
    """
    named = int.from_bytes(hashlib.sha256(clip.name.encode()).digest()[:8], "big")
    rng = np.random.default_rng((seed, named))
    recording = draw_recording(ranges, rng)
    whole = msgspec.structs.replace(preprocessing, size=recording.cell, close_up=None)
    return degrade(decode_clip(clip.path, whole), recording, rng)


def degrade(cell: DecodedClip, recording: Recording, rng: np.random.Generator) -> DecodedClip:
    """Record a clip, whose frames are in the cell's size, off the screen.

    Both the recorder of the cameras and the one of the screen take, at each of their instants, the newest picture there
    is: where rates differ, pictures are repeated and left out unevenly.
    """
    duration_s = float(cell.times_s[-1])
    stored_s = _instants(0.0, duration_s, recording.dvr_rate_hz, 1)
    stored = iter(cell.frames[_newest(cell.times_s, stored_s)])
    if recording.overlay:
        stored = burn_in(stored, recording.dvr_rate_hz, rng)
    played = list(compress(stored, recording.dvr_rate_hz, recording.dvr_crf))
    taken_s = _instants(recording.phase_s, duration_s, recording.recorder_rate_hz, MIN_FRAMES)
    shown = show((played[place] for place in _newest(stored_s, taken_s)), recording, rng)
    frames = np.stack(list(compress(shown, recording.recorder_rate_hz, recording.recorder_crf)))
    return DecodedClip(taken_s - taken_s[0], frames)


def shrink_clip(clip: DecodedClip, preprocessing: Preprocessing) -> DecodedClip:
    """The clip in the network's size, shrunk as the agent does."""
    return DecodedClip(clip.times_s, np.stack([shrink(frame, preprocessing) for frame in clip.frames]))


def _instants(start_s: float, duration_s: float, rate_hz: float, least: int) -> NDArray[np.float64]:
    count = max(least, int((duration_s - start_s) * rate_hz + TIE_S) + 1)
    return start_s + np.arange(count) / rate_hz


def _newest(times_s: NDArray[np.float64], wanted_s: NDArray[np.float64]) -> NDArray[np.intp]:
    """Index of the newest frame at each wanted instant."""
    return np.maximum(np.searchsorted(times_s, wanted_s + TIE_S, side="right") - 1, 0)
