"""Writes footage to an MP4 file, and its truth beside it."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import TextIO

import av

from scenes.truth import Footage, FrameTruth, Picture

# With its macroblock tree x264 makes another file of the same pictures now and then, on one thread too.
X264 = {"preset": "veryfast", "x264-params": "mbtree=0"}
# Constant rate factors of x264 between which recorders lie: visually clean, and blocky.
CRF_BEST, CRF_WORST = 20, 34


def write_film(footage: Footage, film: Path, truth: Path, *, compression: float = 0.3) -> None:
    """Encode every frame as H.264 (MPEG-4 where the build lacks it) and write one JSON line of truth a frame.

    Both files appear under their names only when whole. Raises ``OSError`` when they cannot be written.
    """
    film.parent.mkdir(parents=True, exist_ok=True)
    truth.parent.mkdir(parents=True, exist_ok=True)
    part, truth_part = film.with_name(film.name + ".part"), truth.with_name(truth.name + ".part")
    with truth_part.open("w", encoding="utf-8") as lines:
        _encode(footage, part, lines, compression)
    truth_part.replace(truth)
    part.replace(film)


def _encode(footage: Footage, path: Path, lines: TextIO, compression: float) -> None:
    h264 = "libx264" in av.codecs_available
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream(
            "libx264" if h264 else "mpeg4", rate=Fraction(footage.fps).limit_denominator(1000)
        )
        stream.width, stream.height = footage.width - footage.width % 2, footage.height - footage.height % 2
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        crf = round(CRF_BEST + (CRF_WORST - CRF_BEST) * compression)
        stream.options = {"crf": str(crf), **X264} if h264 else {"q": str(2 + crf // 4)}
        for picture in footage.frames():
            frame = av.VideoFrame.from_ndarray(picture.image[: stream.height, : stream.width].copy(), format="bgr24")
            container.mux(stream.encode(frame))
            lines.write(json.dumps(_line(picture), separators=(",", ":")) + "\n")
        container.mux(stream.encode(None))


def _line(picture: Picture) -> dict[str, object]:
    return {"time_s": round(picture.time_s, 4), **_truth(picture.truth)}


def _truth(truth: FrameTruth) -> dict[str, object]:
    people = [{"id": one.id, "box": list(one.box), "activity": one.activity} for one in truth.people]
    line: dict[str, object] = {"fighting": truth.fighting, "people": people}
    if truth.cells:
        line["cells"] = [_truth(cell) for cell in truth.cells]
    return line
