"""From a configuration and a bundle to each camera's policies: the cell's own key, else the camera's, else the one for
all cameras, else the bundle's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from edge_agent.attention import AttentionPolicy
from edge_agent.camera_policies import CameraPolicies
from edge_agent.config.errors import ConfigError, Problem
from edge_agent.config.loading import Config
from edge_agent.config.locator import KeyPath
from edge_agent.config.settings import Settings, Watched
from edge_agent.config.validation import write_key
from edge_agent.config.walls import list_views
from edge_agent.incidents import IncidentPolicy
from edge_agent.sampling import SamplingPolicy
from edge_agent.snapshot import SnapshotPolicy
from models.manifest import Manifest, Thresholds


def resolve_policies(config: Config, manifest: Manifest) -> dict[str, CameraPolicies]:
    """Every camera's policies by its id; raises ``ConfigError`` where what the layers give makes no sense together."""
    policies: dict[str, CameraPolicies] = {}
    problems: dict[Problem, None] = {}
    for index, camera in enumerate(config.settings.camera):
        for view in list_views(camera):
            thresholds = {
                name: getattr(manifest.calibration.thresholds, name) if value is None else value
                for name, value in _choose(view.tables, config.settings.thresholds).items()
            }
            sampling, incidents = (
                _choose(view.tables, table) for table in (config.settings.sampling, config.settings.incidents)
            )
            faults = [*_check_thresholds(thresholds), *_check_rate(sampling["alert_rate_hz"], incidents)]
            path: KeyPath = ("camera", index, *view.path)
            # All cells of a grid have the fault that one has.
            problems |= dict.fromkeys(Problem(config.locator.line(path), write_key(path), text) for text in faults)
            if not faults:
                policies[view.id] = _make(config.settings, thresholds, sampling, incidents)
    if problems:
        raise ConfigError(config.path, list(problems))
    return policies


def _choose(tables: Sequence[Watched], table: msgspec.Struct) -> dict[str, Any]:
    """Each key of ``table`` from the first of ``tables`` that gives it, else its own value."""
    own = [msgspec.structs.asdict(one) for one in tables]
    return {
        name: next((one[name] for one in own if one.get(name) is not None), value)
        for name, value in msgspec.structs.asdict(table).items()
    }


def _make(
    settings: Settings, thresholds: dict[str, Any], sampling: dict[str, Any], incidents: dict[str, Any]
) -> CameraPolicies:
    return CameraPolicies(
        thresholds=Thresholds(**thresholds),
        sampling=SamplingPolicy(
            sampling["idle_interval_s"],
            sampling["alert_rate_hz"],
            sampling["full_glance_s"],
            sampling["steady_rate_hz"],
        ),
        attention=AttentionPolicy(sampling["calm_hold_s"], sampling["doubt_hold_s"]),
        incidents=IncidentPolicy(**incidents),
        snapshots=SnapshotPolicy(**msgspec.structs.asdict(settings.snapshots)),
    )


def _check_thresholds(thresholds: dict[str, float]) -> list[str]:
    clear, alert = thresholds["clear"], thresholds["alert"]
    text = (
        f"clear = {clear} is above alert = {alert} once the bundle's thresholds fill what is not given here; give both,"
        " with clear at most alert"
    )
    return [text] if clear > alert else []


def _check_rate(rate_hz: float, incidents: dict[str, Any]) -> list[str]:
    """Smoothing needs its probabilities within its span, else no incident could ever start, and nobody would know."""
    smoothing, span_s = incidents["smoothing"], incidents["smoothing_span_s"]
    needed_s = (smoothing - 1) / rate_hz
    text = (
        f"smoothing = {smoothing} samples take {needed_s:g} s at {rate_hz:g} a second, but smoothing_span_s is"
        f" {span_s:g}: no incident could start; raise alert_rate_hz or smoothing_span_s, or lower smoothing"
    )
    return [text] if needed_s >= span_s else []
