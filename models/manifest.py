"""The manifest: what a bundle says of itself, as frozen data.

Unknown fields are ignored here and kept in the file; a newer major format is refused before the rest is read.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

import msgspec

from models.errors import BundleFormatError, BundleVersionError

FORMAT_MAJOR = 2
FORMAT = "2.0"

Stage = Literal["encoder", "head"]
Dtype = Literal["float32", "uint8", "int8"]
Channel = Literal["grey", "diff_back", "diff_forward", "acceleration"]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Geometry(msgspec.Struct, frozen=True, kw_only=True):
    """How samples and windows are cut from time.

    A sample at time ``t`` is made of the frames nearest to ``t - 2 * frame_gap_s``, ``t - frame_gap_s`` and ``t``.
    A window is ``samples`` embeddings at ``rate_hz``, the newest last. One sample alone (a glance) is a window too:
    ``models.window`` says what makes one where fewer are there.
    """

    samples: Annotated[int, msgspec.Meta(ge=1)]
    rate_hz: Positive
    frame_gap_s: Positive


class CloseUp(msgspec.Struct, frozen=True, kw_only=True):
    """A second pane of each sample: the window of the picture that moves most.

    Pictures are kept at ``canvas`` ``(H, W)`` pixels; the window's sides are ``share`` of the canvas's.
    """

    canvas: tuple[Annotated[int, msgspec.Meta(ge=8)], Annotated[int, msgspec.Meta(ge=8)]]
    share: Annotated[float, msgspec.Meta(gt=0, lt=1)]


class Preprocessing(msgspec.Struct, frozen=True, kw_only=True):
    """How frames become an encoder's input; ``models.preprocessing`` is its one implementation.

    ``size`` ``(H, W)`` is that of one pane: the whole picture and, where there is a ``close_up``, that beneath it.
    ``difference_gain`` multiplies every channel but ``grey``.
    Real-valued network input is ``(x - mean) / scale`` of the uint8 sample ``x``.
    """

    size: tuple[int, int]
    close_up: CloseUp | None = None
    interpolation: Literal["area"] = "area"
    channels: tuple[Channel, ...] = ("grey", "diff_back", "diff_forward")
    difference_gain: Positive
    mean: float
    scale: Positive

    @property
    def canvas(self) -> tuple[int, int]:
        """``(H, W)`` of the pictures that samples are made of."""
        return self.size if self.close_up is None else self.close_up.canvas

    @property
    def panes(self) -> int:
        """How many pictures the encoder sees of a sample; their embeddings stand side by side."""
        return 1 if self.close_up is None else 2

    @property
    def pane_shape(self) -> tuple[int, int, int]:
        """``(H, W, C)`` of what the encoder takes."""
        return (*self.size, len(self.channels))

    @property
    def sample_shape(self) -> tuple[int, int, int]:
        """``(P * H, W, C)`` of a sample: its panes beneath one another, so that to part them copies nothing."""
        return (self.panes * self.size[0], self.size[1], len(self.channels))


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """Calibrated probabilities: ``wake`` raises a camera to the alert rate, ``alert`` starts an incident and ``clear``
    (not above ``alert``) ends it."""

    wake: Probability
    alert: Probability
    clear: Probability

    def __post_init__(self) -> None:
        if self.clear > self.alert:
            raise ValueError(f"clear {self.clear:g} is above alert {self.alert:g}; it may be {self.alert:g} at most")


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """Probability is ``softmax(logits / temperature)[fight]``."""

    temperature: Positive
    thresholds: Thresholds


class Quantization(msgspec.Struct, frozen=True, kw_only=True):
    """Affine: ``real = scale * (stored - zero_point)``."""

    scale: Positive
    zero_point: int


class Tensor(msgspec.Struct, frozen=True, kw_only=True):
    """One input or output of an artifact; a shape's first entry is -1 where any batch size is taken."""

    name: str
    shape: tuple[int, ...]
    dtype: Dtype
    quantization: Quantization | None = None


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine must offer: ``engine`` is a runtime's name; versions are ``major.minor`` and inclusive;
    ``accelerator`` is the beginning of a name among those that the engine's probe gives, such as ``cuda``; an empty
    tuple of architectures means any."""

    engine: str
    min_version: str | None = None
    max_version: str | None = None
    accelerator: str | None = None
    host_architectures: tuple[str, ...] = ()
    gpu_architectures: tuple[str, ...] = ()


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


class Accuracy(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one target (encoder and head together) on ``clips`` clips of ``sources`` sources never trained on."""

    clips: int
    sources: int
    accuracy: Interval
    auc: Interval
    recall: float
    specificity: float
    largest_deviation: float
    """Largest difference of clip probability from the float student."""


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds for one batch of ``batch`` on ``threads`` threads of ``machine``."""

    p50_ms: float
    p99_ms: float
    batch: int
    threads: int
    machine: str


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """One compiled file.

    An encoder maps panes ``(N, H, W, C)`` to embeddings ``(N, E)``; a head maps a window ``(N, T, P * E)`` of
    samples of ``P`` panes to two logits ``(N, 2)``, calm and fight. Encoder and head of one ``target`` belong together.
    """

    stage: Stage
    target: str
    file: str
    sha256: Sha256
    precision: Literal["float32", "float16", "int8"]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    requires: Requirement
    accuracy: Accuracy | None = None
    latency: Latency | None = None
    multiply_adds: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """Multiplications, each with its addition, that one item takes; zeros that were pruned count too."""


class Parent(msgspec.Struct, frozen=True, kw_only=True):
    """A model whose weights this one began from."""

    name: str
    licence: str
    origin: str
    sha256: Sha256


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """Clips that were trained on; ``fingerprint`` is the SHA-256 of the curated clip list with each clip's hash."""

    name: str
    licence: str
    clips: int
    sources: int
    fingerprint: Sha256


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bundle comes from: enough to repeat the build."""

    code_version: str
    recipe: dict[str, Any]
    seeds: tuple[int, ...]
    datasets: tuple[Dataset, ...]
    parents: tuple[Parent, ...]
    held_out_sources: tuple[str, ...]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """``manifest.json``."""

    format: str = FORMAT
    name: str
    version: Annotated[str, msgspec.Meta(pattern=r"^\d+\.\d+\.\d+([-+].+)?$")]
    created: str
    task: Literal["violence"] = "violence"
    classes: tuple[str, ...] = ("calm", "fight")
    geometry: Geometry
    preprocessing: Preprocessing
    calibration: Calibration
    artifacts: tuple[Artifact, ...]
    lineage: Lineage

    def fingerprint(self) -> Sha256:
        """SHA-256 of all that a verdict or an alarm comes from (compiled files, geometry, preprocessing, calibration):
        figures of one are of no other bundle."""
        files = {f"{one.target} {one.stage}": one.sha256 for one in self.artifacts}
        told = (files, self.geometry, self.preprocessing, self.calibration)
        return hashlib.sha256(msgspec.json.encode(told, order="deterministic")).hexdigest()

    def targets(self) -> tuple[str, ...]:
        """Targets in the order of the manifest, each once."""
        return tuple(dict.fromkeys(artifact.target for artifact in self.artifacts))

    def artifact(self, target: str, stage: Stage) -> Artifact:
        """The artifact of one target and stage; raises ``BundleFormatError`` when the bundle has none."""
        for artifact in self.artifacts:
            if (artifact.target, artifact.stage) == (target, stage):
                return artifact
        raise BundleFormatError(
            f"bundle {self.name}: no {stage} for target {target!r}; it has {', '.join(self.targets()) or 'none'}"
        )


def parse_manifest(text: bytes, where: str) -> Manifest:
    """Read a manifest; ``where`` names its file in errors.

    Raises ``BundleVersionError`` for a newer major format and ``BundleFormatError`` for anything malformed.
    """
    try:
        format_ = msgspec.json.decode(text, type=_Format).format
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleFormatError(f"{where}: not a bundle manifest: {error}") from error
    try:
        major = int(format_.split(".")[0])
    except ValueError as error:
        raise BundleFormatError(f"{where}: format {format_!r} found, a version such as 1.0 is needed") from error
    if major > FORMAT_MAJOR:
        raise BundleVersionError(
            f"{where}: format {format_} found, at most {FORMAT_MAJOR}.x can be read here; upgrade nexaravision"
        )
    try:
        return msgspec.json.decode(text, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleFormatError(f"{where}: {error}") from error


class _Format(msgspec.Struct):
    format: str
