"""Several networks judged as one: their logits are averaged."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from builder.evaluation.scores import Scores


def average_scores(members: Sequence[Scores], weights: Sequence[float] | None = None) -> Scores:
    """What the ensemble of members says, from what each said of the very same clips in the same order; without
    ``weights`` all count alike.

    Logits are averaged over members as over windows, so the mean of the members' margins is the ensemble's margin.
    Probabilities are those of the margins as they are, uncalibrated.
    """
    clips = []
    for told in zip(*(member.clips for member in members), strict=True):
        margin = float(np.average([score.margin for score in told], weights=weights))
        clips.append(msgspec.structs.replace(told[0], margin=margin, probability=float(1 / (1 + np.exp(-margin)))))
    return Scores(clips=tuple(clips), skipped=members[0].skipped)
