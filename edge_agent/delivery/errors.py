"""What can go wrong between an event and the broker's acknowledgement."""

from __future__ import annotations

from models.errors import NexaraError


class DeliveryError(NexaraError):
    """Base of the errors of delivery."""


class BrokerError(DeliveryError):
    """No MQTT session could be opened; the message says where and why."""


class BrokerUnreachableError(BrokerError):
    """The network or TLS did not let us through, so the broker may be fine tomorrow."""


class BrokerRefusedError(BrokerError):
    """The broker answered CONNECT with a refusal, so credentials or its configuration need a person."""


class SpoolError(DeliveryError):
    """The spool cannot be opened, read or written."""


class SpoolFullError(SpoolError):
    """The disk has no room for what is to be written."""


class SpoolInUseError(SpoolError):
    """Another process has the spool open."""
