"""How to reach the broker and as whom to sign: from a file, from options, or from both."""

from __future__ import annotations

import argparse
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from edge_agent.commands.options import SHORTEST_KEY
from edge_agent.commands.signature import PROPERTY, sign
from edge_agent.config.errors import SecretError
from edge_agent.config.secret import read_secret
from edge_agent.delivery.broker import Broker, TLSFiles
from fleet.errors import FleetError
from fleet.settings import FleetConfig, FleetSettings, default_path, load_fleet_config

_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody whose key the devices know."""

    name: str
    key: bytes = field(repr=False)

    def sign(self, topic: str, payload: bytes) -> tuple[str, str]:
        """The user property that bears the signature."""
        return (PROPERTY, sign(self.key, topic, payload))


@dataclass(frozen=True, slots=True)
class Access:
    """The broker, and who signs."""

    broker: Broker
    operator: Operator | None


def add_access_options(parser: argparse.ArgumentParser) -> None:
    """Declare what every command takes that goes to the broker."""
    group = parser.add_argument_group("broker", "each of these comes before what stands in the file")
    group.add_argument("--config", type=Path, metavar="FILE", help="default: ~/.config/nexara/fleet.toml")
    group.add_argument("--broker", metavar="URL", help="mqtt://host[:port], or mqtts://host[:port] with TLS")
    group.add_argument("--username", metavar="NAME")
    group.add_argument("--password-file", type=Path, metavar="FILE", help="a file with the password in it")
    group.add_argument("--ca", type=Path, metavar="PEM", help="takes the place of the system's authorities")
    group.add_argument("--certificate", type=Path, metavar="PEM", help="of this client")
    group.add_argument("--key", type=Path, metavar="PEM", help="of this client's certificate")
    group.add_argument("--operator", metavar="NAME", help="who signs what is sent")
    group.add_argument("--operator-key", type=Path, metavar="FILE", help="with which key")


def read_access(arguments: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Access:
    """What the options and the file say together; raises ``ConfigError``, ``SecretError`` and ``FleetError``."""
    config = _load(arguments.config, environment)
    return Access(_read_broker(arguments, config, environment), _read_operator(arguments, config, environment))


def _load(path: Path | None, environment: Mapping[str, str]) -> FleetConfig:
    if path is None:
        path = default_path(environment)
        if not path.exists():
            return FleetConfig(path, FleetSettings())
    return load_fleet_config(path)


def _read_broker(arguments: argparse.Namespace, config: FleetConfig, environment: Mapping[str, str]) -> Broker:
    mqtt = config.settings.mqtt
    if arguments.broker is not None:
        scheme, host, port = _split(arguments.broker)
    elif mqtt is not None:
        scheme = "mqtt" if mqtt.tls is None else "mqtts"
        host, port = mqtt.host, mqtt.port or _PORTS[scheme]
    else:
        raise FleetError(f"no broker: give --broker mqtts://host:port, or write [mqtt] host into {config.path}")
    reference = _refer(arguments.password_file, None if mqtt is None else mqtt.password)
    username: str | None = arguments.username or (None if mqtt is None else mqtt.username)
    if reference and not username:
        raise FleetError("found a password without a username; give --username, or [mqtt] username")
    return Broker(
        host=host,
        port=port,
        # Two with one id would throw each other out.
        client_id=f"nexara-fleet-{secrets.token_hex(8)}",
        username=username,
        password=read_secret(reference, environment) if reference else None,
        tls=_read_tls(arguments, config) if scheme == "mqtts" else None,
    )


def _read_tls(arguments: argparse.Namespace, config: FleetConfig) -> TLSFiles:
    tls = config.settings.mqtt and config.settings.mqtt.tls
    files: dict[str, Path | None] = {}
    for name in ("ca", "certificate", "key"):
        written = getattr(tls, name, None)
        files[name] = getattr(arguments, name) or (None if written is None else config.resolve(written))
    if (files["certificate"] is None) != (files["key"] is None):
        raise FleetError("found only one of certificate and key; give both or none")
    return TLSFiles(**files)


def _read_operator(
    arguments: argparse.Namespace, config: FleetConfig, environment: Mapping[str, str]
) -> Operator | None:
    written = config.settings.operator
    name: str | None = arguments.operator or (None if written is None else written.name)
    reference = _refer(arguments.operator_key, None if written is None else written.key)
    if name is None and reference is None:
        return None
    if name is None or reference is None:
        raise FleetError("found only one of the operator's name and key; give --operator and --operator-key")
    key = read_secret(reference, environment).encode()
    if len(key) < SHORTEST_KEY:
        raise SecretError(
            f"{reference}: found a key of {len(key)} bytes; allowed are {SHORTEST_KEY} or more, since fewer can be"
            " tried out by whoever saw one signed command; make one with `openssl rand -hex 32`"
        )
    return Operator(name, key)


def _refer(file: Path | None, written: str | None) -> str | None:
    """The reference to a secret: the option's file, or what the file says."""
    return written if file is None else f"file:{file}"


def _split(url: str) -> tuple[str, str, int]:
    advice = "allowed is mqtt://host[:port] or mqtts://host[:port]"
    try:
        found = urlsplit(url)
        port = found.port
    except ValueError as error:
        raise FleetError(f"--broker: {error}; {advice}") from error
    if found.username is not None or found.password is not None:
        raise FleetError(f"--broker: found a user or a password inside it (not shown); {advice}, with --username")
    if found.scheme not in _PORTS or not found.hostname or found.path.strip("/") or found.query or found.fragment:
        raise FleetError(f"--broker: found {url!r}; {advice}")
    return found.scheme, found.hostname, port or _PORTS[found.scheme]
