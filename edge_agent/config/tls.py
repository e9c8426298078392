"""What the TLS tables of all brokers of a configuration say together."""

from __future__ import annotations

from edge_agent.config.settings import TLS, Mqtt


def list_tls(mqtt: Mqtt) -> list[TLS]:
    """Those that are there: of the broker, and of those that follow it."""
    tables = (mqtt.tls, *(fallback.tls for fallback in mqtt.fallback))
    return [tls for tls in tables if tls is not None]


def find_papers(mqtt: Mqtt) -> tuple[str, str, str] | None:
    """The site's authority, and the certificate and key by which the device names itself; ``None`` where no table has
    all three."""
    for tls in list_tls(mqtt):
        if tls.ca is not None and tls.certificate is not None and tls.key is not None:
            return tls.ca, tls.certificate, tls.key
    return None
