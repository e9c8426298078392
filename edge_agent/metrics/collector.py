"""From counts to metrics by Prometheus' conventions: names, units and labels. It needs the ``metrics`` extra."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import isinf
from typing import get_args

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from edge_agent.commands.figures import CommandFigures
from edge_agent.delivery.errors import SpoolError
from edge_agent.delivery.figures import DeliveryFigures
from edge_agent.events import Connection, Mode
from edge_agent.health import read_temperature
from edge_agent.metrics.about import About
from edge_agent.metrics.distribution import Distribution
from edge_agent.metrics.tally import CameraFigures, Figures, Tally

_CAMERA = ("camera",)


class Collector:
    """Gives all metrics when it is asked, from the newest figures."""

    def __init__(
        self,
        tally: Tally,
        delivery: Callable[[], DeliveryFigures],
        about: Callable[[], About],
        commands: Callable[[], CommandFigures] | None = None,
    ) -> None:
        """``delivery`` may raise ``SpoolError``: its metrics are then left out, as those of ``commands`` are where none
        are taken."""
        self._commands = commands
        self._tally = tally
        self._delivery = delivery
        self._about = about

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: all is said in ``collect``."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every metric of this moment."""
        figures = self._tally.figures()
        yield from _samples(figures)
        yield from _states(figures)
        yield from _stages(figures)
        yield from self._delivered()
        yield from self._commanded()
        yield from self._machine(figures)

    def _delivered(self) -> Iterator[Metric]:
        try:
            figures = self._delivery()
        except SpoolError:
            return
        spool, courier = figures.spool, figures.courier
        yield _gauge("nexara_broker_connected", "Whether there is a session with the broker.", figures.connected)
        reconnects = max(0, courier.sessions - 1)
        yield _counter("nexara_broker_reconnects", "Sessions with the broker after the first.", reconnects)
        yield _counter("nexara_messages_delivered", "Incidents and snapshots the broker took.", courier.delivered)
        yield _counter("nexara_messages_refused", "Messages the broker refused, each time.", courier.refusals)
        yield _gauge("nexara_spool_messages", "Incidents and snapshots on disk for the broker.", spool.messages)
        yield _gauge("nexara_spool_bytes", "Bytes of the messages on disk.", spool.bytes)
        yield _gauge("nexara_spool_refused_messages", "Messages kept aside, refused for good.", spool.refused)
        dropped = CounterMetricFamily(
            "nexara_messages_dropped", "Incidents and snapshots that nobody will see.", labels=("cause",)
        )
        dropped.add_metric(("age",), spool.dropped_by_age)
        dropped.add_metric(("size",), spool.dropped_by_size)
        dropped.add_metric(("unwritten",), spool.dropped_unwritten)
        yield dropped

    def _commanded(self) -> Iterator[Metric]:
        if self._commands is None:
            return
        figures = self._commands()
        outcomes = CounterMetricFamily(
            "nexara_commands", "Commands by what became of them.", labels=("command", "outcome")
        )
        for (command, outcome), count in sorted(figures.outcomes.items()):
            outcomes.add_metric((command, outcome), count)
        yield outcomes
        labels = GaugeMetricFamily(
            "nexara_labels", "Of the newest 100 incidents that operators labelled.", labels=("alarm",)
        )
        for alarm, count in figures.labels.items():
            labels.add_metric((alarm,), count)
        yield labels

    def _machine(self, figures: Figures) -> Iterator[Metric]:
        about = self._about()
        build = {"version": about.version, "bundle": about.bundle, "bundle_version": about.bundle_version}
        yield InfoMetricFamily("nexara_build", "The agent's version and its bundle's.", build)
        yield InfoMetricFamily("nexara_runtime", "What judges now.", {"runtime": figures.runtime})
        temperature = read_temperature()
        if temperature is not None:
            yield _gauge("nexara_temperature_celsius", "The hottest sensor of this machine.", temperature)


def make_registry(collector: Collector) -> CollectorRegistry:
    """A registry of our own with ``collector`` and the process's own figures."""
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    return registry


def _samples(figures: Figures) -> Iterator[Metric]:
    for name, text, read in (
        ("nexara_frames_read", "Frames that the source gave.", lambda one: one.frames),
        ("nexara_samples_made", "Samples made of frames.", lambda one: one.made),
        ("nexara_samples_judged", "Samples judged.", lambda one: one.judged),
        ("nexara_samples_still", "Samples judged of glances at which nothing moved.", lambda one: one.still),
        ("nexara_samples_dropped", "Samples given up because inference was behind.", lambda one: one.dropped),
        ("nexara_broken_packets", "Broken packets, frames and clips left out.", lambda one: one.broken),
        ("nexara_incidents_started", "Incidents started.", lambda one: one.seen.incidents if one.seen else 0),
    ):
        yield _by_camera(CounterMetricFamily(name, text, labels=_CAMERA), figures, read)
    latency = HistogramMetricFamily(
        "nexara_latency_seconds", "From the arrival of a sample's newest frame to its judgement.", labels=_CAMERA
    )
    for camera, one in figures.cameras.items():
        latency.add_metric((camera,), _buckets(one.latency), one.latency.total)
    yield latency
    yield HistogramMetricFamily(
        "nexara_encoder_batch_samples",
        "Samples that the encoder was given at once.",
        buckets=_buckets(figures.batches),
        sum_value=figures.batches.total,
    )
    yield _gauge("nexara_queue_samples", "Samples that wait to be judged.", figures.waiting)


def _states(figures: Figures) -> Iterator[Metric]:
    for name, text, states, read in (
        ("nexara_camera_connection", "How the camera's connection is.", get_args(Connection), "connection"),
        ("nexara_camera_mode", "Whether the camera is glanced at or looked at.", get_args(Mode), "mode"),
    ):
        family = GaugeMetricFamily(name, f"{text} 1 for the state that it is in.", labels=(*_CAMERA, read))
        for camera, one in figures.cameras.items():
            for state in states:
                family.add_metric((camera, state), float(one.seen is not None and getattr(one.seen, read) == state))
        yield family
    probability = GaugeMetricFamily("nexara_probability", "Last calibrated probability of a fight.", labels=_CAMERA)
    for camera, one in figures.cameras.items():
        if one.seen is not None and one.seen.score is not None:
            probability.add_metric((camera,), one.seen.score)
    yield probability


def _stages(figures: Figures) -> Iterator[Metric]:
    labels = (*_CAMERA, "stage")
    elapsed = CounterMetricFamily("nexara_stage_seconds", "Seconds that passed in a stage.", labels=labels)
    computed = CounterMetricFamily("nexara_stage_cpu_seconds", "Seconds that a stage's thread computed.", labels=labels)
    for (camera, stage), one in sorted(figures.stages.items()):
        elapsed.add_metric((camera, stage), one.elapsed_s)
        computed.add_metric((camera, stage), one.computed_s)
    yield elapsed
    yield computed


def _by_camera(
    family: CounterMetricFamily, figures: Figures, read: Callable[[CameraFigures], int]
) -> CounterMetricFamily:
    for camera, one in figures.cameras.items():
        family.add_metric((camera,), read(one))
    return family


def _counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, text, value)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, float(value))


def _buckets(distribution: Distribution) -> list[tuple[str, float]]:
    return [("+Inf" if isinf(bound) else str(float(bound)), float(count)) for bound, count in distribution.cumulative()]
