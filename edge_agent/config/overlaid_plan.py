"""A plan with what was changed by command on top of the file: no overlay may keep an agent from starting."""

from __future__ import annotations

from dataclasses import replace

from edge_agent.config.errors import ConfigError
from edge_agent.config.overlay import Overlay, OverlayFile, lay_over
from edge_agent.config.plan import Plan
from models.manifest import Manifest


def lay_kept_over(plan: Plan, overlays: OverlayFile, manifest: Manifest) -> Plan:
    """The plan of a file with the kept overlay laid over it. Of an overlay that does not go with the file only the
    masks stay, since nothing may be shown for a fault's sake; the rest is set aside and told. Raises ``ConfigError``
    for what is wrong with the file alone, and ``StateError`` for an overlay that cannot be read."""
    plan.policies(manifest)
    overlay, reason = overlays.read(), ""
    for candidate in (overlay, overlay.only_masks()):
        try:
            laid = replace(plan, config=lay_over(plan.config, candidate))
            laid.policies(manifest)
        except ConfigError as error:  # noqa: PERF203 two at most
            reason = reason or str(error)
        else:
            if reason:
                overlays.set_aside(reason, candidate)
            return laid
    overlays.set_aside(reason, Overlay())
    return plan
