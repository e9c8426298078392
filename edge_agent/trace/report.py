"""A trace in words and in JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from edge_agent.sources import redact
from edge_agent.trace.recording import Recording
from edge_agent.trace.sample_trace import BESIDE, WAY, SampleTrace, medians_ms
from edge_agent.trace.subject import Subject

_WORDS = {
    "open": "open the source",
    "read": "wait for frames, or for a core",
    "decode": "decode",
    "shrink": "convert (a scene: draw) and shrink",
    "sample": "make the sample",
    "wait": "wait in the queue",
    "encode": "encode",
    "head": "head",
    "decide": "decide",
    "snapshot": "encode the snapshot",
    "commit": "commit to the spool",
    "publish": "publish",
    "answer": "wait for the broker's answer",
}


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was traced, for a file; ``source`` is without its credentials."""

    camera: str
    source: str
    bundle: str
    runtime: str
    samples: tuple[SampleTrace, ...]
    medians_ms: dict[str, float]


def make_report(subject: Subject, recording: Recording) -> Report:
    """What ``recording`` says of ``subject``."""
    manifest = subject.bundle.manifest
    return Report(
        camera=subject.camera.id,
        source=redact(subject.camera.source),
        bundle=f"{manifest.name} {manifest.version}",
        runtime=recording.runtime,
        samples=recording.traces,
        medians_ms=medians_ms(recording.traces),
    )


def describe(report: Report) -> Iterator[str]:
    """Lines for a person: each sample's stages, then their medians."""
    yield f"{report.camera}: {report.source}, {report.bundle} on {report.runtime}"
    for number, sample in enumerate(report.samples, start=1):
        told = f"{sample.frames} frame(s) read up to {sample.source_s:.2f} s, probability {sample.probability:.2f}"
        yield f"\nsample {number}: {told}{', nothing moved' if sample.still else ''}"
        yield from _lines({**sample.stages_ms, "latency": sample.latency_ms, "total": sample.total_ms})
    yield f"\nmedian of {len(report.samples)} sample(s)"
    yield from _lines(report.medians_ms)


def _lines(figures: Mapping[str, float]) -> Iterator[str]:
    for stage in WAY:
        if stage in figures:
            yield _line(stage, figures[stage], _WORDS[stage])
    yield _line("total", figures["total"], f"{figures['latency']:.3f} ms of it from the newest frame to its judgement")
    for stage in BESIDE:
        if stage in figures:
            yield _line(stage, figures[stage], f"{_WORDS[stage]}, beside the next sample")


def _line(name: str, milliseconds: float, words: str) -> str:
    return f"  {name:<9}{milliseconds:>11.3f} ms  {words}"
