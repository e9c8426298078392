from __future__ import annotations

import pytest

from runtimes.bench.machine_limit import MachineLimit, measure_limit


def test_arithmetic_or_bytes_limit_whichever_takes_longer() -> None:
    limit = MachineLimit(float_multiply_adds=10e9, int8_multiply_adds=40e9, bytes_moved=1e9)
    assert limit.share(10_000_000, 1000, 0.002, int8=False) == pytest.approx(0.5)
    assert limit.share(10_000_000, 1000, 0.002, int8=True) == pytest.approx(0.125)
    assert limit.share(10_000_000, 1_500_000, 0.002, int8=True) == pytest.approx(0.75)
    unknown = MachineLimit(float_multiply_adds=10e9, int8_multiply_adds=None, bytes_moved=1e9)
    assert unknown.share(1, 1, 1.0, int8=True) is None


def test_this_machine_has_a_limit() -> None:
    limit = measure_limit()
    # From a single-board computer to what no core does.
    assert 1e8 < limit.float_multiply_adds < 1e13
    assert limit.int8_multiply_adds is not None
    assert 1e8 < limit.int8_multiply_adds < 1e14
    assert 1e8 < limit.bytes_moved < 1e13
