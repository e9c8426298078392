"""One try to have the desired bundle on trial, and what is kept of how it went."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from edge_agent.bundles.download import Order
from edge_agent.bundles.errors import FetchEndedError, RefusedBundleError, ShelfError
from edge_agent.bundles.installing import Installed, Installer
from edge_agent.bundles.record import put_on_trial
from edge_agent.bundles.standing import Fault, Standing
from edge_agent.bundles.standing_file import StandingFile
from edge_agent.delivery.payloads import DesiredBundle
from models.errors import NexaraError


def attempt(
    installer: Installer, standing: StandingFile, wanted: DesiredBundle, on_fetched: Callable[[], object]
) -> Installed:
    """Fetch, test and put on trial what is ``wanted``; ``on_fetched`` is called between. Raises as
    ``Installer.install`` does, once ``standing`` tells of it."""
    try:
        with installer.shelf.receiving():
            # Known before it costs a transfer.
            put_on_trial(installer.shelf.read(), wanted.sha256, again=wanted.again)
            file = installer.fetch(Order(wanted.url, wanted.sha256))
            on_fetched()
            # Before it is so: a start after a power cut must not take the end of its trial for that of an earlier one.
            standing.change(partial(_note, wanted=wanted, fault=None, installed=True))
            return installer.put(file, again=wanted.again)
    except FetchEndedError:
        raise
    except NexaraError as error:
        fault = Fault(state="failed" if may_pass(error) else "refused", reason=str(error))
        standing.change(partial(_note, wanted=wanted, fault=fault, installed=False))
        raise


def may_pass(error: NexaraError) -> bool:
    """Whether another try may do better: the network and the disk may, what is wrong with the bundle will not."""
    return isinstance(error, ShelfError) and not isinstance(error, RefusedBundleError)


def _note(standing: Standing, *, wanted: DesiredBundle, fault: Fault | None, installed: bool) -> Standing:
    if standing.desired != wanted:
        return standing
    return msgspec.structs.replace(standing, fault=fault, installed=installed)
