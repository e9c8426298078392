"""Why no session came about, and what a person should look at."""

from __future__ import annotations

import ssl

from paho.mqtt.client import WebsocketConnectionError

from edge_agent.delivery.broker import Broker

_ALERTS = {
    "CERTIFICATE_REQUIRED": "the broker wants a client certificate; give [mqtt.tls] certificate and key",
    "HANDSHAKE_FAILURE": "the broker may want a client certificate; give [mqtt.tls] certificate and key",
    "CERTIFICATE_EXPIRED": "the broker takes [mqtt.tls] certificate for expired; renew it, or set the clocks",
    "CERTIFICATE_REVOKED": "the broker takes [mqtt.tls] certificate for revoked; give another",
    "UNKNOWN_CA": "the broker does not know who signed [mqtt.tls] certificate; give one of an authority that it trusts",
    "DECRYPT_ERROR": "[mqtt.tls] certificate is not signed by the authority that it names; give one that is",
    "BAD_CERTIFICATE": "the broker does not take [mqtt.tls] certificate; see the broker's log",
}
"""What brokers answer to this device's certificate, as OpenSSL names it in what it says of their alerts."""


def explain(error: Exception, broker: Broker) -> str:
    """What went wrong and what to do about it, in one line; ``error`` is whatever opening a session raised."""
    text = str(error)
    if broker.tls is not None:
        # An alert that says what the broker thinks of us also comes after our side of the handshake is over.
        upper = text.upper().replace(" ", "_")
        advice = next((told for alert, told in _ALERTS.items() if f"ALERT_{alert}" in upper), None)
        if advice is not None or "ALERT_" in upper:
            return f"TLS failed: {text}; {advice or 'see the log of the broker'}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {text}; {_advise_on_server(error, broker)}"
    if isinstance(error, WebsocketConnectionError):
        return f"{text}; check [mqtt] path, and that WebSockets are spoken on this port"
    return f"{text}; check [mqtt] host and port, and the network"


def _advise_on_server(error: ssl.SSLError, broker: Broker) -> str:
    if isinstance(error, ssl.SSLCertVerificationError) and "expired" in error.verify_message:
        return "the broker's certificate has expired, or this device's clock is wrong: renew it, or set the clock"
    if isinstance(error, ssl.SSLCertVerificationError) and "not yet valid" in error.verify_message:
        return "the broker's certificate is not valid yet, or this device's clock is wrong: set the clock"
    return f"check [mqtt.tls] ca, and that the certificate names {broker.host!r}"
