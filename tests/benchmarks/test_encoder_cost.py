from __future__ import annotations

from collections.abc import Callable
from itertools import count

import numpy as np
import pytest

from benchmarks.encoder_cost import Form, sample_costs
from builder.backbones.registry import BackboneSpec

BACKBONE = BackboneSpec(blocks=2)


def make_clock() -> Callable[[], float]:
    """A clock on which whatever is timed takes a millisecond."""
    ticks = count()
    return lambda: next(ticks) / 1000


@pytest.mark.slow
def test_a_sample_costs_what_its_panes_cost_together() -> None:
    forms = {
        "one pane": Form(BACKBONE, 32, 1),
        "two panes": Form(BACKBONE, 32, 2),
        "larger": Form(BACKBONE, 64, 1),
    }
    costs = sample_costs(forms, make_clock(), np.random.default_rng(0), rounds=5)
    assert costs == pytest.approx({"one pane": 1.0, "two panes": 2.0, "larger": 1.0})
