"""A bundle: one model in all its compiled forms, opened, verified and read as one frozen value.

A bundle is a directory, or the same files as one ``.nexara`` file. Every file's hash is compared with the signed
statement before anything in it is believed.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.archive import Limits, pack, read_files, read_zip
from models.errors import BundleFormatError, BundleIntegrityError
from models.manifest import Artifact, Manifest, parse_manifest
from models.signing import SignatureStatus, verify
from models.trust import TrustStore

__all__ = ["GOLDEN", "MANIFEST", "Bundle", "Golden", "open_bundle", "pack"]

MANIFEST = "manifest.json"
GOLDEN = "golden.npz"

_SAMPLES_RANK = 5


@dataclass(frozen=True, slots=True)
class Golden:
    """Inputs with the answers of the float student, for a self-test wherever the bundle is opened.

    ``samples`` ``(M, T, H, W, C) uint8``: M windows of T samples each, the newest last.
    ``logits`` ``(M, 2) float32``: calm and fight.
    """

    samples: NDArray[np.uint8]
    logits: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened bundle. ``document`` is the manifest as written, unknown fields kept; ``names`` are all its files.

    >>> bundle = open_bundle(Path("fight.nexara"))           # doctest: +SKIP
    >>> bundle.read(bundle.manifest.artifacts[0].file)[:4]   # doctest: +SKIP
    """

    path: Path
    manifest: Manifest
    document: dict[str, Any]
    signature: SignatureStatus
    files: Mapping[str, bytes] = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Every file of the bundle, sorted."""
        return tuple(self.files)

    def read(self, name: str) -> bytes:
        """The verified content of one file; raises ``BundleFormatError`` when the bundle has no such file."""
        try:
            return self.files[name]
        except KeyError as error:
            raise BundleFormatError(f"{self.path}: no file {name}; it has {', '.join(self.names)}") from error

    def golden(self) -> Golden:
        """The golden inputs; raises ``BundleFormatError`` when they are absent, malformed or not of the manifest's
        geometry."""
        return _read_golden(self.read(GOLDEN), self.manifest, f"{self.path}: {GOLDEN}")


def open_bundle(path: Path, trust: TrustStore | None = None) -> Bundle:
    """Open and verify the bundle at ``path``, a directory or a ``.nexara`` file; nothing is written to disk.

    ``trust`` defaults to the shipped and the user's own keys, signature required. Raises ``BundleSignatureError``,
    ``BundleIntegrityError`` (a file missing, added or changed), ``BundleVersionError`` (a newer major format) or
    ``BundleFormatError``; all are ``BundleError``.
    """
    files = read_files(path)
    require_manifest(files, path)
    signature = verify(files, trust if trust is not None else TrustStore.load(), str(path))
    return read_bundle(files, path, signature)


def require_manifest(files: Mapping[str, bytes], path: Path) -> None:
    """Raise ``BundleFormatError`` when there is no manifest among the files."""
    if MANIFEST not in files:
        raise BundleFormatError(f"{path}: no {MANIFEST} in it; give a bundle directory or a .nexara file")


def read_bundle(files: Mapping[str, bytes], path: Path, signature: SignatureStatus) -> Bundle:
    """The bundle that ``files`` are, whose ``signature`` was checked; raises as ``open_bundle`` does."""
    manifest = parse_manifest(files[MANIFEST], f"{path}: {MANIFEST}")
    _check_artifacts(manifest, files, path)
    _check_shapes(manifest, path)
    return Bundle(
        path=path,
        manifest=manifest,
        document=msgspec.json.decode(files[MANIFEST], type=dict[str, Any]),
        signature=signature,
        files=files,
    )


def _check_artifacts(manifest: Manifest, files: Mapping[str, bytes], path: Path) -> None:
    if not manifest.artifacts:
        raise BundleFormatError(f"{path}: {MANIFEST} lists no artifact; build the bundle again")
    for artifact in manifest.artifacts:
        if artifact.file not in files:
            raise BundleIntegrityError(f"{path}: {artifact.file} is missing, though {MANIFEST} lists it")
        if hashlib.sha256(files[artifact.file]).hexdigest() != artifact.sha256:
            raise BundleIntegrityError(f"{path}: {artifact.file} differs from the hash that {MANIFEST} gives for it")
    stages = sorted((artifact.target, artifact.stage) for artifact in manifest.artifacts)
    wanted = sorted((target, stage) for target in manifest.targets() for stage in ("encoder", "head"))
    if stages != wanted:
        raise BundleFormatError(f"{path}: each target needs one encoder and one head; {MANIFEST} lists {stages}")


def _check_shapes(manifest: Manifest, path: Path) -> None:
    """All targets are the same network in other clothes, so that a device may change from one to another mid-stream:
    one sample shape, one embedding, one window."""
    preprocessing = manifest.preprocessing
    size = _embedding_size(manifest, path)
    window = (manifest.geometry.samples, preprocessing.panes * size)
    allowed = {"encoder": (preprocessing.pane_shape, (size,)), "head": (window, (len(manifest.classes),))}
    for artifact in manifest.artifacts:
        found = (_inner_shape(artifact, "inputs", path), _inner_shape(artifact, "outputs", path))
        if found != allowed[artifact.stage]:
            raise BundleFormatError(
                f"{path}: {artifact.target} {artifact.stage} maps {found[0]} to {found[1]}; geometry and preprocessing "
                f"of {MANIFEST} ask for {allowed[artifact.stage][0]} to {allowed[artifact.stage][1]}"
            )


def _embedding_size(manifest: Manifest, path: Path) -> int:
    encoder = next(artifact for artifact in manifest.artifacts if artifact.stage == "encoder")
    return _inner_shape(encoder, "outputs", path)[-1]


def _inner_shape(artifact: Artifact, side: str, path: Path) -> tuple[int, ...]:
    tensors = artifact.inputs if side == "inputs" else artifact.outputs
    if len(tensors) != 1 or len(tensors[0].shape) < 2:  # noqa: PLR2004 - a batch axis and at least one more
        raise BundleFormatError(
            f"{path}: {artifact.target} {artifact.stage} has {len(tensors)} {side}; one, batched, is allowed"
        )
    return tensors[0].shape[1:]


def _read_golden(content: bytes, manifest: Manifest, where: str) -> Golden:
    members = read_zip(io.BytesIO(content), where, Limits())
    arrays = {}
    for name in ("samples", "logits"):
        if f"{name}.npy" not in members:
            raise BundleFormatError(f"{where}: no array {name}; samples and logits are needed")
        try:
            arrays[name] = np.load(io.BytesIO(members[f"{name}.npy"]), allow_pickle=False)
        except (ValueError, OSError, EOFError, MemoryError) as error:
            raise BundleFormatError(f"{where}: array {name} cannot be read: {error}") from error
    samples, logits = arrays["samples"], arrays["logits"]
    sample = (manifest.geometry.samples, *manifest.preprocessing.sample_shape)
    if samples.dtype != np.uint8 or samples.ndim != _SAMPLES_RANK or samples.shape[1:] != sample or not len(samples):
        raise BundleFormatError(f"{where}: samples are {samples.dtype} {samples.shape}; (M, {sample}) uint8 is needed")
    if logits.dtype != np.float32 or logits.shape != (len(samples), len(manifest.classes)):
        raise BundleFormatError(
            f"{where}: logits are {logits.dtype} {logits.shape}; ({len(samples)}, 2) float32 is needed"
        )
    return Golden(samples=samples, logits=logits)
