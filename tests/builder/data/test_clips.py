from __future__ import annotations

from pathlib import Path

import pytest

from builder.data.clips import find_clips, require_both_classes
from builder.errors import DataError
from tests.builder import tiny_clips


def write(directory: Path, table: str | bytes) -> Path:
    content = table if isinstance(table, bytes) else table.encode()
    (directory / "clips.csv").write_bytes(content)
    return directory


def test_table_gives_its_clips_in_its_order_with_their_sources(tmp_path: Path) -> None:
    write(tmp_path, "label,clip,source,remark\nnoFight,b.mp4,gate,x\nfight,sub/a.mp4,yard,\n")
    found = find_clips(tmp_path)
    assert found.sources_known
    assert [(clip.name, clip.label, clip.source, clip.fight) for clip in found.clips] == [
        ("b.mp4", "noFight", "gate", False),
        ("sub/a.mp4", "fight", "yard", True),
    ]
    assert found.clips[1].path == tmp_path / "sub" / "a.mp4"


def test_table_is_read_when_a_spreadsheet_wrote_it(tmp_path: Path) -> None:
    write(tmp_path, b'\xef\xbb\xbfclip,label,source\r\n"a,1.mp4",fight,s\r\n')
    assert [clip.name for clip in find_clips(tmp_path).clips] == ["a,1.mp4"]


def test_table_wins_over_the_tree_when_both_are_there(tmp_path: Path) -> None:
    tiny_clips.write_table(tmp_path, fights=2, calm=1, sources=3)
    write(tmp_path, "clip,label,source\nfight/f1.mp4,fight,yard\n")
    assert [clip.name for clip in find_clips(tmp_path).clips] == ["fight/f1.mp4"]


def test_clips_are_each_their_own_source_when_the_table_names_none(tmp_path: Path) -> None:
    write(tmp_path, "clip,label\nfight/a.mp4,fight\nb.mp4,noFight\n")
    found = find_clips(tmp_path)
    assert not found.sources_known
    assert [(clip.name, clip.source) for clip in found.clips] == [("fight/a.mp4", "fight/a.mp4"), ("b.mp4", "b.mp4")]


def test_tree_makes_each_clip_its_own_source_and_passes_over_other_files(tmp_path: Path) -> None:
    for name in ("fight/b.mp4", "fight/A.AVI", "fight/notes.txt", "noFight/a.mkv", "other/c.mp4", "d.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_clips(tmp_path)
    assert not found.sources_known
    assert [(clip.name, clip.source) for clip in found.clips] == [
        ("fight/A.AVI", "fight/A"),
        ("fight/b.mp4", "fight/b"),
        ("noFight/a.mkv", "noFight/a"),
    ]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("clip,source\na.mp4,yard\n", r"column label missing; the columns are clip, label, source"),
        ("", r"column clip, label missing"),
        ("clip,label,source\n", r"no clips found"),
        ("clip,label,source\na.mp4,Fight,s\n", r"clips\.csv:2: label 'Fight' found, allowed are fight and noFight"),
        ("clip,label,source\na.mp4,fight,s\nb.mp4\n", r"clips\.csv:3: label None found"),
        ("clip,label,source\na.mp4,fight\n", r"clips\.csv:2: a\.mp4 has no source"),
        ("clip,label,source\na.mp4,fight,\n", r"clips\.csv:2: a\.mp4 has no source"),
        ("label,source,clip\nfight,s\n", r"clips\.csv:2: no clip named"),
        ("clip,label,source\n,fight,s\n", r"clips\.csv:2: no clip named"),
        ("clip,label,source\na.mp4,fight,s\na.mp4,fight,s\n", r"a\.mp4 is listed twice"),
        ("clip,label,source\na.mp4,fight,s\n./a.mp4,noFight,t\n", r"\./a\.mp4 is listed twice"),
        ("clip,label,source\n../a.mp4,fight,s\n", r"clips\.csv:2: \.\./a\.mp4 lies outside"),
        ("clip,label,source\n/etc/passwd,fight,s\n", r"clips\.csv:2: /etc/passwd lies outside"),
        (b"clip,label,source\n\xff\xfe.mp4,fight,s\n", r"clips\.csv: cannot be read .* CSV file in UTF-8"),
        (b"clip,label,source\na\x00.mp4,fight,s\n", r"clips\.csv"),
    ],
)
def test_one_clear_error_when_the_table_is_wrong(tmp_path: Path, table: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        find_clips(write(tmp_path, table))


def test_clip_is_refused_when_a_link_leads_it_out_of_the_folder(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.mp4").touch()
    (inside / "a.mp4").symlink_to(tmp_path / "secret.mp4")
    with pytest.raises(DataError, match="lies outside"):
        find_clips(write(inside, "clip,label,source\na.mp4,fight,s\n"))


@pytest.mark.parametrize(
    ("missing", "message"),
    [(True, "no such folder; give a folder with"), (False, "no clips found; expected clips.csv")],
)
def test_one_clear_error_when_the_folder_has_nothing(tmp_path: Path, missing: bool, message: str) -> None:
    with pytest.raises(DataError, match=message):
        find_clips(tmp_path / "absent" if missing else tmp_path)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (("fight", "noFight"), None),
        (("fight", "fight"), "no clips labelled noFight among 2"),
        (("noFight",), "no clips labelled fight among 1"),
        ((), "no clips labelled fight or noFight among 0"),
    ],
)
def test_both_classes_are_required(tmp_path: Path, labels: tuple[str, ...], message: str | None) -> None:
    rows = "".join(f"{number}.mp4,{label},s\n" for number, label in enumerate(labels))
    clips = find_clips(write(tmp_path, f"clip,label,source\n{rows}")).clips if rows else ()
    if message is None:
        require_both_classes(clips, tmp_path)
    else:
        with pytest.raises(DataError, match=message):
            require_both_classes(clips, tmp_path)
