"""A float network with all that compiling it needs, in one folder that no data set has to lie beside.

``model.json`` tells how the network is made, what it may lose and where it comes from; ``encoder.npz`` and ``head.npz``
are its weights, ``calibrating.npz`` the windows that int8 is fitted to, out of clips that it has learnt from,
``held_out.npz`` the samples of clips that it never saw, and ``golden.npz`` the windows that a bundle tests itself by.
Samples show people, if only as differences of pictures: such a folder is for whoever may have the clips.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from builder.backbones.registry import BackboneSpec, build_backbone
from builder.compilation.rounding import Rounding
from builder.errors import ModelError
from builder.evaluation.clip_samples import ClipSamples
from builder.evaluation.parity import Budget
from builder.heads import HeadName
from builder.release.golden import write_golden
from builder.training.network import Network, build_network, restore_network, save_weights
from models.bundle import GOLDEN, Golden
from models.manifest import Calibration, Geometry, Lineage, Preprocessing

FACTS = "model.json"
CALIBRATING = "calibrating.npz"
HELD_OUT = "held_out.npz"


class HeldOutClip(msgspec.Struct, frozen=True, kw_only=True):
    """A clip that the network never saw, of so many ``samples``."""

    clip: str
    source: str
    label: Literal[0, 1]
    samples: int


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True):
    """``model.json``; the calibration's shift is in the head already."""

    name: str
    version: str
    backbone: BackboneSpec
    head: HeadName
    geometry: Geometry
    preprocessing: Preprocessing
    calibration: Calibration
    rounding: Rounding
    budget: Budget
    lineage: Lineage
    golden_origin: str
    held_out: tuple[HeldOutClip, ...] = ()
    float_layers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FloatModel:
    """What is compiled: windows ``calibrating (M, T, P * H, W, C) uint8``, and the clips of ``held_out`` in their
    order."""

    facts: ModelFacts
    network: Network
    calibrating: NDArray[np.uint8]
    held_out: tuple[ClipSamples, ...]
    golden: Golden


def write_float_model(model: FloatModel, directory: Path) -> None:
    """Write the folder; it must be there."""
    clips = tuple(
        HeldOutClip(clip=one.clip, source=one.source, label=one.label, samples=len(one.samples))
        for one in model.held_out
    )
    facts = msgspec.structs.replace(model.facts, held_out=clips)
    save_weights(model.network, directory)
    np.savez_compressed(directory / CALIBRATING, windows=model.calibrating)
    np.savez_compressed(directory / HELD_OUT, samples=np.concatenate([one.samples for one in model.held_out]))
    write_golden(model.golden, directory / GOLDEN)
    (directory / FACTS).write_bytes(msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n")


def read_facts(directory: Path) -> ModelFacts:
    """What the folder says of its network. Raises ``ModelError`` when it is no such folder."""
    path = directory / FACTS
    try:
        return msgspec.json.decode(path.read_bytes(), type=ModelFacts)
    except OSError as error:
        raise ModelError(
            f"{path}: {error.strerror}; give the folder <name>-<version>.model that nexara build left"
        ) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: {error}; build the model again") from error


def read_float_model(directory: Path) -> FloatModel:
    """Read what ``write_float_model`` wrote.

    Raises ``ModelError`` for a file that is missing or not as the facts say.
    """
    facts = read_facts(directory)
    seen = facts.preprocessing
    try:
        network = _network(facts, directory)
        with np.load(directory / CALIBRATING) as stored:
            calibrating = stored["windows"]
        with np.load(directory / HELD_OUT) as stored:
            held_out = tuple(_clips(facts.held_out, stored["samples"]))
        with np.load(directory / GOLDEN) as stored:
            golden = Golden(samples=stored["samples"], logits=stored["logits"])
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise ModelError(f"{directory}: {error}; the folder is not whole: build the model again") from error
    sample = (facts.geometry.samples, *seen.sample_shape)
    if calibrating.dtype != np.uint8 or calibrating.shape[1:] != sample or not len(calibrating) or not held_out:
        raise ModelError(
            f"{directory}: {CALIBRATING} holds {calibrating.dtype} {calibrating.shape} and {HELD_OUT} {len(held_out)} "
            f"clips; (M, {sample}) uint8 and at least one clip are needed: build the model again"
        )
    return FloatModel(facts, network, calibrating, held_out, golden)


def _network(facts: ModelFacts, directory: Path) -> Network:
    seen = facts.preprocessing
    features = build_backbone(facts.backbone, seen.size, len(seen.channels)).features
    form = build_network(features, facts.head, facts.geometry, seen, root=facts.backbone.root is True)
    return restore_network(form, directory, facts.geometry, seen)


def _clips(listed: Sequence[HeldOutClip], samples: NDArray[np.uint8]) -> Iterator[ClipSamples]:
    if sum(clip.samples for clip in listed) != len(samples):
        raise ValueError(f"{HELD_OUT} holds {len(samples)} samples, {FACTS} lists {sum(c.samples for c in listed)}")
    start = 0
    for clip in listed:
        cut = samples[start : start + clip.samples]
        yield ClipSamples(clip=clip.clip, source=clip.source, label=clip.label, samples=cut)
        start += clip.samples
