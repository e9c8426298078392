from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

import pytest

from edge_agent.clips.errors import ClipError
from edge_agent.clips.policy import ClipPolicy, KeepPolicy
from edge_agent.clips.shelf import Shelf, name_clip
from edge_agent.policy import PolicyError
from tests.edge_agent.delivery.samples import incident

NOW = 1_800_000_000.0
KEEP = KeepPolicy(max_bytes=10_000, max_age_s=3600.0, max_count=100)


def clip_name(number: int, camera: str = "yard") -> str:
    at = datetime.fromtimestamp(NOW - 3000 + number, timezone.utc)
    return name_clip(incident(camera=camera, incident=f"{number:04}", started_at=at))


def put(folder: Path, number: int, *, camera: str = "yard", age_s: float = 0.0, size: int = 998) -> str:
    """Publish a clip, which takes ``size`` bytes and 2 of JSON, as ``age_s`` ago."""
    path = clip_name(number, camera)
    shelf = Shelf(folder, KEEP)
    shelf.part(path).write_bytes(bytes(size))
    shelf.publish(path, b"{}")
    os.utime(folder / path, (NOW - age_s, NOW - age_s))
    return path


def kept(folder: Path) -> list[str]:
    found = sorted(str(path.relative_to(folder)) for path in folder.glob("*/*.mp4"))
    assert found == sorted(str(path.relative_to(folder).with_suffix(".mp4")) for path in folder.glob("*/*.json"))
    return found


def test_name_tells_camera_time_and_incident() -> None:
    expected = "yard/20260301T221407.250Z-0197f3a0-5f5e-7000-8000-000000000001.mp4"
    assert name_clip(incident()) == expected


def test_clip_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, KEEP)
    shelf.part(clip_name(1)).write_bytes(b"film")
    assert list(tmp_path.glob("*/*.mp4")) == []
    shelf.publish(clip_name(1), b"{}")
    assert sorted(path.name for path in tmp_path.glob("*/*")) == [
        Path(clip_name(1)).with_suffix(".json").name,
        Path(clip_name(1)).name,
    ]


@pytest.mark.parametrize(
    ("keep", "gone"),
    [
        (KEEP, 0),
        (KeepPolicy(10_000, 3600.0, 3), 2),
        (KeepPolicy(3_999, 3600.0, 100), 2),
        (KeepPolicy(4_000, 3600.0, 100), 1),
        (KeepPolicy(10_000, 25.0, 100), 2),
        (KeepPolicy(10_000, 5.0, 100), 4),
        (KeepPolicy(1, 3600.0, 100), 5),
    ],
)
def test_oldest_of_all_cameras_leave_first_until_each_limit_is_kept(
    tmp_path: Path, keep: KeepPolicy, gone: int
) -> None:
    paths = [put(tmp_path, number, camera="ab"[number % 2], age_s=40.0 - 10 * number) for number in range(5)]
    assert Shelf(tmp_path, keep).prune(NOW) == gone
    assert kept(tmp_path) == sorted(paths[gone:])
    assert Shelf(tmp_path, keep).prune(NOW) == 0


def test_clips_of_before_the_clock_was_set_do_not_age(tmp_path: Path) -> None:
    path = put(tmp_path, 1, age_s=NOW)
    assert Shelf(tmp_path, KEEP).prune(NOW) == 0
    assert kept(tmp_path) == [path]


def test_only_clips_are_ever_removed(tmp_path: Path) -> None:
    put(tmp_path, 1)
    others = [tmp_path / "yard" / name for name in ("holiday.mp4", "holiday.mp4.part", "notes.json")]
    others.append(tmp_path / Path(clip_name(2)).name)
    for other in others:
        other.write_text("mine")
    shelf = Shelf(tmp_path, KeepPolicy(1, 1.0, 1))
    shelf.tidy()
    assert shelf.prune(NOW + 10) == 1
    assert all(other.read_text() == "mine" for other in others)


def test_leftovers_are_removed_and_whole_clips_stay(tmp_path: Path) -> None:
    path = put(tmp_path, 1)
    shelf = Shelf(tmp_path, KEEP)
    shelf.part(clip_name(2)).write_bytes(b"half a film")
    shelf.tidy()
    assert kept(tmp_path) == [path]
    assert list(tmp_path.rglob("*.part")) == []


def test_error_names_folder_and_key_when_a_file_is_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "clips").write_text("")
    shelf = Shelf(tmp_path / "clips", KEEP)
    with pytest.raises(ClipError, match=r"clips\.directory must be a folder that the agent may write"):
        shelf.tidy()
    with pytest.raises(ClipError, match=r"clips/yard: Not a directory; clips\.directory must be"):
        shelf.part(clip_name(1))


@pytest.mark.parametrize("figures", [(-1.0, 1.0, 10.0), (1.0, -1.0, 10.0), (5.0, 5.0, 5.0), (0.0, 0.0, float("nan"))])
def test_policy_that_makes_no_sense_is_refused(figures: tuple[float, float, float]) -> None:
    with pytest.raises(PolicyError, match="clips: found before_s"):
        ClipPolicy(*figures)
