"""One target opened: its encoder and head, speaking real numbers whatever they store, and tested before use."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle, Golden
from models.manifest import Artifact, Preprocessing
from models.preprocessing import dequantize, quantize, to_input
from runtimes.errors import RuntimeOpenError, SelfTestError, SessionError
from runtimes.protocol import Runtime, Session, SessionOptions
from runtimes.selection import Candidate

_log = logging.getLogger(__name__)

# Largest difference of a golden input's probability from the float student's that is still the same network. Float
# engines differ by rounding only; int8 ones by what quantization costs on single clips, where a wrong kernel or a wrong
# file is off by half or more.
TOLERANCE: Mapping[str, float] = {"float32": 0.02, "float16": 0.05, "int8": 0.25}


class Pair:
    """The open encoder and head of one target, used by one thread at a time. ``tested_s`` are the seconds that its
    self-test took, which encodes all golden samples."""

    def __init__(self, candidate: Candidate, encoder: Session, head: Session, preprocessing: Preprocessing) -> None:
        self.candidate = candidate
        self._encoder = encoder
        self._head = head
        self._preprocessing = preprocessing
        self.tested_s = 0.0

    def encode(self, samples: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embeddings ``(N, D) float32`` of samples ``(N, P * H, W, C) uint8``. Raises ``SessionError``."""
        tensor = self._encoder.inputs[0]
        panes = samples.reshape(-1, *self._preprocessing.pane_shape)
        found = _run(self._encoder, to_input(panes, tensor, self._preprocessing))
        return found.reshape(len(samples), self._preprocessing.panes * found.shape[-1])

    def logits(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits ``(N, 2) float32`` of windows ``(N, T, D) float32``. Raises ``SessionError``."""
        return _run(self._head, quantize(windows, self._head.inputs[0]))

    def check(self, golden: Golden, temperature: float) -> float:
        """Largest difference of probability from the float student on the golden inputs.

        Raises ``SelfTestError`` when it is over ``TOLERANCE`` or not a number, ``SessionError`` when it cannot run.
        """
        count, length = golden.samples.shape[:2]
        embeddings = self.encode(golden.samples.reshape(count * length, *golden.samples.shape[2:]))
        found = probability(self.logits(embeddings.reshape(count, length, -1)), temperature)
        deviation = float(np.abs(found - probability(golden.logits, temperature)).max())
        allowed = max(TOLERANCE[artifact.precision] for artifact in (self.candidate.encoder, self.candidate.head))
        if not deviation <= allowed:
            raise SelfTestError(
                f"self-test failed: golden inputs are off by {deviation:.3f}, at most {allowed} is allowed; "
                "the engine computes this artifact wrongly"
            )
        return deviation

    def close(self) -> None:
        """Close both sessions."""
        self._encoder.close()
        self._head.close()


def open_pair(
    bundle: Bundle,
    candidate: Candidate,
    runtimes: Mapping[str, Runtime],
    options: SessionOptions,
    golden: Golden,
    clock: Callable[[], float],
) -> Pair:
    """Open one target and test it on the golden inputs. ``clock`` gives seconds.

    Raises ``RuntimeOpenError``, ``SelfTestError`` or ``SessionError``, all ``EngineError``; nothing stays open then.
    """
    # The head is open in no time, and does not wait for what an encoder that opens gradually still does.
    head = _open(bundle, candidate.head, runtimes, options)
    try:
        encoder = _open(bundle, candidate.encoder, runtimes, options)
    except RuntimeOpenError:
        head.close()
        raise
    pair = Pair(candidate, encoder, head, bundle.manifest.preprocessing)
    before_s = clock()
    try:
        deviation = pair.check(golden, bundle.manifest.calibration.temperature)
    except BaseException:
        pair.close()
        raise
    pair.tested_s = clock() - before_s
    _log.info("opened %s; golden inputs are off by %.4f", candidate, deviation)
    return pair


def probability(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Calibrated probability of a fight ``(N,) float32``: ``softmax(logits / temperature)[:, 1]`` of ``(N, 2)``."""
    # Two classes: the softmax is a sigmoid of their difference; tanh does not overflow.
    margin = (logits[:, 1].astype(np.float64) - logits[:, 0]) / temperature
    return np.asarray(0.5 + 0.5 * np.tanh(margin / 2), dtype=np.float32)


def _open(bundle: Bundle, artifact: Artifact, runtimes: Mapping[str, Runtime], options: SessionOptions) -> Session:
    runtime = runtimes[artifact.requires.engine]
    content = bundle.read(artifact.file)
    try:
        return runtime.open(artifact, content, options)
    except RuntimeOpenError:
        raise
    except Exception as error:  # the engine may be third-party code; whatever it raises, another target may still run
        raise RuntimeOpenError(f"{artifact.file}: engine {runtime.name} raised {error!r}") from error


def _run(session: Session, stored: NDArray[np.generic]) -> NDArray[np.float32]:
    source, target = session.inputs[0], session.outputs[0]
    try:
        found = session.run({source.name: stored})[target.name]
    except SessionError:
        raise
    except Exception as error:  # the engine may be third-party code; whatever it raises, another target may still run
        raise SessionError(f"the engine raised {error!r}") from error
    real = dequantize(found, target)
    if real.shape != (len(stored), *target.shape[1:]) or not np.isfinite(real).all():
        raise SessionError(f"the engine gave {real.shape} for {len(stored)} items, or values that are not finite")
    return real
