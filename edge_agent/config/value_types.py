"""What values of the configuration may be: types with their ranges, and words for those where a range says little."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec

from edge_agent.commands.name import CommandName
from edge_agent.commands.response_topic import PREFIX_PATTERN
from edge_agent.delivery.topics import NAME_PATTERN
from edge_agent.grid import GRID_PATTERN
from edge_agent.schedule import PATTERN

Name = Annotated[
    str,
    msgspec.Meta(
        pattern=NAME_PATTERN,
        description="1 to 64 letters, digits, '_', '.' or '-', the first a letter or digit (it becomes an MQTT topic)",
    ),
]
Text = Annotated[str, msgspec.Meta(min_length=1)]
FilePath = Annotated[str, msgspec.Meta(min_length=1, description="a path; relative ones start at this file's folder")]
Secret = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(file:/.+|credential:[A-Za-z0-9_.-]+)$",
        description="a reference: 'file:/absolute/path' (readable by the agent alone) or 'credential:name' (systemd"
        " LoadCredential=), never the secret itself",
        extra={"secret": True},
    ),
]
PrivateKeyFile = Annotated[
    str,
    msgspec.Meta(
        min_length=1, description="a path; relative ones start at this file's folder; or 'credential:name' of systemd"
    ),
]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
Wait = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
IdleInterval = Annotated[float, msgspec.Meta(gt=0, le=60)]
AlertRate = Annotated[float, msgspec.Meta(gt=0, le=60)]
Smoothing = Annotated[int, msgspec.Meta(ge=1, le=100)]
Hours = Annotated[
    str,
    msgspec.Meta(
        pattern=PATTERN,
        description="days, hours or both, in local time, as in 'mon-fri 07:00-18:00', 'sat,sun' and '22:00-06:00'",
    ),
]
Edge = Annotated[float, msgspec.Meta(ge=0, le=1)]
Box = Annotated[
    tuple[Edge, Edge, Edge, Edge],
    msgspec.Meta(description="[left, top, right, bottom] as shares of the picture, each from 0 to 1"),
]
Point = Annotated[
    tuple[Edge, Edge], msgspec.Meta(description="[x, y] as shares of the picture's width and height, each from 0 to 1")
]
Polygon = Annotated[tuple[Point, ...], msgspec.Meta(min_length=3, max_length=64)]
GridText = Annotated[
    str, msgspec.Meta(pattern=GRID_PATTERN, description="rows x columns, from '1x2' to '8x8', such as '2x3'")
]
Faces = Literal["show", "blur"]
Allowed = Annotated[
    tuple[CommandName, ...],
    msgspec.Meta(min_length=1, description=f"an array of {', '.join(map(repr, get_args(CommandName)))}, at least one"),
]
AnswerPrefix = Annotated[
    str,
    msgspec.Meta(
        pattern=PREFIX_PATTERN,
        description="what topics of answers begin with: levels without '+' and '#', and '/' at the end",
    ),
]
HttpsAddress = Annotated[
    str, msgspec.Meta(pattern=r"^https://[^/\s]+/\S*$", description="an address, https://host/path")
]
WebSocketPath = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^/[!-~]*$",
        description="where the broker is asked for: '/' and what follows it in the address, without spaces",
    ),
]
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
_PORTS = r"([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"
Listen = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):{_PORTS}$",
        description="host:port, as 127.0.0.1:9464, [::1]:9464 or 0.0.0.0:9464, port 1 to 65535",
    ),
]
