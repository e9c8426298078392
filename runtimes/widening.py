"""How many threads a target gets on the processor: as many as make it faster, by the clock of this very device."""

from __future__ import annotations

import logging
from collections.abc import Callable

from models.bundle import Golden
from runtimes.errors import EngineError
from runtimes.pair import Pair

_log = logging.getLogger(__name__)

# Twice the threads that save less than a quarter would take cores from decoding for little.
_WORTH = 0.75
# The quickest of several runs tells most, but cameras wait: where the self-test takes this long, it tells enough.
_ENOUGH_S = 0.1
_MOST_RUNS = 5


def open_widely(open_with: Callable[[int], Pair], golden: Golden, most: int, clock: Callable[[], float]) -> Pair:
    """What ``open_with`` opens with one thread, or with twice as many, up to ``most``, for as long as that takes a
    quarter off what a golden window takes. What is not returned is closed. ``clock`` gives seconds.

    Raises what ``open_with`` raises for one thread, and ``SessionError`` when that cannot encode the samples; where
    more do not work, fewer serve.
    """
    if most == 1:
        return open_with(1)
    pair, took_s = _open_timed(open_with, 1, golden, clock)
    threads = 1
    while 2 * threads <= most:
        try:
            wider, wider_s = _open_timed(open_with, 2 * threads, golden, clock)
        except EngineError as error:
            _log.warning("%s does not work with %d threads: %s", pair.candidate, 2 * threads, error)
            break
        if wider_s > _WORTH * took_s:
            wider.close()
            break
        pair.close()
        pair, took_s, threads = wider, wider_s, 2 * threads
    _log.info("%s gets %d of at most %d threads", pair.candidate, threads, most)
    return pair


def _open_timed(
    open_with: Callable[[int], Pair], threads: int, golden: Golden, clock: Callable[[], float]
) -> tuple[Pair, float]:
    """What opens, tested as it is then, and the seconds that it takes for one window, at best."""
    pair = open_with(threads)
    spent_s, times = pair.tested_s, [pair.tested_s / len(golden.samples)]
    try:
        while spent_s < _ENOUGH_S and len(times) < _MOST_RUNS:
            before_s = clock()
            pair.encode(golden.samples[0])
            times.append(clock() - before_s)
            spent_s += times[-1]
    except BaseException:
        pair.close()
        raise
    return pair, min(times)
