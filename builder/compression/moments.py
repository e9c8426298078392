"""Sums over many rows of what a layer reads and what it gives: all that fitting it again takes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RIDGE = 1e-3
"""Share of the inputs' mean variance that is added to each: those that hardly vary earn no large weight."""


class Moments(NamedTuple):
    """Means ``(E,)`` and ``(O,)``, and covariances ``(E, E)`` and ``(E, O)``, of rows read and given, float64."""

    read: NDArray[np.float64]
    given: NDArray[np.float64]
    within: NDArray[np.float64]
    across: NDArray[np.float64]

    def fit(self, kept: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Kernel ``(K, O)`` and intercept ``(O,)`` that give, from the ``kept`` inputs alone, what is nearest."""
        kernel = np.asarray(np.linalg.solve(self._damped()[np.ix_(kept, kept)], self.across[kept]), np.float64)
        return kernel, self.given - self.read[kept] @ kernel

    def removal_order(self, kernel: NDArray[np.floating]) -> NDArray[np.intp]:
        """All inputs ``(E,)``, the one first without which ``kernel (E, O)``, fitted again, errs least, and so on.

        Source: Hassibi & Stork, Optimal brain surgeon (NIPS 1993), with whole rows of weights at a time as in Kurtić
        et al., ZipLM (NeurIPS 2023).
        """
        left = np.linalg.inv(self._damped())
        rows, order = np.array(kernel, np.float64), np.empty(len(kernel), np.intp)
        errors = np.empty(len(kernel))
        gone = np.zeros(len(kernel), bool)
        for turn in range(len(kernel)):
            errors[:] = np.inf
            errors[~gone] = (rows[~gone] ** 2).sum(axis=1) / np.diag(left)[~gone]
            out = int(np.argmin(errors))
            order[turn], gone[out] = out, True
            column = left[:, out] / left[out, out]
            rows -= np.outer(column, rows[out])
            left -= np.outer(column, left[out])
        return order

    def _damped(self) -> NDArray[np.float64]:
        return np.asarray(self.within + RIDGE * np.trace(self.within) / len(self.within) * np.eye(len(self.within)))


class MomentSums:
    """Rows added up, batch by batch."""

    def __init__(self) -> None:
        self._rows = 0
        self._read: NDArray[np.float64] | float = 0.0
        self._given: NDArray[np.float64] | float = 0.0
        self._within: NDArray[np.float64] | float = 0.0
        self._across: NDArray[np.float64] | float = 0.0

    def add(self, read: NDArray[np.float32], given: NDArray[np.float32]) -> None:
        """Rows ``(M, E)`` read and ``(M, O)`` given."""
        self._rows += len(read)
        self._read = self._read + read.sum(axis=0, dtype=np.float64)
        self._given = self._given + given.sum(axis=0, dtype=np.float64)
        self._within = self._within + (read.T @ read).astype(np.float64)
        self._across = self._across + (read.T @ given).astype(np.float64)

    def moments(self) -> Moments:
        """The moments of all rows so far; there has to be one."""
        read, given = self._read / self._rows, self._given / self._rows
        within = self._within / self._rows - np.outer(read, read)
        return Moments(np.asarray(read), np.asarray(given), within, self._across / self._rows - np.outer(read, given))
