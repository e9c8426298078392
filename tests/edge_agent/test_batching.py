from __future__ import annotations

import pytest

from edge_agent.batching import BatchLimit


def test_most_follows_what_a_sample_takes() -> None:
    limit = BatchLimit(deadline_s=0.25)
    assert limit.most is None
    limit.took(1, 0.01)
    assert limit.most == 25
    for _ in range(40):
        limit.took(10, 0.5)
    assert limit.most == pytest.approx(5, abs=1)


def test_most_is_never_none_at_all() -> None:
    limit = BatchLimit(deadline_s=0.25)
    limit.took(1, 60.0)
    assert limit.most == 1
