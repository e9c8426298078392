"""A device's configuration, made of a site's template and checked by the agent's own code."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_agent.config import Settings, load_config
from edge_agent.config.errors import ConfigError
from edge_agent.config.policies import resolve_policies
from edge_agent.config.settings import TLS
from edge_agent.config.tls import list_tls
from fleet.kit.errors import KitError
from models.bundle import Bundle

CA = "/etc/nexara/ca.pem"
CERTIFICATE = "/etc/nexara/device.pem"
KEY = "device.key"
ENROLMENT = "/etc/nexara/enrol.env"
KEYS = "/etc/nexara/keys"
PROGRAM = "/opt/nexara"
STATE = "/var/lib/nexara-edge"


@dataclass(frozen=True, slots=True)
class Configuration:
    """``text`` is the edge.toml of one device, ``credentials`` the names of the secrets that it refers to."""

    text: str
    settings: Settings
    credentials: tuple[str, ...]

    @property
    def wants_certificate(self) -> bool:
        """Whether the device names itself by a certificate."""
        return any(tls.certificate is not None for tls in list_tls(self.settings.mqtt))

    @property
    def wants_authority(self) -> bool:
        """Whether the device has to know the site's authority, or to be known by it."""
        updates = self.settings.updates
        known = any(tls.ca is not None for tls in list_tls(self.settings.mqtt))
        return self.wants_certificate or known or (updates is not None and updates.ca is not None)

    @property
    def operator_keys(self) -> frozenset[str]:
        """Those of the credentials that operators sign commands with."""
        commands = self.settings.commands
        operators = () if commands is None else commands.operator
        return frozenset(operator.key.removeprefix("credential:") for operator in operators)

    @property
    def looks_for_updates(self) -> bool:
        """Whether the device looks by itself which bundle it should have."""
        updates = self.settings.updates
        return updates is not None and updates.manifest is not None

    @property
    def extras(self) -> tuple[str, ...]:
        """Those of our package that the configuration alone makes necessary."""
        return ("metrics",) if self.settings.metrics is not None else ()


def fill(template: Path, site: str, device: str, bundle: Bundle) -> Configuration:
    """The configuration of one device: ``{site}`` and ``{device}`` in the template are its names.

    Raises ``ConfigError`` with every fault that the agent would find, thresholds that contradict the bundle among them,
    and ``KitError`` for what is valid but would not work on a device that is installed by a kit.
    """
    try:
        text = template.read_text(encoding="utf-8").replace("{site}", site).replace("{device}", device)
    except (OSError, UnicodeDecodeError) as error:
        raise KitError(f"{template}: cannot be read: {error}; give an edge.toml, such as docs/edge.toml") from error
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / template.name
        path.write_text(text, encoding="utf-8")
        try:
            config = load_config(path)
            resolve_policies(config, bundle.manifest)
        except ConfigError as error:
            raise ConfigError(template, error.problems) from error
    faults = [f"{template}: {fault}" for fault in _find_faults(config.settings, site, device)]
    credentials: set[str] = set()
    for key, reference in _references(config.document):
        kind, _, name = reference.partition(":")
        if kind == "credential":
            credentials.add(name)
        else:
            told = f"found {reference!r}, which the service may not read; write 'credential:NAME' and give --secret"
            faults.append(f"{template}: {key}: {told} NAME=FILE")
    if faults:
        raise KitError("\n".join(faults))
    return Configuration(text, config.settings, tuple(sorted(credentials)))


def _find_faults(settings: Settings, site: str, device: str) -> Iterator[str]:
    for key, found, wanted in (("site", settings.site, site), ("device", settings.device, device)):
        if found != wanted:
            yield f'{key}: found {found!r}, but the kit is of {wanted!r}; write {key} = "{{{key}}}"'
    path = Path(settings.bundle.path)
    if path.parent != Path(PROGRAM, "bundles") or path.suffix != ".nexara":
        yield f"bundle.path: found {str(path)!r}; a kit puts it at {PROGRAM}/bundles/NAME.nexara"
    if any(keys != KEYS for keys in settings.bundle.trusted_keys):
        yield f"bundle.trusted_keys: found {list(settings.bundle.trusted_keys)}; a kit puts them into {KEYS!r}"
    for key, table in (("spool", settings.spool), ("clips", settings.clips), ("updates", settings.updates)):
        if table is not None and not Path(table.directory).is_relative_to(STATE):
            yield f"{key}.directory: found {table.directory!r}; the service may write below {STATE!r} alone"
    yield from _find_tls_faults("mqtt.tls", settings.mqtt.tls)
    for index, fallback in enumerate(settings.mqtt.fallback):
        yield from _find_tls_faults(f"mqtt.fallback[{index}].tls", fallback.tls)
    updates = settings.updates
    if updates is not None and updates.ca not in {None, CA}:
        yield f"updates.ca: found {updates.ca!r}; a kit puts the site's authority at {CA!r}"
    detector = settings.privacy.detector
    if detector is not None and Path(detector).parent != Path(PROGRAM):
        yield f"privacy.detector: found {detector!r}; a kit puts it at {PROGRAM}/NAME"


def _find_tls_faults(key: str, tls: TLS | None) -> Iterator[str]:
    if tls is None:
        return
    if tls.ca not in {None, CA}:
        yield f"{key}.ca: found {tls.ca!r}; a kit puts the site's authority at {CA!r}"
    if tls.certificate is not None:
        if tls.certificate != CERTIFICATE:
            yield f"{key}.certificate: found {tls.certificate!r}; a kit puts it at {CERTIFICATE!r}"
        if tls.key != f"credential:{KEY}":
            yield f"{key}.key: found {tls.key!r}; allowed is 'credential:{KEY}', which the service alone can read"


def _references(value: Any, key: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 raw TOML
    """Every reference to a secret, and where it stands."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _references(inner, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _references(inner, f"{key}[{index}]")
    elif isinstance(value, str) and key.rpartition(".")[2] in {"password", "key"} and ":" in value:
        yield key, value
