"""The command ``nexara mine``: what a bundle takes for a fight in footage that has none, as clips to learn from.

It needs the engines of a device and nothing of the builder's extra.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from builder.arguments import at_least_one, probability
from builder.data.clips import VIDEO_SUFFIXES
from builder.errors import DataError, OutputError
from builder.mining.alarms import Alarm, Window, judge_stream, pick_alarms
from builder.mining.cutting import SUFFIX, cut_clip
from builder.mining.sample_stream import stream_samples
from builder.table import align
from models.bundle import Bundle, open_bundle
from models.manifest import Geometry
from models.trust import TrustStore
from runtimes.detector import Detector, open_detector

TABLE = "clips.csv"
PROVENANCE = "mined.json"
_MARGIN_S = 0.5
_LABEL = "noFight"


class MinedClip(msgspec.Struct, frozen=True, kw_only=True):
    """A clip that was cut out: from ``start_s`` to ``end_s`` of ``video``, for the probability of a fight that the
    window inside it was given."""

    clip: str
    video: str
    start_s: float
    end_s: float
    probability: float


class Mined(msgspec.Struct, frozen=True, kw_only=True):
    """What ``mined.json`` holds: the bundle that judged, from which probability on, and what was cut out."""

    bundle: str
    version: str
    target: str
    minimum: float
    clips: tuple[MinedClip, ...]


def main(argv: list[str]) -> int:
    """Cut out of ordinary footage what a bundle takes for a fight."""
    arguments = _parser().parse_args(argv)
    videos = find_videos(arguments.data)
    _require_empty(arguments.out)
    # Only reads the footage: who signed the bundle is for the reader to judge.
    bundle = open_bundle(arguments.bundle, TrustStore.load(arguments.key, accept="unsigned"))
    thresholds, geometry = bundle.manifest.calibration.thresholds, bundle.manifest.geometry
    minimum = thresholds.wake if arguments.minimum is None else arguments.minimum
    with closing(open_detector(bundle, target=arguments.target)) as detector:
        target = detector.target
        windows, broken = judge_videos(detector, bundle, arguments.data, videos)
    span_s = clip_span_s(geometry)
    alarms = pick_alarms(windows, minimum=minimum, apart_s=span_s, count=arguments.count)
    clips = tuple(_cut(alarm, arguments.data, arguments.out, geometry) for alarm in alarms)
    manifest = bundle.manifest
    mined = Mined(bundle=manifest.name, version=manifest.version, target=target, minimum=minimum, clips=clips)
    if clips:
        _write(arguments.out, mined)
    sys.stdout.write("".join(f"{line}\n" for line in describe(mined, windows, broken, thresholds.alert)))
    return 0


def find_videos(directory: Path) -> tuple[str, ...]:
    """Paths, inside ``directory``, of all videos under it. Raises ``DataError`` when there are none."""
    found = sorted(path for path in directory.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file())
    if not found:
        raise DataError(f"{directory}: no videos found; give a folder with {', '.join(sorted(VIDEO_SUFFIXES))} files")
    return tuple(path.relative_to(directory).as_posix() for path in found)


def judge_videos(
    detector: Detector, bundle: Bundle, directory: Path, videos: Sequence[str]
) -> tuple[dict[str, tuple[Window, ...]], tuple[str, ...]]:
    """All windows of each video, and why others could not be read. Raises ``DataError`` when none could."""
    manifest = bundle.manifest
    windows: dict[str, tuple[Window, ...]] = {}
    broken = []
    for video in videos:
        if sys.stderr.isatty():
            sys.stderr.write(f"judging {video}\n")
        samples = stream_samples(directory / video, manifest.geometry, manifest.preprocessing)
        try:
            temperature = manifest.calibration.temperature
            windows[video] = tuple(judge_stream(detector, samples, manifest.geometry, temperature))
        except DataError as error:
            broken.append(str(error))
    if not windows:
        raise DataError(f"{directory}: no video could be read: {'; '.join(broken)}")
    return windows, tuple(broken)


def clip_span_s(geometry: Geometry) -> float:
    """How long a mined clip is: what a window sees, and a margin on both sides."""
    return (geometry.samples - 1) / geometry.rate_hz + 2 * geometry.frame_gap_s + 2 * _MARGIN_S


def describe(
    mined: Mined, windows: dict[str, tuple[Window, ...]], broken: Sequence[str], alert: float
) -> Iterator[str]:
    """The lines that ``nexara mine`` prints."""
    yield f"{mined.bundle} {mined.version}, {mined.target}, over {len(windows)} videos"
    yield ""
    header = ("video", "seconds", "windows", f"from {mined.minimum:.2f}", f"alert, {alert:.2f}", "highest", "clips")
    rows = [header]
    for video, found in windows.items():
        rows.append(
            (
                video,
                f"{found[-1].end_s:.0f}" if found else "0",
                str(len(found)),
                str(sum(window.probability >= mined.minimum for window in found)),
                str(sum(window.probability >= alert for window in found)),
                f"{max(window.probability for window in found):.3f}" if found else "n/a",
                str(sum(clip.video == video for clip in mined.clips)),
            )
        )
    yield from align(rows)
    yield ""
    yield from (f"could not be read: {reason}" for reason in broken)
    if mined.clips:
        yield f"{len(mined.clips)} clips; look at them before a build learns that they are no fights"
    else:
        yield f"nothing reaches {mined.minimum:.2f}: nothing to learn here, or give a lower --minimum"


def _cut(alarm: Alarm, data: Path, out: Path, geometry: Geometry) -> MinedClip:
    end_s = alarm.end_s + _MARGIN_S
    start_s = max(0.0, end_s - clip_span_s(geometry))
    stem = Path(alarm.video).with_suffix("").as_posix().replace("/", "_")
    name = f"{_LABEL}/{stem}-{round(1000 * start_s):08d}{SUFFIX}"
    try:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        cut_clip(data / alarm.video, start_s, end_s, out / name)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written: {error.strerror or error}; choose another --out") from error
    return MinedClip(
        clip=name,
        video=alarm.video,
        start_s=round(start_s, 3),
        end_s=round(end_s, 3),
        probability=round(alarm.probability, 4),
    )


def _write(out: Path, mined: Mined) -> None:
    try:
        with (out / TABLE).open("w", newline="", encoding="utf-8") as lines:
            writer = csv.writer(lines, lineterminator="\n")
            writer.writerow(("clip", "label", "source"))
            writer.writerows((clip.clip, _LABEL, clip.video) for clip in mined.clips)
        (out / PROVENANCE).write_bytes(msgspec.json.format(msgspec.json.encode(mined), indent=2) + b"\n")
    except OSError as error:
        raise OutputError(f"{out}: cannot be written: {error.strerror or error}; choose another --out") from error


def _require_empty(out: Path) -> None:
    """Raise ``OutputError`` before hours of video are judged, rather than after."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out}: is not an empty folder; give --out a new one, so that nothing is mixed up")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nexara mine", description=main.__doc__)
    parser.add_argument("--bundle", type=Path, required=True, help="bundle directory or .nexara file")
    parser.add_argument("--data", type=Path, required=True, help="folder of videos in which nobody fights")
    parser.add_argument("--out", type=Path, required=True, help="new folder for the clips and clips.csv")
    parser.add_argument("--count", type=at_least_one, default=50, help="how many clips at most (default 50)")
    parser.add_argument(
        "--minimum", type=probability, help="lowest probability of a fight (default: the bundle's wake threshold)"
    )
    parser.add_argument("--target", help="judge with this target only")
    parser.add_argument("--key", type=Path, action="append", default=[], help="public key (PEM) to trust besides")
    return parser
