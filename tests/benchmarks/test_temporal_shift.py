from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmarks.temporal_shift import SHIFTS, Result, Shift, main, shift_channels, shifted
from builder.backbones.efficientnet_lite import build_efficientnet_lite0
from tests.builder import tiny_clips

ASKED = ["none", "1/8 from before, from block 12 on"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("from_after", "wanted"),
    [
        (True, [[0, 11, 2, 3], [0, 21, 12, 13], [10, 0, 22, 23]]),
        (False, [[0, 1, 2, 3], [0, 11, 12, 13], [10, 21, 22, 23]]),
    ],
)
def test_first_channels_come_from_the_sample_before_and_the_next_from_the_one_after(
    from_after: bool, wanted: list[list[int]]
) -> None:
    maps = np.array([[0, 1, 2, 3], [10, 11, 12, 13], [20, 21, 22, 23]], dtype=np.float32)
    moved = np.asarray(shift_channels(maps[:, None, None, :], Shift(0.25, from_after=from_after)))
    np.testing.assert_array_equal(moved[:, 0, 0], wanted)


@pytest.mark.slow
@pytest.mark.parametrize(("from_after", "reached"), [(True, [True] * 3), (False, [False, True, True])])
def test_what_a_sample_shows_reaches_those_beside_it_and_with_no_shift_none(
    from_after: bool, reached: list[bool]
) -> None:
    plain = build_efficientnet_lite0((32, 32), 3)
    samples = np.random.default_rng(0).uniform(-1, 1, (3, 32, 32, 3)).astype(np.float32)
    changed = samples.copy()
    changed[1] *= -1

    def differ(shift: Shift | None) -> list[bool]:
        network = shifted(plain, shift)
        told, other = (np.asarray(network(part, training=False)) for part in (samples, changed))
        return [not np.array_equal(one, two) for one, two in zip(told, other, strict=True)]

    assert differ(None) == [False, True, False]
    assert differ(Shift(1 / 8, first_block=15)) == [False, True, False]
    assert differ(Shift(1 / 8, first_block=14, from_after=from_after)) == reached


@pytest.mark.slow
def test_each_shift_is_judged_beside_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tiny_clips.write_table(tmp_path / "clips", fights=2, calm=2, sources=2)
    out = tmp_path / "out.json"
    only = [word for name in ASKED for word in ("--only", name)]
    assert main(["--data", str(data), "--folds", "2", "--seeds", "1", "--json", str(out), *only]) == 0
    told = capsys.readouterr().out
    assert all((f"| {name} " in told) == (name in ASKED) for name in SHIFTS)
    none, shift = msgspec.json.decode(out.read_bytes(), type=Result).judged
    assert (none.name, shift.name) == tuple(ASKED)
    assert none.less is None
    assert shift.less is not None
