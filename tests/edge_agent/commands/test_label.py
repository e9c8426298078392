"""Labels are kept, bounded, and written beside the film, which leaves as before."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import msgspec
import pytest

from edge_agent.clips.facts import ClipFacts
from edge_agent.clips.policy import KeepPolicy
from edge_agent.clips.shelf import Shelf
from edge_agent.commands.errors import CommandError
from edge_agent.commands.gate import Admitted
from edge_agent.commands.label import LabelArguments, Labelling
from edge_agent.commands.labels import Label, LabelCounts, Labels
from edge_agent.delivery.payloads import BundleName
from edge_agent.state_file import StateFile

NOW = datetime(2026, 3, 1, 22, 30, tzinfo=timezone.utc)
AT = "2026-03-01T22:30:00.000Z"
FACTS = ClipFacts(
    incident="0197-a",
    camera="yard",
    started_at=AT,
    ended_at=AT,
    reason="calm",
    begins_at=AT,
    duration_s=3.0,
    codec="h264",
    peak=0.9,
    mean=0.8,
    bundle=BundleName(name="tiny", version="1.0.0"),
    cut=None,
)
ASKED = Admitted("label", "1", "ana", b"{}")
PATH = "yard/20260301T221406.900Z-0197-a.mp4"


def make_shelf(folder: Path) -> Shelf:
    shelf = Shelf(folder / "clips", KeepPolicy(max_count=1))
    shelf.part(PATH).write_bytes(b"film")
    shelf.publish(PATH, msgspec.json.encode(FACTS))
    return shelf


def make_labelling(folder: Path, shelf: Shelf | None) -> Labelling:
    return Labelling(Labels(StateFile(folder / "labels.jsonl")), shelf, lambda: NOW)


def test_label_stands_in_the_json_of_the_film_and_leaves_with_it(tmp_path: Path) -> None:
    shelf = make_shelf(tmp_path)
    arguments = LabelArguments(incident="0197-a", alarm="false", note="a game of tag")
    assert make_labelling(tmp_path, shelf).act(arguments, ASKED).clip == PATH
    facts = msgspec.json.decode((tmp_path / "clips" / PATH).with_suffix(".json").read_bytes(), type=ClipFacts)
    assert facts.label is not None
    assert (facts.label.alarm, facts.label.operator, facts.label.note) == ("false", "ana", "a game of tag")
    assert msgspec.structs.replace(facts, label=None) == FACTS
    other = PATH.replace("0197-a", "0197-b").replace("2206", "2207")
    shelf.part(other).write_bytes(b"film")
    shelf.publish(other, b"{}")
    shelf.prune(0.0)
    assert len(list((tmp_path / "clips").glob("*/*"))) == 2


@pytest.mark.parametrize("incident", ["a", "0197", "97-a", "0197-A"])
def test_film_of_another_incident_is_left_alone(tmp_path: Path, incident: str) -> None:
    # "a" ends the name of the film too, but names the part of an id.
    shelf = make_shelf(tmp_path)
    make_labelling(tmp_path, shelf).act(LabelArguments(incident=incident, alarm="true"), ASKED)
    notes = (tmp_path / "clips" / PATH).with_suffix(".json").read_bytes()
    assert msgspec.json.decode(notes, type=ClipFacts).label is None


def test_label_is_kept_though_the_json_cannot_be_read(tmp_path: Path) -> None:
    shelf = make_shelf(tmp_path)
    (tmp_path / "clips" / PATH).with_suffix(".json").write_bytes(b"{}")
    labelling = make_labelling(tmp_path, shelf)
    with pytest.raises(CommandError, match="the label is kept, but not beside the clip"):
        labelling.act(LabelArguments(incident="0197-a", alarm="true"), ASKED)
    assert Labels(StateFile(tmp_path / "labels.jsonl")).counts() == LabelCounts(true=1, false=0)


def test_oldest_labels_leave_first_and_the_newest_hundred_are_counted(tmp_path: Path) -> None:
    labels = Labels(StateFile(tmp_path / "labels.jsonl"), most=110)
    for number in range(120):
        alarm = "false" if number < 30 else "true"
        labels.add(Label(incident=str(number), alarm=alarm, at=AT, operator=None, note=None))
    assert labels.counts() == LabelCounts(true=90, false=10)
    lines = (tmp_path / "labels.jsonl").read_bytes().splitlines()
    assert len(lines) == 110
    assert msgspec.json.decode(lines[0])["incident"] == "10"
    assert Labels(StateFile(tmp_path / "labels.jsonl")).counts() == LabelCounts(true=90, false=10)


def test_labels_that_cannot_be_read_are_set_aside(tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_bytes(b"no label\n")
    assert Labels(StateFile(tmp_path / "labels.jsonl")).counts() == LabelCounts(true=0, false=0)
    assert (tmp_path / "labels.jsonl.broken").exists()
