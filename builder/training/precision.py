"""In what numbers a network computes while it is trained; its weights stay float32.

Source: Micikevicius et al., Mixed precision training (ICLR 2018), whose loss scaling Keras applies to float16; bfloat16
(Kalamkar et al. 2019) has the range of float32 and needs none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from builder.framework import load_keras, load_tensorflow

Precision = Literal["float32", "float16", "bfloat16", "auto"]
POLICIES = {"float32": "float32", "float16": "mixed_float16", "bfloat16": "mixed_bfloat16"}


def choose_policy(precision: Precision, gpus: int) -> str:
    """Keras' name of ``precision``; ``auto`` is float16 where there is a GPU and float32 where there is none, since a
    CPU emulates half floats and takes longer."""
    if precision == "auto":
        return POLICIES["float16" if gpus else "float32"]
    return POLICIES[precision]


@contextmanager
def computing_in(precision: Precision) -> Iterator[None]:
    """Layers that are made in this context compute in ``precision`` ever after."""
    policies = load_keras().mixed_precision
    before = policies.global_policy()
    policies.set_global_policy(choose_policy(precision, len(load_tensorflow().config.list_physical_devices("GPU"))))
    try:
        yield
    finally:
        policies.set_global_policy(before)
