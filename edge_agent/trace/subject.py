"""What is traced: one camera of a configuration, or any source with any bundle."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge_agent.agent_options import AgentOptions
from edge_agent.backoff import BackoffPolicy
from edge_agent.bundles.choosing import current_bundle
from edge_agent.camera_spec import CameraSpec
from edge_agent.config import load_config
from edge_agent.config.plan import Plan
from edge_agent.sources import SourceOptions
from edge_agent.sources.address import split_address
from edge_agent.trace.errors import TraceError
from models.bundle import Bundle, open_bundle
from models.trust import TrustStore

_RECORDED = frozenset({"", "file", "folder", "scene"})
_RETRY = BackoffPolicy(first_s=0.2, most_s=1.0)


@dataclass(frozen=True, slots=True)
class Subject:
    """A camera, the bundle that judges it, and how the agent is to work; ``site`` and ``device`` name the topics."""

    camera: CameraSpec
    bundle: Bundle
    options: AgentOptions
    site: str = "trace"
    device: str = "trace"


def configured(path: Path, camera: str | None) -> Subject:
    """The ``camera`` of a configuration, or its first. Raises ``TraceError`` for one that is not in it, and what
    reading the configuration, its bundle and its secrets raises."""
    plan = Plan(load_config(path), os.environ)
    bundle = current_bundle(plan.shelf(), plan.open_bundle)
    cameras = {spec.id: spec for spec in plan.cameras(bundle.manifest)}
    if camera is not None and camera not in cameras:
        raise TraceError(f"{path}: has no camera {camera!r}; its cameras are {', '.join(cameras)}")
    spec = cameras[camera] if camera is not None else next(iter(cameras.values()))
    settings = plan.config.settings
    return Subject(_unpaced(spec), bundle, _to_the_end(plan.options()), settings.site, settings.device)


def bare(bundle: Path, source: str, keys: Sequence[Path]) -> Subject:
    """``source`` as the camera ``source`` with the policies that come by default; raises ``BundleError``."""
    opened = open_bundle(bundle, TrustStore.load(keys))
    return Subject(_unpaced(CameraSpec("source", source, SourceOptions())), opened, _to_the_end(AgentOptions()))


def _unpaced(spec: CameraSpec) -> CameraSpec:
    """Recordings as fast as they are judged: what a trace tells is not the pace of a film."""
    recorded = split_address(spec.source)[0] in _RECORDED
    return replace(spec, options=replace(spec.options, realtime=spec.options.realtime and not recorded))


def _to_the_end(options: AgentOptions) -> AgentOptions:
    return replace(options, stop_when_ended=True, retry=_RETRY)
