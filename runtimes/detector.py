"""A detector: samples in, calibrated probabilities out, on whichever target of the bundle still works here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.manifest import Geometry
from runtimes.bench.kept import measured_here
from runtimes.discovery import discover_runtimes
from runtimes.environment import Environment, probe_all, probe_environment
from runtimes.errors import DetectorInputError, NoRuntimeError, NotBuiltError, SessionError
from runtimes.pair import Pair, open_pair, probability
from runtimes.protocol import Runtime, SessionOptions
from runtimes.recovery import Recovery, RetryPolicy
from runtimes.selection import Candidate, Refusal, is_accelerated, keep, open_first, rank
from runtimes.widening import open_widely

OnChanged = Callable[[str, str, str], None]
"""Called with what was in use, what is from now on (both as ``Detector.description`` gives them) and the reason."""

_log = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")


class Detector:
    """Encoder and head of one target, used by one thread at a time.

    ``order`` is of all targets that may serve, best first. When a session fails while running, the detector opens the
    next target, warns, calls ``on_changed`` and answers with that one, so that losing an accelerator never ends its
    user. ``recovery`` tries the lost ones again; one that opens and passes its self-test is taken back by the next
    ``encode``, which calls ``on_changed`` too. All targets of a bundle share sample, embedding and window shapes; but
    their embeddings differ slightly, so windows begun on one target should be begun again after ``on_changed``.
    """

    def __init__(
        self,
        bundle: Bundle,
        pair: Pair,
        order: Sequence[Candidate],
        open_one: Callable[[Candidate], Pair],
        recovery: Recovery,
        on_changed: OnChanged | None,
    ) -> None:
        self._bundle = bundle
        self._pair = pair
        self._order = tuple(order)
        self._rest = self._order[self._order.index(pair.candidate) + 1 :]
        self._open_one = open_one
        self._recovery = recovery
        self._on_changed = on_changed

    @property
    def target(self) -> str:
        """The target in use now."""
        return self._pair.candidate.target

    @property
    def description(self) -> str:
        """Target, engines and precision in use now, for logs and status."""
        return str(self._pair.candidate)

    @property
    def geometry(self) -> Geometry:
        """How the windows that this detector judges are cut from time."""
        return self._bundle.manifest.geometry

    @property
    def embedding_size(self) -> int:
        """``D``, the length of an embedding."""
        return self._bundle.manifest.preprocessing.panes * self._pair.candidate.encoder.outputs[0].shape[-1]

    def encode(self, samples: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embeddings ``(N, D) float32`` of samples ``(N, P * H, W, C) uint8``, ``N >= 0``.

        Raises ``DetectorInputError`` for another shape or dtype and ``SessionError`` when no target works any more; the
        next call tries again.
        """
        _check(samples, self._bundle.manifest.preprocessing.sample_shape, "uint8", "samples")
        self._climb()
        return self._answer(lambda pair: pair.encode(samples))

    def logits(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits ``(N, 2) float32``, calm and fight, of windows ``(N, T, D) float32``. Raises as ``encode`` does."""
        _check(windows, self._pair.candidate.head.inputs[0].shape[1:], "float32", "windows")
        return self._answer(lambda pair: pair.logits(windows))

    def judge(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Calibrated probability of a fight ``(N,) float32`` in 0..1, of windows ``(N, T, D) float32``. Raises as
        ``encode`` does."""
        return probability(self.logits(windows), self._bundle.manifest.calibration.temperature)

    def close(self) -> None:
        """Close the engine's sessions."""
        self._recovery.close()
        self._pair.close()

    def _answer(self, ask: Callable[[Pair], _Answer]) -> _Answer:
        while True:
            try:
                return ask(self._pair)
            except SessionError as error:  # noqa: PERF203 - ends when a target answers or none is left
                self._degrade(error)

    def _degrade(self, failure: SessionError) -> None:
        """Change to the next target that opens; raises ``failure`` when there is none, and stays usable."""
        before = self._pair
        try:
            chosen, pair = open_first(self._rest, (), self._open_one, self._bundle.manifest.name)
        except NoRuntimeError as error:
            # They will not open at the next batch either; only the pair at hand is tried again.
            self._rest = ()
            reason = f"{before.candidate} failed and no other target is left: {failure}"
            raise SessionError(reason) from error
        _log.warning("falling back from %s to %s: %s", before.candidate, chosen, failure)
        self._recovery.lose(self._order[: self._order.index(chosen)])
        self._take(pair, str(failure))

    def _climb(self) -> None:
        """Take back a better target that works again. Only before encoding: embeddings of two targets do not mix."""
        pair = self._recovery.poll()
        if pair is not None:
            _log.warning("back from %s to %s, which works now", self._pair.candidate, pair.candidate)
            self._take(pair, f"{pair.candidate} works now")

    def _take(self, pair: Pair, reason: str) -> None:
        before, self._pair = self._pair, pair
        self._rest = self._order[self._order.index(pair.candidate) + 1 :]
        before.close()
        if self._on_changed is not None:
            self._on_changed(str(before.candidate), str(pair.candidate), reason)


def open_detector(
    bundle: Bundle,
    *,
    target: str | None = None,
    runtimes: Sequence[Runtime] | None = None,
    options: SessionOptions | None = None,
    most_threads: int | None = None,
    on_changed: OnChanged | None = None,
    retry: RetryPolicy | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Detector:
    """Open the best target of ``bundle`` that runs here and passes its self-test on the golden inputs.

    A target whose engine must be built for this GPU first is built in the background while the next best serves, and
    taken once it is there, as one that works again is; only where nothing else runs is it waited for.
    ``target`` allows that one only; ``runtimes`` replaces the engines found on this machine. A device in ``options`` is
    kept to when opening, and left when it fails later. With ``most_threads``, a target that runs on the processor gets
    as many threads, up to those, as make it faster when timed here, and not those of ``options``. ``retry`` says when
    targets that failed while running are tried again, by ``clock`` (monotonic). Raises ``NoRuntimeError`` with every
    attempt when nothing can run, and ``BundleFormatError`` for a target that is not in the bundle.

    >>> with closing(open_detector(open_bundle(path))) as detector:   # doctest: +SKIP
    ...     embeddings = detector.encode(samples)                     # (T, H, W, C) uint8 -> (T, D)
    ...     score = detector.judge(embeddings[None])[0]
    """
    options = options or SessionOptions()
    environment, engines = probe_environment(), discover_runtimes().runtimes
    if runtimes is not None:
        engines = tuple(runtimes)
        environment = replace(environment, probes=probe_all(engines))
    opening = _Opening(bundle, engines, options, partial(_most_threads, environment, most_threads), clock)
    ranked, refusals = plan(bundle, environment, target)
    asked = _asked(ranked, options.device)
    chosen, pair = opening.best(asked, refusals)
    better = asked[: asked.index(chosen)]
    unbuilt = tuple(candidate for candidate in better if candidate in opening.unbuilt)
    # Once the device asked for is lost, whatever still runs is better than nothing.
    rest = tuple(candidate for candidate in ranked if candidate not in {*better, chosen})
    recovery = Recovery(opening.patiently, retry or RetryPolicy(), clock, unbuilt)
    return Detector(bundle, pair, (*unbuilt, chosen, *rest), opening.at_once, recovery, on_changed)


def _asked(ranked: tuple[Candidate, ...], device: str | None) -> tuple[Candidate, ...]:
    """The candidates as they are tried at first: on the device that was asked for, where one was."""
    if device is None:
        return ranked
    return tuple(replace(candidate, device=device) for candidate in ranked if candidate.device is None)


class _Opening:
    """Opens targets of one bundle. ``unbuilt`` are those that were refused for having to be built first."""

    def __init__(
        self,
        bundle: Bundle,
        engines: Sequence[Runtime],
        options: SessionOptions,
        most_threads: Callable[[Candidate], int | None],
        clock: Callable[[], float],
    ) -> None:
        """``most_threads`` tells how many threads may be tried for a target; ``None``: it gets those of ``options``."""
        self.unbuilt: tuple[Candidate, ...] = ()
        self._bundle = bundle
        self._engines = {engine.name: engine for engine in engines}
        self._options = options
        self._most_threads = most_threads
        self._clock = clock
        self._golden = bundle.golden()

    def best(self, candidates: Sequence[Candidate], refusals: Sequence[Refusal]) -> tuple[Candidate, Pair]:
        """The first of ``candidates`` that opens, at once if any does. Raises ``NoRuntimeError``."""
        name = self._bundle.manifest.name
        try:
            return open_first(candidates, refusals, self.at_once, name)
        except NoRuntimeError:
            if not self.unbuilt:
                raise
            # There is nothing that could serve meanwhile.
            return open_first(self.unbuilt, refusals, self.patiently, name)

    def at_once(self, candidate: Candidate) -> Pair:
        """Open what takes no building. Raises ``EngineError``."""
        try:
            return self._open(candidate, build=False)
        except NotBuiltError:
            self.unbuilt = tuple(dict.fromkeys((*self.unbuilt, candidate)))
            raise

    def patiently(self, candidate: Candidate) -> Pair:
        """Open a target, however long it takes. Raises ``EngineError``."""
        return self._open(candidate, build=True)

    def _open(self, candidate: Candidate, *, build: bool) -> Pair:
        options = replace(self._options, device=candidate.device, build=build)

        def open_with(threads: int) -> Pair:
            asked = replace(options, threads=threads)
            return open_pair(self._bundle, candidate, self._engines, asked, self._golden, self._clock)

        most = self._most_threads(candidate)
        if most is None:
            return open_with(options.threads)
        return open_widely(open_with, self._golden, most, self._clock)


def _most_threads(environment: Environment, most: int | None, candidate: Candidate) -> int | None:
    """Only a processor has threads to spare for a target."""
    return None if is_accelerated(candidate, environment) else most


def plan(
    bundle: Bundle, environment: Environment, target: str | None = None
) -> tuple[tuple[Candidate, ...], tuple[Refusal, ...]]:
    """What of ``bundle`` would be tried in ``environment``, in this order, and what is refused with its reason."""
    selection = keep(measured_here(bundle, environment.machine), environment, target)
    return rank(selection.candidates, environment), selection.refusals


def _check(array: NDArray[np.generic], shape: tuple[int, ...], dtype: str, what: str) -> None:
    if array.ndim != len(shape) + 1 or array.shape[1:] != shape or array.dtype != dtype:
        lengths = ", ".join(map(str, shape))
        raise DetectorInputError(f"{what} must be (N, {lengths}) {dtype}, got {array.shape} {array.dtype}")
