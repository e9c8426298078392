"""The whole path on one stage: drawn cameras, the real agent and delivery, the broker, and the separate subscriber."""

from __future__ import annotations

import time
from dataclasses import replace

import msgspec
import pytest

from edge_agent.agent_options import AgentOptions
from edge_agent.demo.ledger import Ledger
from edge_agent.demo.news import News
from edge_agent.demo.show import play
from edge_agent.demo.site import DemoCamera, make_site
from edge_agent.demo.stage import open_stage
from edge_agent.demo.stopwatch import Stopwatch
from edge_agent.demo.subscriber import subscribe
from edge_agent.demo.verdict import judge
from edge_agent.observation import Observation
from edge_agent.sources.source import SourceUriError
from models.bundle import Bundle
from models.manifest import Thresholds
from tests.edge_agent.delivery.contract import list_faults
from tests.edge_agent.delivery.heard import Heard

FIGHT_FROM_THE_START = make_site(7, fight_s=(0, 50))
LIMIT_S = 45.0


class Notes:
    """An audience that keeps everything."""

    def __init__(self) -> None:
        self.announced: list[str] = []
        self.seen: list[Observation] = []
        self.heard: list[News] = []

    def announce(self, text: str) -> None:
        self.announced.append(text)

    def watch(self, observation: Observation) -> None:
        self.seen.append(observation)

    def hear(self, news: News) -> None:
        self.heard.append(news)

    def refresh(self) -> None:
        """All is kept as it comes."""


def alarmed_by_anything(bundle: Bundle) -> Bundle:
    thresholds = Thresholds(wake=1e-9, alert=1e-9, clear=0.0)
    manifest = bundle.manifest
    calibration = msgspec.structs.replace(manifest.calibration, thresholds=thresholds)
    return replace(bundle, manifest=msgspec.structs.replace(manifest, calibration=calibration))


@pytest.mark.slow
def test_incident_reaches_the_separate_subscriber_when_the_agent_alarms(tiny: Bundle) -> None:
    stopwatch, notes, ledger = Stopwatch(time.monotonic), Notes(), Ledger(FIGHT_FROM_THE_START)
    options = AgentOptions(thumbnail_side=64)

    def finished() -> bool:
        everyone = {observation.camera for observation in notes.seen if observation.thumbnail is not None}
        done = ledger.ready and bool(ledger.detections) and len(everyone) == len(FIGHT_FROM_THE_START)
        return done or stopwatch.elapsed() > LIMIT_S

    with (
        open_stage(alarmed_by_anything(tiny), FIGHT_FROM_THE_START, options, "0.0.0", stopwatch) as stage,
        subscribe(stage.broker, "#", stopwatch.elapsed) as overheard,
    ):
        play(stage, ledger, notes, stopwatch, finished)
        told = [overheard.get() for _ in range(overheard.qsize())]
    received = [Heard(one.topic, one.payload, None, one.retained, None, {}) for one in told]
    assert [fault for one in received for fault in list_faults(one, mqtt=3)] == []
    assert received
    verdict = judge(ledger)
    assert verdict.passed, verdict.text
    assert verdict.text.startswith("incident on yard, ")
    assert [text.partition(" in ")[0] for text in notes.announced] == ["ready"]
    assert {news.camera for news in notes.heard if news.kind == "state"} == {
        camera.id for camera in FIGHT_FROM_THE_START
    }


@pytest.mark.slow
def test_failure_of_the_agent_is_raised_where_the_demo_can_tell_of_it(tiny: Bundle) -> None:
    broken = DemoCamera("yard", "nothing://here", "nothing", (), 60.0)
    stopwatch = Stopwatch(time.monotonic)
    with (
        pytest.raises(SourceUriError, match="unknown scheme"),
        open_stage(tiny, [broken], AgentOptions(), "0.0.0", stopwatch) as stage,
    ):
        play(stage, Ledger([broken]), Notes(), stopwatch, lambda: stopwatch.elapsed() > LIMIT_S)
