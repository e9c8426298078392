"""The last that is done to a bundle: it is signed, packed, and opened as its user will, before it takes its place."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from builder.evaluation.opening import open_artifacts, standing_in
from builder.release.inputs import ReleaseError
from models.archive import SUFFIX
from models.bundle import open_bundle, pack
from models.signing import sign
from models.signing_key import public_pem
from models.trust import TrustStore, read_key
from runtimes.bench.opened_targets import STAGES
from runtimes.detector import open_detector

_log = logging.getLogger(__name__)


def seal_bundle(
    directory: Path, fill: Callable[[Path], None], key: ec.EllipticCurvePrivateKey, size_limit: int | None = None
) -> Path:
    """Let ``fill`` write a bundle's files and leave them signed in ``directory``, and packed as
    ``<directory>.nexara``, whose path is given back.

    Nothing is at either place before the bundle is whole and has passed its own checks: signature, hashes, and the
    golden self-test of every target. Raises ``ReleaseError`` when the packed file has more than ``size_limit`` bytes
    and ``NoRuntimeError`` when a target fails its self-test.
    """
    aside = directory.parent / f".{directory.name}.partial"
    shutil.rmtree(aside, ignore_errors=True)
    # A signature names the folder it signs, so the last part of the path is the final one from the start.
    whole = aside / directory.name
    whole.mkdir(parents=True)
    try:
        fill(whole)
        sign(whole, key)
        packed = pack(whole, aside / f"{directory.name}{SUFFIX}")
        _check_size(packed, whole, size_limit)
        _check_opening(packed, whole, key)
        shutil.rmtree(directory, ignore_errors=True)
        whole.replace(directory)
        return packed.replace(directory.with_name(f"{directory.name}{SUFFIX}"))
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _check_size(packed: Path, directory: Path, limit: int | None) -> None:
    size = packed.stat().st_size
    if limit is None or size <= limit:
        return
    files = [path for path in directory.rglob("*") if path.is_file()]
    largest = sorted(files, key=lambda path: -path.stat().st_size)[:3]
    named = ", ".join(f"{path.relative_to(directory)} {path.stat().st_size / 1e6:.2f} MB" for path in largest)
    raise ReleaseError(
        f"{directory.name} packs to {size / 1e6:.2f} MB, at most {limit / 1e6:.2f} MB are allowed; largest: {named}; "
        "store float weights as float16, cut the backbone earlier, or raise the limit"
    )


def _check_opening(packed: Path, directory: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Open the file as its user will; opening a target runs its golden self-test. A target whose engine is not on this
    machine is tested through the one that stands in for it."""
    signer = read_key("signing key", public_pem(key.public_key()))
    bundle = open_bundle(packed, TrustStore(keys=(signer,)))
    for target in bundle.manifest.targets():
        encoder, head = (bundle.manifest.artifact(target, stage) for stage in STAGES)
        stand_in = standing_in(encoder)
        if stand_in is not None:
            if stand_in.file != encoder.file:
                _log.info("%s is not self-tested here: what it was compiled of was judged, and is not shipped", target)
                continue
            with closing(open_artifacts(encoder, head, directory, bundle.manifest.preprocessing)) as pair:
                pair.check(bundle.golden(), bundle.manifest.calibration.temperature)
            continue
        with closing(open_detector(bundle, target=target)) as detector:
            _log.info("%s opened and passed its self-test", detector.description)
