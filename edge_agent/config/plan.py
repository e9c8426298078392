"""What a configuration becomes: the agent's cameras and options, the broker, the bundle and the spool's bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from edge_agent.agent import AgentOptions, CameraSpec
from edge_agent.attention import AttentionPolicy
from edge_agent.config.errors import ConfigError, Problem
from edge_agent.config.loading import Config
from edge_agent.config.secret import read_secret
from edge_agent.config.settings import Camera
from edge_agent.delivery.broker import Broker, TLSFiles
from edge_agent.delivery.opening import Delivery
from edge_agent.delivery.payloads import BundleName
from edge_agent.delivery.spool import SpoolLimits
from edge_agent.delivery.topics import Topics
from edge_agent.incidents import IncidentPolicy
from edge_agent.sampling import SamplingPolicy
from edge_agent.snapshot import SnapshotPolicy
from edge_agent.sources import SourceOptions, anchor
from models.bundle import Bundle, open_bundle
from models.manifest import Manifest, Thresholds
from models.trust import TrustStore

_PORT, _TLS_PORT = 1883, 8883


@dataclass(frozen=True, slots=True)
class Plan:
    """The parts of a valid configuration as the rest of the house takes them.

    ``environment`` is where systemd says which folder holds the credentials.
    """

    config: Config
    environment: Mapping[str, str]

    def open_bundle(self) -> Bundle:
        """Open and verify the bundle; raises ``BundleError``."""
        bundle = self.config.settings.bundle
        keys = [self.config.resolve(key) for key in bundle.trusted_keys]
        return open_bundle(self.config.resolve(bundle.path), TrustStore.load(keys, accept=bundle.accept))

    def cameras(self, manifest: Manifest) -> tuple[CameraSpec, ...]:
        """All cameras with their passwords and thresholds in place.

        A threshold is the camera's own, else the one for all cameras, else the manifest's. Raises ``ConfigError`` where
        what that gives makes no sense, and ``SecretError``.
        """
        problems = []
        specs = []
        for index, camera in enumerate(self.config.settings.camera):
            chosen = self._thresholds(camera, manifest)
            if chosen["clear"] > chosen["alert"]:
                text = (
                    f"clear = {chosen['clear']} is above alert = {chosen['alert']} once the bundle's thresholds fill"
                    " what is not given here; give both, with clear at most alert"
                )
                problems.append(Problem(self.config.locator.line(("camera", index)), f"camera[{index}]", text))
            else:
                address, options = self._address(camera), _source_options(camera)
                specs.append(CameraSpec(camera.id, address, options, Thresholds(**chosen)))
        if problems:
            raise ConfigError(self.config.path, problems)
        return tuple(specs)

    def options(self) -> AgentOptions:
        """How the agent works."""
        settings = self.config.settings
        sampling, incidents, snapshots = settings.sampling, settings.incidents, settings.snapshots
        return AgentOptions(
            target=settings.runtime.target,
            threads=settings.runtime.threads,
            sampling=SamplingPolicy(sampling.idle_interval_s, sampling.alert_rate_hz, sampling.largest_gap_s),
            attention=AttentionPolicy(sampling.calm_hold_s),
            incidents=IncidentPolicy(**msgspec.structs.asdict(incidents)),
            snapshots=SnapshotPolicy(**msgspec.structs.asdict(snapshots)),
            health_interval_s=settings.health.interval_s,
            state_interval_s=settings.health.state_interval_s,
        )

    def broker(self, suffix: str = "") -> Broker:
        """The broker with its password read; ``suffix`` sets a second client's id apart. Raises ``SecretError``."""
        settings = self.config.settings
        mqtt = settings.mqtt
        tls = None
        if mqtt.tls is not None:
            files = msgspec.structs.asdict(mqtt.tls)
            tls = TLSFiles(
                **{name: None if file is None else self.config.resolve(file) for name, file in files.items()}
            )
        return Broker(
            host=mqtt.host,
            port=mqtt.port or (_TLS_PORT if tls else _PORT),
            client_id=f"nexara-{settings.site}-{settings.device}{suffix}",
            username=mqtt.username,
            password=None if mqtt.password is None else read_secret(mqtt.password, self.environment),
            tls=tls,
            keepalive_s=mqtt.keepalive_s,
        )

    def delivery(self, version: str, manifest: Manifest) -> Delivery:
        """Everything delivery needs; raises ``SecretError``."""
        settings = self.config.settings
        return Delivery(
            topics=Topics(settings.site, settings.device),
            broker=self.broker(),
            spool_directory=self.config.resolve(settings.spool.directory),
            spool_limits=self.spool_limits(),
            version=version,
            bundle=BundleName(name=manifest.name, version=manifest.version),
        )

    def spool_limits(self) -> SpoolLimits:
        spool = self.config.settings.spool
        return SpoolLimits(int(spool.max_megabytes * 1_000_000), spool.max_age_hours * 3600)

    def _thresholds(self, camera: Camera, manifest: Manifest) -> dict[str, float]:
        layers = (camera, self.config.settings.thresholds, manifest.calibration.thresholds)
        return {
            name: next(value for layer in layers if (value := getattr(layer, name)) is not None)
            for name in ("wake", "alert", "clear")
        }

    def _address(self, camera: Camera) -> str:
        if camera.password is None:
            return anchor(camera.source, self.config.path.absolute().parent)
        secret = quote(read_secret(camera.password, self.environment), safe="")
        return camera.source.replace("@", f":{secret}@", 1)


def _source_options(camera: Camera) -> SourceOptions:
    return SourceOptions(
        loop=camera.loop,
        realtime=camera.realtime,
        transport=camera.transport,
        open_timeout_s=camera.open_timeout_s,
        read_timeout_s=camera.read_timeout_s,
    )
