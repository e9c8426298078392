"""What a configuration becomes: the agent's cameras and options, the broker, the bundle and the spool's bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_agent.agent_options import AgentOptions
from edge_agent.bundles.download import Downloader, Pause, Progress, ignore_progress
from edge_agent.bundles.shelf import Shelf
from edge_agent.bundles.trial import TrialPolicy
from edge_agent.camera_policies import CameraPolicies
from edge_agent.camera_spec import CameraSpec
from edge_agent.clips.policy import ClipPolicy, KeepPolicy
from edge_agent.clips.recording import ClipOptions
from edge_agent.commands.options import SHORTEST_KEY, CommandLimits, CommandOptions, Signer
from edge_agent.config.errors import ConfigError, Problem, SecretError
from edge_agent.config.loading import Config
from edge_agent.config.policies import resolve_policies
from edge_agent.config.secret import find_credential, insert_password, read_secret
from edge_agent.config.settings import TLS, Camera, Fallback, Mqtt, Watched
from edge_agent.config.walls import list_cells, list_views
from edge_agent.cover import Cover
from edge_agent.delivery.broker import Broker, TLSFiles, Transport
from edge_agent.delivery.home_assistant import HomeAssistant
from edge_agent.delivery.message import Message
from edge_agent.delivery.opening import Delivery
from edge_agent.delivery.payloads import BundleName
from edge_agent.delivery.spool import SpoolLimits
from edge_agent.delivery.topics import Topics
from edge_agent.drift import DriftPolicy
from edge_agent.privacy.errors import DetectorError
from edge_agent.privacy.fastest_det import open_fastest_det
from edge_agent.privacy.head_finder import HeadFinder
from edge_agent.sources import SourceOptions, anchor
from edge_agent.view import View
from models.bundle import Bundle, open_bundle
from models.manifest import Manifest
from models.trust import TrustStore

_PORTS: dict[tuple[Transport, bool], int] = {
    ("tcp", False): 1883,
    ("tcp", True): 8883,
    ("websockets", False): 80,
    ("websockets", True): 443,
}
"""By transport, and whether there is TLS below it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The parts of a valid configuration as the rest of the house takes them.

    ``environment`` is where systemd says which folder holds the credentials.
    """

    config: Config
    environment: Mapping[str, str]

    def open_bundle(self, path: Path | None = None) -> Bundle:
        """Open and verify the bundle in ``path``, by default the configuration's own; raises ``BundleError``."""
        bundle = self.config.settings.bundle
        keys = [self.config.resolve(key) for key in bundle.trusted_keys]
        chosen = self.configured_bundle() if path is None else path
        return open_bundle(chosen, TrustStore.load(keys, accept=bundle.accept))

    def configured_bundle(self) -> Path:
        """The file or folder of the configuration's own bundle."""
        return self.config.resolve(self.config.settings.bundle.path)

    def shelf(self) -> Shelf | None:
        """Where further bundles are kept; ``None`` where there are none."""
        updates = self.config.settings.updates
        return None if updates is None else Shelf(self.config.resolve(updates.directory))

    def open_usable(self, path: Path | None = None) -> Bundle:
        """As ``open_bundle``; of one on the shelf also raises ``ConfigError`` where its thresholds contradict the
        configuration. Of the configuration's own, which has none to take its place, the start tells that."""
        bundle = self.open_bundle(path)
        if path is not None:
            self.policies(bundle.manifest)
        return bundle

    def downloader(self, pause: Pause, progress: Progress = ignore_progress) -> Downloader | None:
        """What fetches bundles onto the shelf, where there is one; ``pause`` waits after so many failures, and
        ``progress`` hears of every piece."""
        updates = self.config.settings.updates
        if updates is None:
            return None
        ca = None if updates.ca is None else self.config.resolve(updates.ca)
        most_bytes = int(updates.max_megabytes * 1_000_000)
        directory = Shelf(self.config.resolve(updates.directory)).incoming
        return Downloader(directory, most_bytes, pause, ca, progress=progress)

    def trial(self) -> TrialPolicy:
        """When a bundle on trial is kept, and when it is left."""
        updates = self.config.settings.updates
        if updates is None:
            return TrialPolicy()
        drift = DriftPolicy(updates.least_windows, updates.max_drift, updates.max_differing, updates.max_slowdown)
        return TrialPolicy(updates.window_s, updates.silence_s, drift=drift)

    def cameras(self, manifest: Manifest) -> tuple[CameraSpec, ...]:
        """All cameras with their passwords and policies in place; raises as ``policies`` and ``head_finder`` do, and
        ``SecretError``."""
        policies = self.policies(manifest)
        finder = self.head_finder()
        return tuple(
            CameraSpec(
                camera.id,
                self._address(camera),
                _source_options(camera),
                policies.get(camera.id),
                cells=tuple(
                    View(cell.id, cell.region, policies[cell.id], self._cover(cell.tables, finder))
                    for cell in list_cells(camera)
                ),
                cover=self._cover((camera,), finder),
            )
            for camera in self.config.settings.camera
        )

    def policies(self, manifest: Manifest) -> dict[str, CameraPolicies]:
        """Every camera's policies by its id, those of a wall by its cells' ids; raises ``ConfigError`` where keys and
        bundle contradict each other."""
        return resolve_policies(self.config, manifest)

    def head_finder(self) -> HeadFinder | None:
        """What finds heads, where those of any camera are to be blurred; raises ``ConfigError`` when it is not there:
        nothing may be shown then, and a person must see to it."""
        detector = self.config.settings.privacy.detector
        views = (view for camera in self.config.settings.camera for view in list_views(camera))
        if not any(self._blurs(view.tables) for view in views):
            return None
        try:
            # Without the key, which loading does not let pass, there is no such file either.
            return open_fastest_det(self.config.resolve(detector or ""))
        except DetectorError as error:
            problem = Problem(self.config.locator.line(("privacy", "detector")), "privacy.detector", str(error))
            raise ConfigError(self.config.path, [problem]) from error

    def options(self) -> AgentOptions:
        """How the agent works apart from each camera's policies."""
        settings = self.config.settings
        return AgentOptions(
            target=settings.runtime.target,
            threads=settings.runtime.threads,
            largest_gap_s=settings.sampling.largest_gap_s,
            health_interval_s=settings.health.interval_s,
            state_interval_s=settings.health.state_interval_s,
        )

    def broker(self, suffix: str = "") -> Broker:
        """The broker with its password read; ``suffix`` sets a second client's id apart. Raises ``SecretError``."""
        return self._broker(self.config.settings.mqtt, suffix)

    def fallbacks(self, suffix: str = "") -> tuple[Broker, ...]:
        """The brokers after it, in order, as ``broker``. Raises ``SecretError``."""
        return tuple(self._broker(fallback, suffix) for fallback in self.config.settings.mqtt.fallback)

    def _broker(self, table: Mqtt | Fallback, suffix: str) -> Broker:
        settings = self.config.settings
        mqtt = settings.mqtt
        # A name and its password belong together: none is sent with the other's.
        account = mqtt if table.username is None else table
        transport, tls = table.transport or mqtt.transport, self._tls_files(table.tls or mqtt.tls)
        return Broker(
            host=table.host,
            port=table.port or _PORTS[transport, tls is not None],
            client_id=f"nexara-{settings.site}-{settings.device}{suffix}",
            username=account.username,
            password=None if account.password is None else read_secret(account.password, self.environment),
            tls=tls,
            keepalive_s=mqtt.keepalive_s,
            transport=transport,
            path=table.path or mqtt.path,
            protocol=mqtt.protocol,
            message_expiry_s=mqtt.message_expiry_s,
        )

    def _tls_files(self, tls: TLS | None) -> TLSFiles | None:
        if tls is None:
            return None
        files = msgspec.structs.asdict(tls)
        return TLSFiles(**{name: None if file is None else self.locate(file) for name, file in files.items()})

    def delivery(self, version: str, manifest: Manifest) -> Delivery:
        """Everything delivery needs; raises ``SecretError``."""
        settings = self.config.settings
        return Delivery(
            topics=self.topics(),
            broker=self.broker(),
            spool_directory=self.config.resolve(settings.spool.directory),
            spool_limits=self.spool_limits(),
            version=version,
            bundle=BundleName(name=manifest.name, version=manifest.version),
            announcements=self._announcements(version),
            fallbacks=self.fallbacks(),
            return_after_s=settings.mqtt.return_after_s,
            drain=settings.spool.drain,
        )

    def metrics_address(self) -> str | None:
        """Where metrics are served; ``None``: nowhere."""
        metrics = self.config.settings.metrics
        return None if metrics is None else metrics.listen

    def spool_limits(self) -> SpoolLimits:
        spool = self.config.settings.spool
        return SpoolLimits(int(spool.max_megabytes * 1_000_000), spool.max_age_hours * 3600)

    def topics(self) -> Topics:
        """Where on the broker the device is."""
        return Topics(self.config.settings.site, self.config.settings.device)

    def state_directory(self) -> Path:
        """Where the agent keeps what it was told by command."""
        return self.config.resolve(self.config.settings.spool.directory) / "commands"

    def commands(self) -> CommandOptions | None:
        """Which commands are taken, and from whom; ``None``: none. Raises ``SecretError``."""
        commands = self.config.settings.commands
        if commands is None:
            return None
        topics = self.topics()
        return CommandOptions(
            topics=topics,
            allow=frozenset(commands.allow),
            operators={
                operator.name: Signer(
                    self._key(operator.key),
                    frozenset(commands.allow if operator.allow is None else operator.allow) & set(commands.allow),
                )
                for operator in commands.operator
            },
            limits=CommandLimits(
                commands.window_s, commands.max_bytes, commands.longest_mute_s, commands.restart_after_s
            ),
            answers=commands.answers or topics.answers,
        )

    def locate(self, file: str) -> Path:
        """Where a file of the configuration is, or a credential; raises ``SecretError`` where nothing says so."""
        kind, _, name = file.partition(":")
        return find_credential(name, self.environment) if kind == "credential" else self.config.resolve(file)

    def _key(self, reference: str) -> bytes:
        key = read_secret(reference, self.environment).encode()
        if len(key) < SHORTEST_KEY:
            raise SecretError(
                f"{reference}: found a key of {len(key)} bytes; allowed are {SHORTEST_KEY} or more, such as"
                " `openssl rand -hex 32` makes"
            )
        return key

    def clips(self, manifest: Manifest) -> ClipOptions | None:
        """Where and how clips are kept; ``None`` where none are."""
        clips = self.config.settings.clips
        if clips is None:
            return None
        return ClipOptions(
            directory=self.config.resolve(clips.directory),
            bundle=BundleName(name=manifest.name, version=manifest.version),
            clips=ClipPolicy(clips.before_s, clips.after_s, clips.longest_s),
            keep=KeepPolicy(int(clips.max_megabytes * 1_000_000), clips.max_age_hours * 3600, clips.max_count),
        )

    def _announcements(self, version: str) -> tuple[Message, ...]:
        settings = self.config.settings
        wanted = settings.mqtt.home_assistant
        if wanted is None:
            return ()
        views = [view.id for camera in settings.camera for view in list_views(camera)]
        return HomeAssistant(self.topics(), version, wanted.prefix).announce(views)

    def _blurs(self, tables: Sequence[Watched]) -> bool:
        """Whether heads are blurred, by the nearest of ``tables`` that says so, else by ``[privacy]``."""
        own = next((table.faces for table in tables if table.faces is not None), self.config.settings.privacy.faces)
        return own == "blur"

    def _cover(self, tables: Sequence[Watched], finder: HeadFinder | None) -> Cover:
        return Cover(tables[0].zones, tables[0].masks, finder if self._blurs(tables) else None)

    def _address(self, camera: Camera) -> str:
        if camera.password is None:
            return anchor(camera.source, self.config.path.absolute().parent)
        return insert_password(camera.source, camera.password, self.environment)


def _source_options(camera: Camera) -> SourceOptions:
    return SourceOptions(
        loop=camera.loop,
        realtime=camera.realtime,
        transport=camera.transport,
        decode=camera.decode,
        open_timeout_s=camera.open_timeout_s,
        read_timeout_s=camera.read_timeout_s,
    )
