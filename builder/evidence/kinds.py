"""The kinds of evidence there are, and which of them are not there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from builder.evidence.cross_dataset import CrossDatasetEvidence
from builder.evidence.cross_validation import CrossValidationEvidence
from builder.evidence.degradation import DegradationEvidence
from builder.evidence.false_alarms import FalseAlarmEvidence

Evidence: TypeAlias = CrossValidationEvidence | CrossDatasetEvidence | DegradationEvidence | FalseAlarmEvidence


def unmeasured(evidence: Sequence[Evidence]) -> tuple[str, ...]:
    """What a reader may look for and was not measured, in words; not grouped folds, since a build has its own."""
    random = any(isinstance(one, CrossValidationEvidence) and one.protocol == "random" for one in evidence)
    there = {type(one) for one in evidence}
    looked_for = {
        "random folds": random,
        "another data set": CrossDatasetEvidence in there,
        "clips degraded as screen recordings": DegradationEvidence in there,
        "false alarms an hour of the agent's own parts": FalseAlarmEvidence in there,
    }
    return tuple(name for name, measured in looked_for.items() if not measured)
