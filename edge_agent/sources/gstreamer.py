"""GStreamer pipelines as a source: for decoders that FFmpeg does not reach, such as a Jetson's."""

from __future__ import annotations

import importlib
import importlib.util
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge_agent.frame import Frame
from edge_agent.sources.address import redact
from edge_agent.sources.gstreamer_image import FORMATS, GStreamerImage, Layout
from edge_agent.sources.sink import PacketSink
from edge_agent.sources.source import Need, SourceOpenError, SourceOptions, SourceReadError

_SINK = "nexara"
# Newest frames win, and few are kept: a decoder has few buffers to give.
_TAIL = (
    " ! videoconvert ! appsink name={sink} sync=false drop=true max-buffers=4"
    " caps=video/x-raw,format=(string){{{formats}}}"
)
_POLL_S = 0.1
_NANOSECOND = 1e-9
_ADVICE = (
    "install the Debian packages python3-gi, gir1.2-gst-plugins-base-1.0 and gstreamer1.0-plugins-base, and make the"
    " environment with python3 -m venv --system-site-packages"
)


def explain_no_gstreamer() -> str | None:
    """Why no pipeline can run in this Python; ``None``: one can, if its elements are there."""
    if importlib.util.find_spec("gi") is None:
        return f"this Python has no PyGObject; {_ADVICE}"
    try:
        _load()
    except (ImportError, ValueError) as error:
        return f"{error}; {_ADVICE}"
    return None


@dataclass(frozen=True, slots=True)
class _Library:
    """The parts of GStreamer that are used, which come without types: ``Gst``, ``GstVideo`` and ``GLib.Error``."""

    gst: Any
    video: Any
    error: type[Exception]


class GStreamerSource:
    """A running pipeline, read for as long as it lasts; its end is a failure, as a camera has none."""

    skipped = 0
    decoding = "GStreamer"

    def __init__(self, description: str, options: SourceOptions, clock: Callable[[], float]) -> None:
        """Start ``description ! appsink``; raises ``SourceOpenError``. Frames come with the first ``read``."""
        self._name = f"gstreamer:{redact(description)}"
        self._clock = clock
        self._timeout_s = options.open_timeout_s
        self._read_timeout_s = options.read_timeout_s
        absence = explain_no_gstreamer()
        if absence:
            raise SourceOpenError(f"{self._name}: {absence}")
        library = _load()
        self._gst, self._video = library.gst, library.video
        self._first_s: float | None = None
        self._caps: Any = None
        self._layout: Layout | None = None
        self._pipeline = self._parse(description, library.error)
        self._sink = self._pipeline.get_by_name(_SINK)
        if self._pipeline.set_state(self._gst.State.PLAYING) == self._gst.StateChangeReturn.FAILURE:
            reason = self._find_fault() or "it cannot be started"
            self.close()
            raise SourceOpenError(f"{self._name}: {reason}")

    def read(self, stop: threading.Event) -> Frame | None:
        end_s = self._clock() + self._timeout_s
        while not stop.is_set():
            sample = self._sink.try_pull_sample(int(_POLL_S / _NANOSECOND))
            if sample is not None:
                self._timeout_s = self._read_timeout_s
                return Frame(self._time_of(sample), 0, GStreamerImage(sample.get_buffer(), self._lay_out(sample)))
            fault = self._find_fault()
            if fault or self._sink.is_eos():
                raise SourceReadError(f"{self._name}: stopped: {fault or 'the pipeline came to its end'}")
            if self._clock() > end_s:
                raise SourceReadError(f"{self._name}: no frame within {self._timeout_s:g} s")
        return None

    def close(self) -> None:
        self._pipeline.set_state(self._gst.State.NULL)

    def _parse(self, description: str, fault: type[Exception]) -> Any:  # noqa: ANN401 - GStreamer has no types
        tail = _TAIL.format(sink=_SINK, formats=",".join(FORMATS))
        try:
            return self._gst.parse_launch(description + tail)
        except fault as error:
            # Not chained: GStreamer's own error may hold the address with its password.
            raise SourceOpenError(f"{self._name}: not a pipeline: {redact(_text(error))}") from None

    def _find_fault(self) -> str | None:
        message = self._pipeline.get_bus().pop_filtered(self._gst.MessageType.ERROR)
        return None if message is None else redact(_text(message.parse_error()[0]))

    def _time_of(self, sample: Any) -> float:  # noqa: ANN401
        """Seconds since the first frame, by the pipeline's clock, or by arrival where frames carry no time."""
        pts = sample.get_buffer().pts
        if pts == self._gst.CLOCK_TIME_NONE:
            time_s = self._clock()
        else:
            time_s = sample.get_segment().to_running_time(self._gst.Format.TIME, pts) * _NANOSECOND
        if self._first_s is None:
            self._first_s = time_s
        return time_s - self._first_s

    def _lay_out(self, sample: Any) -> Layout:  # noqa: ANN401
        caps = sample.get_caps()
        if self._layout is None or not caps.is_equal(self._caps):
            self._caps, self._layout = caps, self._read_layout(sample, self._video.VideoInfo.new_from_caps(caps))
        return self._layout

    def _read_layout(self, sample: Any, info: Any) -> Layout:  # noqa: ANN401
        # A decoder may pad its planes, which the caps do not tell.
        planes = self._video.buffer_get_video_meta(sample.get_buffer()) or info
        count = info.finfo.n_planes
        return Layout(
            format=info.finfo.name,
            height=info.height,
            width=info.width,
            offsets=tuple(planes.offset)[:count],
            strides=tuple(planes.stride)[:count],
            full_range=info.colorimetry.range == self._video.VideoColorRange(1),
        )


def open_gstreamer(
    rest: str, options: SourceOptions, clock: Callable[[], float], _needed: Need, _sink: PacketSink | None
) -> GStreamerSource:
    """``gstreamer:PIPELINE``, as ``gst-launch-1.0`` takes it but without a sink; raises ``SourceOpenError``."""
    return GStreamerSource(rest, options, clock)


def _load() -> _Library:
    """Raises ``ImportError`` and ``ValueError`` for what is not installed."""
    gi = importlib.import_module("gi")
    # The sink has its methods only once GstApp is loaded.
    names = ("Gst", "GstApp", "GstVideo")
    for name in names:
        gi.require_version(name, "1.0")
    gst, _, video = (importlib.import_module(f"gi.repository.{name}") for name in names)
    gst.init(None)
    return _Library(gst, video, importlib.import_module("gi.repository.GLib").Error)


def _text(error: Any) -> str:  # noqa: ANN401
    return str(getattr(error, "message", error))
