from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks.decoding import FellBackError, Results, describe, find_decoders, measure
from tests.edge_agent.films import write_film


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "a.mp4", range(0, 240, 12), codec="libx264")


def test_every_decoder_that_opens_is_measured_and_told(film: Path) -> None:
    kinds, absent = find_decoders()
    assert kinds[0] == "software"
    assert {*kinds, *absent} == {"software", "cuda", "vaapi", "v4l2m2m"}
    result = measure("a", film, "software", (1, 3), time.perf_counter)
    assert (result.pictures, result.mean_difference, result.largest_difference) == (20, 0.0, 0)
    assert [one.streams for one in result.runs] == [1, 3]
    assert all(one.pictures_per_s > 0 and one.core_ms > 0 for one in result.runs)
    lines = list(describe(Results(absent=absent, results=(result,))))
    assert len(lines) == 4
    assert lines[2].startswith("| a    | software | 1 ")


def test_hardware_that_does_not_decode_is_told_and_not_measured(film: Path) -> None:
    _, absent = find_decoders()
    kind = next(iter(absent), None)
    if kind is None:
        pytest.skip("this machine has every kind of hardware that decodes")
    with pytest.raises(FellBackError, match=f"decoded by software \\({kind}"):
        measure("a", film, kind, (1,), time.perf_counter)  # type: ignore[arg-type]
