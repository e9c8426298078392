"""The catalogue of third-party weights that a device may be given: where they come from and what they must be."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edge_agent.privacy.errors import DetectorError


@dataclass(frozen=True, slots=True)
class Weights:
    """``address`` is where their authors publish them, ``sha256`` that of the file, in hexadecimal."""

    name: str
    address: str
    sha256: str
    licence: str

    def read(self, path: Path) -> bytes:
        """The file, which is these weights and nothing else; raises ``DetectorError``."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DetectorError(
                f"{path}: cannot be read: {error.strerror}; download {self.name} from {self.address} and name it here"
            ) from error
        found = hashlib.sha256(data).hexdigest()
        if found != self.sha256:
            raise DetectorError(
                f"{path}: found a file with SHA-256 {found}; allowed is {self.name}, {self.sha256}; download it from "
                f"{self.address}"
            )
        return data


FASTEST_DET = Weights(
    name="FastestDet.onnx",
    address="https://github.com/dog-qiuqiu/FastestDet/raw/main/example/onnx-runtime/FastestDet.onnx",
    sha256="31cb14c017fce347cb4c846ec62fdf00d76bb3beecdf4be21e7116ac67feb880",
    licence="BSD-3-Clause",
)
