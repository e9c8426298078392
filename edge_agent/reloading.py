"""Taking over a changed configuration while cameras keep running."""

from __future__ import annotations

import logging
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge_agent.config.changes import list_applied, list_restarts
from edge_agent.config.loading import load_config
from edge_agent.config.plan import Plan
from edge_agent.notifier import Notifier
from edge_agent.policy_book import PolicyBook
from models.errors import NexaraError
from models.manifest import Manifest

log = logging.getLogger(__name__)


class Reloader:
    """Reads the configuration of ``plan`` anew and puts in ``policies`` what needs no restart.

    The file is checked whole, with the thresholds of the ``manifest`` in use, before any of it counts. A camera that
    the file no longer names is watched as before until the restart that removes it.
    """

    def __init__(self, plan: Plan, manifest: Manifest, policies: PolicyBook, notifier: Notifier) -> None:
        self._plan = plan
        self._manifest = manifest
        self._policies = policies
        self._notifier = notifier

    def reload(self) -> None:
        """Read and apply, or log every fault and change nothing; never raises."""
        self._notifier.reloading()
        path = self._plan.config.path
        try:
            self._apply()
        except NexaraError as error:
            for fault in str(error).splitlines():
                log.error("%s", fault)  # noqa: TRY400 the message says it all
            log.error("%s not reloaded: the configuration in force stays", path)  # noqa: TRY400 told above
        except Exception:  # the last place that hears of it: the next reload must find its thread
            log.exception("%s not reloaded: the configuration in force stays", path)
        finally:
            self._notifier.reloaded()

    def _apply(self) -> None:
        wanted = Plan(load_config(self._plan.config.path), self._plan.environment)
        policies = wanted.policies(self._manifest)
        before = self._policies.pages
        self._policies.apply(policies)
        applied = list_applied(before, self._policies.pages)
        log.info("reloaded %s: %s", wanted.config.path, "; ".join(applied) or "nothing to apply while running")
        restarts = list_restarts(self._plan.config.settings, wanted.config.settings)
        if restarts:
            log.warning("restart to apply: %s", ", ".join(restarts))


@contextmanager
def reload_on_hangup(reload: Callable[[], None]) -> Iterator[None]:
    """Call ``reload`` after each SIGHUP, one after another, on a thread of its own: what it reads may be slow, and
    nothing that a signal handler does may be. ``reload`` must not raise. To be entered on the main thread."""
    # A SimpleQueue's put is the one that may interrupt another.
    asked: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def serve() -> None:
        while asked.get():
            reload()

    threading.Thread(target=serve, name="reload", daemon=True).start()
    before = signal.signal(signal.SIGHUP, lambda _number, _frame: asked.put(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
        asked.put(False)
