"""One sample's way through the agent, as times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

import msgspec

from edge_agent.inference import Judgement
from edge_agent.stopwatch import Span

WAY = ("open", "read", "decode", "shrink", "sample", "wait", "encode", "head", "decide", "snapshot")
"""One after another, from the first frame that was read for the sample until it is decided upon."""
BESIDE = ("commit", "publish", "answer")
"""On threads of their own, while the next sample is on its way: only of a sample that an incident was told of."""


class SampleTrace(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds of each stage that the sample went through, and of the whole way until the decision.

    ``frames`` were read since the sample before. Of a ``still`` one, of a glance at which nothing moved, no picture is
    made and nothing is encoded. ``latency_ms`` is from the newest frame's arrival to the judgement.
    What ``total_ms`` exceeds the sum of ``WAY`` by, passed between stages.
    """

    source_s: float
    frames: int
    probability: float
    still: bool
    batch: int
    stages_ms: dict[str, float]
    latency_ms: float
    total_ms: float


def make_trace(judgement: Judgement, way: Sequence[Span], beside: Iterable[Span]) -> SampleTrace:
    """The spans of one sample, in the order of their stages; those ``beside`` lie off its way."""
    stages: dict[str, float] = {}
    for span in (*way, *beside):
        waited_s = span.elapsed_s - span.computed_s
        if span.stage == "decode":
            # What a read does not compute it waits for: the camera, a recording's pace, or a core.
            stages["read"] = stages.get("read", 0.0) + max(0.0, waited_s) * 1000
            stages["decode"] = stages.get("decode", 0.0) + min(span.elapsed_s, span.computed_s) * 1000
        else:
            stages[span.stage] = stages.get(span.stage, 0.0) + span.elapsed_s * 1000
    return SampleTrace(
        source_s=judgement.sample.source_s,
        frames=sum(span.stage == "decode" for span in way),
        probability=judgement.probability,
        still=judgement.sample.still,
        batch=max((span.count for span in way if span.stage == "encode"), default=0),
        stages_ms={stage: stages[stage] for stage in (*WAY, *BESIDE) if stage in stages},
        latency_ms=judgement.latency_s * 1000,
        total_ms=(max(span.ended_s for span in way) - min(span.began_s for span in way)) * 1000,
    )


def medians_ms(traces: Sequence[SampleTrace]) -> dict[str, float]:
    """The median of each stage over the samples that went through it, of latency and of the total."""
    stages = {
        stage: median(found)
        for stage in (*WAY, *BESIDE)
        if (found := [trace.stages_ms[stage] for trace in traces if stage in trace.stages_ms])
    }
    latency = median(trace.latency_ms for trace in traces)
    return {**stages, "latency": latency, "total": median(trace.total_ms for trace in traces)}
