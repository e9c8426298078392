"""A command's arguments as somebody types them, checked by the very form that the device reads them with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from edge_agent.commands.forms import FORMS
from edge_agent.commands.name import CommandName
from edge_agent.delivery.request import UNREADABLE
from fleet.errors import FleetError


def read_pairs(name: CommandName, pairs: Sequence[str]) -> bytes:
    """The arguments of ``key=value`` pairs, as JSON. A value is taken as what its key wants; one that begins with ``[``
    or ``{`` is JSON. Raises ``FleetError``.

    >>> read_pairs("mute", ["camera=yard", "seconds=60"])
    b'{"camera":"yard","seconds":60.0}'
    """
    given: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise FleetError(f"found {pair!r}; allowed is key=value")
        if key in given:
            raise FleetError(f"found {key!r} again; give each key once")
        given[key] = _decode(value.encode(), key) if value[:1] in {"[", "{"} else value
    return _encode(name, given, strict=False)


def read_json(name: CommandName, text: str) -> bytes:
    """The arguments of a JSON object; raises ``FleetError``."""
    given = _decode(text.encode(), "--json-arguments")
    if not isinstance(given, dict):
        raise FleetError('--json-arguments: found no object; allowed is for example \'{"camera": "yard"}\'')
    return _encode(name, given, strict=True)


def _decode(text: bytes, where: str) -> Any:  # noqa: ANN401 any JSON
    try:
        return msgspec.json.decode(text)
    except UNREADABLE as error:
        raise FleetError(f"{where}: found what is no JSON: {error}") from error


def _encode(name: CommandName, given: Mapping[str, Any], *, strict: bool) -> bytes:
    form = FORMS[name].arguments
    try:
        read = msgspec.convert(given, form, strict=strict)
    except UNREADABLE as error:
        allowed = ", ".join(form.__struct_fields__) or "none"
        raise FleetError(f"{name}: found arguments that are not its own: {error}; its keys: {allowed}") from error
    # Only what was given: a device of another version may not know the rest.
    return msgspec.json.encode({key: getattr(read, key) for key in given})
