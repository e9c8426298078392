"""How many real heads are hidden, by what, at what cost, and what a clip costs that has to be encoded.

Heads were marked by eye, in 60 pictures of real clips, in two halves of other cameras: figures were chosen on one, and
the other is told. Usage: ``python -m benchmarks.privacy --data DIR --detector FastestDet.onnx``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import get_args

import av
import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.head_candidates import HaarFaces, HogPeople, PosedHeads
from benchmarks.marked_heads import Half, MarkedPicture, Moment, Score, read_marks, read_moments, score
from benchmarks.outcome import machine_line, run, tell, write_json
from edge_agent.clips.form import read_form
from edge_agent.clips.head_trail import HeadTrail
from edge_agent.clips.picture import EncodedPicture
from edge_agent.clips.redacted_film import RedactedFilm
from edge_agent.clips.redaction import Redaction
from edge_agent.cover import Cover
from edge_agent.health import read_memory
from edge_agent.privacy.fastest_det import FastestDet, open_fastest_det
from edge_agent.privacy.head_finder import Zones
from edge_agent.region import WHOLE

Find = Callable[[NDArray[np.uint8]], Zones]

_MASK = ((0.0, 0.0), (0.3, 0.0), (0.0, 0.3))
_FPS = 15
_SIDE = 1280


class ClipCost(msgspec.Struct, frozen=True, kw_only=True):
    """Encoding clips 1280 pixels wide: the processor's time for one picture, the share of a core that it is at 15 a
    second, and by how much the process grew with a clip: once grown, it hardly does again."""

    hides: str
    pictures: int
    picture_ms: float
    core_share: float
    grown_bytes: int


class Result(msgspec.Struct, frozen=True, kw_only=True):
    half: Half
    pictures: int
    scores: tuple[Score, ...]
    clips: tuple[ClipCost, ...]


def main(argv: list[str]) -> int:
    """Measure and tell."""
    arguments = _parser().parse_args(argv)
    cv2.setNumThreads(1)
    finder = open_fastest_det(arguments.detector)
    marks = read_marks(arguments.half)
    pictures = {marked: read_moments(arguments.data, marked) for marked in marks}
    searches = list_searches(finder, arguments.poses)
    scores = [score(name, marks, partial(_search_one, pictures, find)) for name, find in searches]
    scores.append(score("FastestDet, film (ships)", marks, partial(_search_film, pictures, finder)))
    with tempfile.TemporaryDirectory() as folder:
        clips = tuple(measure_clips(arguments.data, marks, finder, Path(folder)))
    result = Result(half=arguments.half, pictures=len(marks), scores=tuple(scores), clips=clips)
    tell(describe(result))
    write_json(arguments.json, result)
    return 0


def list_searches(finder: FastestDet, poses: Path | None) -> list[tuple[str, Find]]:
    """What is tried on single pictures."""
    searches: list[tuple[str, Find]] = [
        ("Haar faces", HaarFaces().find),
        ("HOG people", HogPeople().find),
        ("FastestDet, one look", partial(finder.find, closely=False)),
        ("FastestDet, five looks (ships)", partial(finder.find, closely=True)),
    ]
    if poses is not None:
        searches.append(("the same, then MoveNet", PosedHeads(finder, poses).find))
    return searches


def measure_clips(data: Path, marks: list[MarkedPicture], finder: FastestDet, folder: Path) -> Iterator[ClipCost]:
    """Encode the marked pictures' clips that are 1280 pixels wide, with a mask, with heads hidden, with both."""
    covers = {
        "a mask": Cover(masks=(_MASK,)),
        "faces": Cover(heads=finder),
        "a mask and faces": Cover(masks=(_MASK,), heads=finder),
    }
    clips = [
        path for path in (data / one for one in dict.fromkeys(mark.clip for mark in marks)) if _width(path) == _SIDE
    ]
    for hides, cover in covers.items():
        redaction, pictures, spent_s, grown = Redaction(((WHOLE, cover),)), 0, 0.0, 0
        for path in clips:
            encoded, seconds, bytes_ = encode_clip(path, redaction, folder)
            pictures, spent_s, grown = pictures + encoded, spent_s + seconds, max(grown, bytes_)
        yield ClipCost(
            hides=hides,
            pictures=pictures,
            picture_ms=1000 * spent_s / pictures,
            core_share=spent_s / pictures * _FPS,
            grown_bytes=grown,
        )


