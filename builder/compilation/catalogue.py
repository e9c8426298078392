"""What a bundle can be compiled for, as data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import msgspec

from builder.compilation.compiled import Precision
from models.manifest import Requirement, Stage

Compiler: TypeAlias = Literal["tensorrt-rtx", "edgetpu_compiler"]


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One way to run the network: an engine and a precision, and that of the ``head`` where it is another.

    ``min_version`` is the engine's oldest version, ``major.minor``, that reads the file, ``accelerator`` and the
    architectures as in ``Requirement``. ``symmetric`` asks for Q/DQ with activations symmetric about 0;
    ``half_arithmetic`` computes a float16 file in halves, where it is otherwise but stored so; ``all_int8`` keeps no
    layer float, whatever a recipe asks for. ``compiler`` makes what ships of what is judged where there is no such
    device; ``head_engine`` is that of the head where it is another.
    """

    name: str
    engine: str
    precision: Precision
    suffix: str
    head: Precision | None = None
    head_engine: str | None = None
    min_version: str | None = None
    accelerator: str | None = None
    host_architectures: tuple[str, ...] = ()
    symmetric: bool = False
    half_arithmetic: bool = False
    all_int8: bool = False
    compiler: Compiler | None = None

    def precision_of(self, stage: Stage) -> Precision:
        """The precision of one of its files."""
        return self.head if stage == "head" and self.head is not None else self.precision

    def requires(self, stage: Stage) -> Requirement:
        """What a machine must offer to run one of its files."""
        if stage == "head" and self.head_engine is not None:
            return Requirement(engine=self.head_engine)
        return Requirement(
            engine=self.engine,
            min_version=self.min_version,
            accelerator=self.accelerator,
            host_architectures=self.host_architectures,
        )


# ONNX files are opset 17 in IR 8, which onnxruntime reads from 1.12 on. TFLite files name no version: boards with
# tflite-runtime 2.14 count otherwise than LiteRT, and an operator too new is refused when the file is opened.
# A head is next to none of the work, and as int8 half of what int8 costs: it stays float.
CPU_TARGETS: tuple[Target, ...] = (
    Target(name="cpu-tflite-int8", engine="tflite", precision="int8", suffix="tflite", head="float32"),
    Target(name="cpu-tflite", engine="tflite", precision="float32", suffix="tflite"),
    Target(name="cpu-onnx", engine="onnx", precision="float32", suffix="onnx", min_version="1.12"),
    Target(name="cpu-onnx-int8", engine="onnx", precision="int8", suffix="onnx", head="float32", min_version="1.12"),
)

# Processors have no arithmetic in halves worth the name, so that these wait for the accelerator that they are for.
# TensorRT takes networks as they are typed since 10.0, and no others since 11.0; 8.x would compute all in float32.
GPU_TARGETS: tuple[Target, ...] = (
    Target(
        name="gpu-onnx",
        engine="onnx",
        precision="float16",
        suffix="onnx",
        min_version="1.12",
        accelerator="cuda",
        half_arithmetic=True,
    ),
    Target(
        name="jetson-tensorrt",
        engine="tensorrt",
        precision="int8",
        suffix="onnx",
        head="float16",
        min_version="10.0",
        host_architectures=("aarch64",),
        symmetric=True,
        half_arithmetic=True,
    ),
    Target(
        name="gpu-tensorrt",
        engine="tensorrt",
        precision="float16",
        suffix="onnx",
        min_version="10.0",
        half_arithmetic=True,
    ),
    Target(
        name="gpu-tensorrt-rtx",
        engine="tensorrt-rtx",
        precision="float16",
        suffix="onnx",
        host_architectures=("x86_64",),
        half_arithmetic=True,
        compiler="tensorrt-rtx",
    ),
)

# What the accelerator has no operator for runs on the processor, and it has none for floats: the head is left there.
CORAL_TARGETS: tuple[Target, ...] = (
    Target(
        name="coral",
        engine="edgetpu",
        precision="int8",
        suffix="tflite",
        head="float32",
        head_engine="tflite",
        all_int8=True,
        compiler="edgetpu_compiler",
    ),
)

TARGETS = (*CPU_TARGETS, *GPU_TARGETS, *CORAL_TARGETS)


def store_half(targets: Iterable[Target]) -> tuple[Target, ...]:
    """The same targets with the weights of float ones stored as float16: half the size, and as fast, since engines
    widen weights when they load."""
    return tuple(
        msgspec.structs.replace(target, precision=_half(target.precision), head=target.head and _half(target.head))
        for target in targets
    )


def released(names: Sequence[str]) -> tuple[Target, ...]:
    """The targets of these names as bundles hold them, in the catalogue's order.

    Raises ``ValueError`` for a name that is not in the catalogue.
    """
    known = [target.name for target in TARGETS]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no target named {unknown[0]!r}; there are {', '.join(known)}")
    return store_half(target for target in TARGETS if target.name in names)


def _half(precision: Precision) -> Precision:
    return "float16" if precision == "float32" else precision
