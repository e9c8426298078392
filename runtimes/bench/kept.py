"""What was measured of a bundle on this very device, kept beside it: targets are chosen by it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from models.bundle import Bundle
from models.manifest import Latency, Manifest
from models.whole_file import write_whole
from runtimes.errors import EngineError

if TYPE_CHECKING:
    from runtimes.bench.bundle_bench import BundleBench

SUFFIX = ".bench.json"


class KeptBenchError(EngineError):
    """What was measured cannot be written."""


class KeptBench(msgspec.Struct, frozen=True, kw_only=True):
    """Latencies by ``<target> <stage>``, of the bundle with this ``fingerprint`` on this ``machine``."""

    fingerprint: str
    machine: str
    latencies: dict[str, Latency]

    def apply(self, manifest: Manifest, machine: str) -> Manifest:
        """The manifest with these latencies, where they are of it and of this machine."""
        if (self.fingerprint, self.machine) != (manifest.fingerprint(), machine):
            return manifest
        artifacts = tuple(
            msgspec.structs.replace(one, latency=self.latencies.get(f"{one.target} {one.stage}", one.latency))
            for one in manifest.artifacts
        )
        return msgspec.structs.replace(manifest, artifacts=artifacts)


def kept_place(bundle: Path) -> Path:
    """Where what was measured of a bundle is kept: beside it, whether it is a folder or one file."""
    return bundle.resolve().with_name(f"{bundle.resolve().name}{SUFFIX}")


def keep_bench(bench: BundleBench, bundle: Path) -> Path:
    """Keep a bench beside its bundle. Raises ``KeptBenchError`` when it cannot be written."""
    kept = KeptBench(
        fingerprint=bench.fingerprint,
        machine=bench.machine,
        latencies={f"{one.target} {one.stage}": one.latency(bench.machine) for one in bench.artifacts},
    )
    place = kept_place(bundle)
    try:
        write_whole(place, msgspec.json.format(msgspec.json.encode(kept), indent=2) + b"\n")
    except OSError as error:
        raise KeptBenchError(
            f"{place}: cannot be written: {error.strerror}; run this as whoever may write beside the bundle"
        ) from error
    return place


def measured_here(bundle: Bundle, machine: str) -> Manifest:
    """The bundle's manifest with the latencies that were kept beside it; one that cannot be read counts for nothing."""
    try:
        kept = msgspec.json.decode(kept_place(bundle.path).read_bytes(), type=KeptBench)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return bundle.manifest
    return kept.apply(bundle.manifest, machine)
