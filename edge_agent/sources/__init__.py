"""Where frames come from: one kind of source a file, behind one Protocol and one table of schemes."""

from edge_agent.sources.address import anchor, find_network_address, names_password, redact
from edge_agent.sources.opening import check_address, explain_absence, open_source
from edge_agent.sources.sink import PacketFeed, PacketSink
from edge_agent.sources.source import Need, Source, SourceError, SourceOptions

__all__ = [
    "Need",
    "PacketFeed",
    "PacketSink",
    "Source",
    "SourceError",
    "SourceOptions",
    "anchor",
    "check_address",
    "explain_absence",
    "find_network_address",
    "names_password",
    "open_source",
    "redact",
]
