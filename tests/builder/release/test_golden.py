from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from builder.release.golden import make_golden, write_golden


class Noted:
    """A network that gives the mean of a picture and notes how many it is asked about at once."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def encode(self, samples: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.asked.append(len(samples))
        return samples.reshape(len(samples), -1).mean(axis=1, keepdims=True).astype(np.float32)

    def logits(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.stack([windows[:, 0, 0], windows[:, -1, 0]], axis=1)


def test_golden_logits_are_the_students_of_one_window_after_another() -> None:
    samples = np.random.default_rng(0).integers(0, 256, (40, 3, 4, 4, 1), np.uint8)
    student = Noted()
    golden = make_golden(student, samples)
    np.testing.assert_array_equal(golden.samples, samples)
    np.testing.assert_allclose(golden.logits, samples[:, [0, -1]].mean(axis=(2, 3, 4)), rtol=1e-6)
    # The feature maps of many hundred windows at once do not fit in memory.
    assert max(student.asked) == 3


def test_the_same_golden_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    golden = make_golden(Noted(), np.random.default_rng(1).integers(0, 256, (2, 3, 4, 4, 1), np.uint8))
    for name in ("one.npz", "two.npz"):
        write_golden(golden, tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
