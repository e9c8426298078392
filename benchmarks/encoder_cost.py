"""What a sample costs a device: encoders compiled to int8 TFLite as bundles hold them, timed on one thread.

Their weights are those they were pretrained with, since how long a file takes does not depend on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from builder.backbones.registry import BackboneSpec, build_backbone
from builder.compilation.catalogue import released
from builder.compilation.targets import as_artifact
from builder.compilation.tflite import compile_tflite
from builder.evaluation.opening import open_artifact
from builder.training.network import pool_encoder
from runtimes.bench.timing import spread, time_side_by_side
from runtimes.protocol import Session

(TARGET,) = released(("cpu-tflite-int8",))
_ROUNDS = 40
_RANGING = 8


class Form(NamedTuple):
    """A backbone, the side of its panes in pixels, and how many panes a sample has."""

    backbone: BackboneSpec
    side: int
    panes: int


def sample_costs(
    forms: Mapping[str, Form], clock: Callable[[], float], generator: np.random.Generator, rounds: int = _ROUNDS
) -> dict[str, float]:
    """Milliseconds of one sample's encoding, by form: the median over ``rounds``, all forms side by side in each.

    Forms that differ by their panes share one encoder. Making the sample is left out. ``clock`` gives seconds.
    """
    encoders = {(form.backbone, form.side) for form in forms.values()}
    names = {encoder: str(number) for number, encoder in enumerate(sorted(encoders, key=repr))}
    with TemporaryDirectory() as folder, ExitStack() as stack:
        calls: dict[str, Callable[[], object]] = {}
        for (backbone, side), name in names.items():
            session = _open(backbone, side, Path(folder), name, generator)
            stack.callback(session.close)
            taken = session.inputs[0]
            pane = generator.integers(0, 256, (1, side, side, 1), dtype=np.uint8)
            calls[name] = partial(session.run, {taken.name: pane})
        times = time_side_by_side(calls, rounds, clock, generator)
    return {name: form.panes * spread(times[names[form.backbone, form.side]]).p50_ms for name, form in forms.items()}


def _open(backbone: BackboneSpec, side: int, folder: Path, name: str, generator: np.random.Generator) -> Session:
    encoder = pool_encoder(build_backbone(backbone, (side, side), 1).features)
    panes = generator.uniform(-1, 1, (_RANGING, side, side, 1)).astype(np.float32)
    path = folder / "artifacts" / f"{name}.{TARGET.suffix}"
    path.parent.mkdir(exist_ok=True)
    compiled = compile_tflite(
        encoder, precision=TARGET.precision, path=path, representative=[panes], samples_range=(-1.0, 1.0)
    )
    return open_artifact(as_artifact(TARGET, "encoder", compiled), folder)
