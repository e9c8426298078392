"""Whether somebody may ask for something: by a signature, where there are operators."""

from __future__ import annotations

from collections.abc import Mapping

from edge_agent.commands.errors import CommandError
from edge_agent.commands.name import CommandName
from edge_agent.commands.options import Signer
from edge_agent.commands.signature import PROPERTY, is_signed
from edge_agent.delivery.request import Request


def require_authority(
    operators: Mapping[str, Signer], name: CommandName, operator: str | None, request: Request
) -> None:
    """Let pass what one of ``operators``, who calls himself ``operator``, signed and may ask for; without any, all.
    Raises ``CommandError``."""
    if not operators:
        return
    signatures = [value for key, value in request.user_properties if key == PROPERTY]
    if operator is None or len(signatures) != 1:
        text = f"found no operator, or not one user property {PROPERTY!r}; this device takes signed commands only"
        raise CommandError("unsigned", text)
    signer = operators.get(operator)
    # Who is unknown and who has another key are told the same.
    if signer is None or not is_signed(signatures[0], signer.key, request.topic, request.payload):
        text = f"found a signature that is not that of operator {operator!r}; sign topic and payload as they"
        raise CommandError("signature", f"{text} are sent, with the operator's own key")
    if name not in signer.allow:
        allowed = ", ".join(sorted(signer.allow)) or "none"
        raise CommandError("not_allowed", f"found the command {name!r}; allowed to {operator!r} are {allowed}")