def encode_clip(path: Path, redaction: Redaction, folder: Path) -> tuple[int, float, int]:
    """How many pictures, how many seconds of the processor's time, and by how many bytes the memory grew."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        form = read_form(stream)
        packets = [packet for packet in container.demux(stream) if packet.size]
    pictures = [_copy(packet) for packet in packets]
    memory, began_s = read_memory(), time.thread_time()
    film = RedactedFilm(folder / "film.mp4", form, redaction)
    film.write(pictures)
    grown = read_memory() - memory
    film.close()
    return len(pictures), time.thread_time() - began_s, grown


def describe(result: Result) -> Iterator[str]:
    """The result, a line each."""
    yield machine_line()
    yield f"{result.pictures} pictures, half {result.half!r}; heads hidden by their height in pixels"
    yield "| by | below 12 | 12 to 24 | above 24 | all from 12 on | of the picture | ms a picture |"
    yield "|---|---|---|---|---|---|---|"
    for one in result.scores:
        kinds = " | ".join(f"{hidden} of {heads}" for hidden, heads in zip(one.hidden, one.heads, strict=True))
        share = sum(one.hidden[1:]) / max(1, sum(one.heads[1:]))
        yield f"| {one.name} | {kinds} | {share:.0%} | {one.area:.0%} | {one.picture_ms:.0f} |"
    for clip in result.clips:
        told = f"{clip.picture_ms:.1f} ms a picture, {clip.core_share:.0%} of a core at {_FPS} a second"
        yield f"clip that hides {clip.hides}: {told} (of {clip.pictures} pictures)"
    yield f"a clip in the making: {max(clip.grown_bytes for clip in result.clips) / 1e6:.0f} MB of memory"


def _search_one(
    pictures: dict[MarkedPicture, list[Moment]], find: Find, marked: MarkedPicture
) -> tuple[Zones, tuple[int, int], float]:
    picture = next(shown for at_s, shown in pictures[marked] if at_s == 0.0)
    began_s = time.thread_time()
    zones = find(picture)
    return zones, (picture.shape[0], picture.shape[1]), time.thread_time() - began_s


def _search_film(
    pictures: dict[MarkedPicture, list[Moment]], finder: FastestDet, marked: MarkedPicture
) -> tuple[Zones, tuple[int, int], float]:
    """As a clip is searched; the cost is that of all looks over all pictures around the marked one."""
    trail, began_s = HeadTrail(), time.thread_time()
    for at_s, picture in pictures[marked]:
        if trail.due(at_s):
            trail.add(at_s, finder.find(picture, closely=False))
    spent_s = time.thread_time() - began_s
    height, width = pictures[marked][0][1].shape[:2]
    return trail.around(0.0), (height, width), spent_s / len(pictures[marked])


def _copy(packet: av.Packet[av.VideoStream]) -> EncodedPicture:
    pts, dts, tick = packet.pts or 0, packet.dts or 0, packet.time_base or 0
    return EncodedPicture(bytes(packet), float(pts * tick), pts, dts, packet.duration or 0, packet.is_keyframe)


def _width(path: Path) -> int:
    with av.open(str(path)) as container:
        return container.streams.video[0].codec_context.width


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.privacy", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of surveillance-fight and footage")
    parser.add_argument("--detector", type=Path, required=True, help="FastestDet.onnx")
    parser.add_argument("--poses", type=Path, help="MoveNet Lightning as a .tflite file, to be tried too")
    parser.add_argument("--half", choices=get_args(Half), default="told", help="of the marks (default told)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the result there")
    return parser


if __name__ == "__main__":
    run(main)
