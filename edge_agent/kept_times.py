"""Times by name that outlive the agent, as mutes and the ids of requests do."""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec

from edge_agent.state_file import StateError, StateFile


def read_times(file: StateFile) -> dict[str, datetime]:
    """What ``file`` holds, in UTC; one that cannot be used is set aside, and nothing is known then."""
    try:
        content = file.read()
        found = msgspec.json.decode(content, type=dict[str, datetime]) if content is not None else {}
        return {name: at.astimezone(timezone.utc) for name, at in found.items()}
    except (StateError, msgspec.MsgspecError, UnicodeDecodeError, OverflowError) as error:
        file.set_aside(str(error))
        return {}
