from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from benchmarks.alarm_tally import Seen, by_place, operate, tally
from benchmarks.false_alarms import ALERTS, HOLDS_S, OptionError, Result, describe, main, measure
from benchmarks.films import Drawing, Film, FilmError, draw, find_footage
from benchmarks.replay import Incident, Watched
from edge_agent.camera_policies import CameraPolicies
from models.bundle import Bundle
from models.manifest import Thresholds
from scenes import Interval, write_streams

POLICIES = CameraPolicies(Thresholds(wake=0.2, alert=0.6, clear=0.4))


def seen(place: str, *incidents: Incident, fights: tuple[Interval, ...] = (), seconds: float = 1800.0) -> Seen:
    return Seen(Film(Path("x.mp4"), place, fights), (Watched(incidents, 10, seconds / 4, seconds),))


def test_alarms_are_counted_for_each_place_and_hour() -> None:
    films = [seen("yard", Incident(1, 2, 3), Incident(9, 10, 11)), seen("hall"), seen("yard", Incident(4, 5, 6))]
    whole = tally("all", films)
    assert (whole.alarms, whole.hours, whole.per_hour.value, whole.awake) == (3, 1.5, 2.0, 0.25)
    assert [(one.place, one.alarms, one.hours) for one in by_place(films)] == [("hall", 0, 0.5), ("yard", 3, 1.0)]


@pytest.mark.parametrize(
    ("incident", "delay"),
    [
        (Incident(10.2, 10.5, 14.0), 0.5),
        (Incident(7.0, 8.0, 12.0), 0.0),
        (Incident(15.0, 15.9, 20.0), 5.9),
        (Incident(2.0, 3.0, 9.0), None),
        (Incident(15.5, 16.5, 20.0), None),
    ],
    ids=["in time", "already on", "just after", "over before", "too late"],
)
def test_a_fight_is_found_when_an_incident_is_told_of_it(incident: Incident, delay: float | None) -> None:
    fight = seen("yard", incident, fights=(Interval(10.0, 15.0),))
    found = operate(0, POLICIES, [seen("yard")], [seen("vtest", Incident(1, 2, 3))], [fight])
    assert (found.found, found.fights) == (int(delay is not None), 1)
    assert found.delay_s == (None if delay is None else pytest.approx(delay))
    assert (found.alarms, found.footage_alarms) == (0, 1)


def test_every_film_is_watched_under_every_policy(tiny: Bundle, tmp_path: Path) -> None:
    calm = write_streams(tmp_path / "calm", 1, 5.0, 1, fight=False, fps=10, size=(64, 64))
    fights = write_streams(tmp_path / "fight", 1, 5.0, 2, fps=10, size=(64, 64))
    result = measure(
        tiny,
        [Film(path, "yard") for path in calm],
        find_footage(calm[0].parent),
        [Film(fights[0], "yard", (Interval(0.0, 5.0),))],
        7,
    )
    assert [(one.place, round(one.hours * 3600, 1)) for one in result.places] == [
        ("all scenes", 4.9),
        ("yard", 4.9),
        ("stream-000000.mp4", 4.9),
    ]
    assert result.shipped.thresholds == tiny.manifest.calibration.thresholds
    assert [(one.thresholds.alert, one.start_hold_s) for one in result.curve] == [
        (alert, hold) for alert in ALERTS for hold in HOLDS_S
    ]
    held = {(one.thresholds.alert, one.start_hold_s): one.alarms for one in result.curve}
    assert all(held[alert, 0.3] >= held[alert, 3.0] for alert in ALERTS)
    assert held[0.5, 0.3] > held[0.98, 0.3] == 0
    lines = list(describe(msgspec.json.decode(msgspec.json.encode(result), type=Result)))
    assert sum(line.startswith("|") for line in lines) == 5 + 3 + sum(one.found > 0 for one in result.curve)


def test_drawn_films_say_where_they_are_and_are_kept(tmp_path: Path) -> None:
    told: list[str] = []
    films = draw(Drawing(2, 0.6, 3, fight=False), tmp_path, told.append)
    assert told == ["calm scene 1 of 2 drawn", "calm scene 2 of 2 drawn"]
    assert {one.place.split(" by ")[1] for one in films} <= {"day", "night"}
    assert [one.fights for one in films] == [(), ()]
    written = [one.path.stat().st_mtime_ns for one in films]
    assert [
        one.path.stat().st_mtime_ns for one in draw(Drawing(2, 0.6, 3, fight=False), tmp_path, told.append)
    ] == written


def test_what_cannot_be_measured_is_refused(tiny_bundle_directory: Path, tmp_path: Path) -> None:
    with pytest.raises(FilmError, match="no video found"):
        find_footage(tmp_path)
    with pytest.raises(OptionError, match="--scene-hours 0 "):
        main(["--bundle", str(tiny_bundle_directory), "--scene-hours", "0"])
