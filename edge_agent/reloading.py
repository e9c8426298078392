"""Taking over a changed configuration while cameras keep running."""

from __future__ import annotations

import logging
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from edge_agent.config.changes import list_applied, list_restarts
from edge_agent.config.loading import Config, load_config
from edge_agent.config.overlaid_plan import lay_kept_over
from edge_agent.config.overlay import Overlay, OverlayFile, lay_over
from edge_agent.config.plan import Plan
from edge_agent.config.settings import Watched
from edge_agent.config.walls import list_views
from edge_agent.cover import Cover
from edge_agent.cover_book import CoverBook
from edge_agent.notifier import Notifier
from edge_agent.policy_book import PolicyBook
from models.errors import NexaraError
from models.manifest import Manifest

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Amendment:
    """What a change by command put in force, a line each, and whether it hides more of a picture than before."""

    applied: tuple[str, ...]
    masked: bool


class Reloader:
    """Reads the configuration of ``plan`` anew and puts in ``policies`` what needs no restart, with what was changed by
    command (``overlays``) on top.

    The file is checked whole, with the thresholds of the ``manifest`` in use, before any of it counts. A camera that
    the file no longer names is watched as before until the restart that removes it. Safe to use from several threads.
    """

    def __init__(
        self,
        plan: Plan,
        manifest: Manifest,
        policies: PolicyBook,
        notifier: Notifier,
        overlays: OverlayFile,
        covers: CoverBook,
    ) -> None:
        self._plan = plan
        self._manifest = manifest
        self._policies = policies
        self._notifier = notifier
        self._overlays = overlays
        self._covers = covers
        self._changing = threading.Lock()
        # What counts is the file as it was read last: one that is being edited says nothing yet.
        self._file = replace(plan.config, settings=plan.config.written)

    @property
    def config(self) -> Config:
        """The configuration of the file as it was last read and found right."""
        return self._file

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

    def use(self, manifest: Manifest) -> None:
        """Have the configuration in force go with another bundle: its thresholds are those that stand in no file.
        Raises ``ConfigError`` and ``StateError``; the thresholds then come with the next reload or change."""
        with self._changing:
            # It judges already, whatever becomes of this.
            self._manifest = manifest
            self._policies.apply(self._laid().policies(manifest))

    def require_fit(self, manifest: Manifest) -> None:
        """Raise ``ConfigError`` where the configuration in force contradicts another bundle, and ``StateError`` where
        that cannot be told."""
        with self._changing:
            self._laid().policies(manifest)

    def amend(self, change: Callable[[Overlay], Overlay]) -> Amendment:
        """Change the overlay, keep it and put it in force. Raises ``ConfigError`` where what comes of it is not valid
        and ``StateError`` where it cannot be kept; nothing has changed then. Masks are only ever added."""
        with self._changing:
            before = self._overlays.read()
            wanted = change(before)
            plan = replace(self._plan, config=lay_over(self._file, wanted))
            policies = plan.policies(self._manifest)
            covers = self._cover(lay_over(self._file, before), plan.config)
            self._overlays.write(wanted)
            old_policies, old_covers = self._policies.pages, self._covers.pages
            self._policies.apply(policies)
            self._covers.apply(covers)
        new_covers = self._covers.pages
        masked = any(len(new_covers[id_].masks) > len(cover.masks) for id_, cover in old_covers.items())
        shapes = [line for id_, cover in old_covers.items() for line in _tell_shapes(id_, cover, new_covers[id_])]
        return Amendment((*list_applied(old_policies, self._policies.pages), *shapes), masked)

    def _laid(self) -> Plan:
        return replace(self._plan, config=lay_over(self._file, self._overlays.read()))

    def _apply(self) -> None:
        with self._changing:
            read = Plan(load_config(self._plan.config.path), self._plan.environment)
            wanted = lay_kept_over(read, self._overlays, self._manifest)
            policies = wanted.policies(self._manifest)
            before = self._policies.pages
            self._policies.apply(policies)
            self._file = read.config
            applied = list_applied(before, self._policies.pages)
        log.info("reloaded %s: %s", wanted.config.path, "; ".join(applied) or "nothing to apply while running")
        restarts = list_restarts(self._plan.config.written, read.config.settings)
        if restarts:
            log.warning("restart to apply: %s", ", ".join(restarts))

    def _cover(self, before: Config, after: Config) -> dict[str, Cover]:
        """The covers in force with what differs between two configurations: zones in the place of others, masks beside
        those that are there."""
        old, new = _outlines(before), _outlines(after)
        covers = {}
        for id_, cover in self._covers.pages.items():
            if id_ not in new or id_ not in old:
                continue
            zones = new[id_].zones if new[id_].zones != old[id_].zones else cover.zones
            added = tuple(mask for mask in new[id_].masks if mask not in old[id_].masks and mask not in cover.masks)
            # The very object where nothing changed: a new one begins a new stretch of pictures.
            if zones != cover.zones or added:
                covers[id_] = replace(cover, zones=zones, masks=(*cover.masks, *added))
        return covers


def _outlines(config: Config) -> dict[str, Watched]:
    """The table with zones and masks of each view."""
    return {view.id: view.tables[0] for camera in config.settings.camera for view in list_views(camera)}


def _tell_shapes(id_: str, before: Cover, after: Cover) -> Iterator[str]:
    if before.zones != after.zones:
        yield f"zones {len(before.zones)} -> {len(after.zones)} ({id_})"
    if before.masks != after.masks:
        yield f"masks {len(before.masks)} -> {len(after.masks)} ({id_})"


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
