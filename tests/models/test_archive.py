from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from models.archive import Limits, is_safe_name, pack, read_files, read_zip
from models.errors import BundleError, BundleFormatError, BundleIntegrityError

FILES = {"artifacts/one.bin": b"one" * 100, "manifest.json": b"{}"}
SMALL = Limits(entries=3, entry=1000, total=1500, expansion=2, expansion_floor=1200)


def _write(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def _info(name: str, *, mode: int = 0, method: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = method
    return info


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "folder"


def test_read_files_gives_the_same_when_the_directory_was_packed(folder: Path, tmp_path: Path) -> None:
    assert read_files(pack(folder, tmp_path / "b.nexara")) == read_files(folder) == FILES


def test_pack_writes_the_same_bytes_when_only_times_differ(folder: Path, tmp_path: Path) -> None:
    first = pack(folder, tmp_path / "first.nexara").read_bytes()
    os.utime(folder / "manifest.json", (1, 1))
    assert pack(folder, tmp_path / "second.nexara").read_bytes() == first


def test_pack_leaves_the_old_file_when_the_directory_is_refused(folder: Path, tmp_path: Path) -> None:
    file = pack(folder, tmp_path / "b.nexara")
    (folder / "link").symlink_to("manifest.json")
    with pytest.raises(BundleFormatError):
        pack(folder, file)
    assert read_files(file) == FILES


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../up", "a/../../up", "a//b", "./a", "a/.", "..", "", "C:/windows", "a\\b", "..\\up", "a\0b"],
)
def test_is_safe_name_says_no_when_a_name_could_leave_the_bundle(name: str) -> None:
    assert not is_safe_name(name)


@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "a/../../up", "a//b", "./a", "C:/windows", "a\\b", "x\0y"])
def test_read_files_refuses_the_zip_when_a_name_is_unsafe(tmp_path: Path, name: str) -> None:
    # The name is written into the finished file: zipfile itself would tidy it.
    plain = "N" * len(name)
    path = _write(tmp_path / "b.nexara", (plain, b"x"))
    path.write_bytes(path.read_bytes().replace(plain.encode(), name.encode()))
    with pytest.raises(BundleFormatError, match="unsafe file name"):
        read_files(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([("a", b"1"), ("a", b"2")], "a occurs twice"),
        ([(_info("a", mode=stat.S_IFLNK | 0o777), b"/etc/passwd")], "a is a link"),
        ([(_info("a", mode=stat.S_IFIFO | 0o666), b"")], "a is a link or special"),
        ([(_info("a", method=zipfile.ZIP_LZMA), b"x")], "not stored or deflated"),
        ([(str(i), b"") for i in range(4)], "more than 3 files"),
        ([("a", os.urandom(1001))], "goes over"),
        ([("a", os.urandom(800)), ("b", os.urandom(800))], "goes over"),
        ([("a", bytes(900)), ("b", bytes(500))], "refused as a bomb"),
    ],
)
def test_read_zip_refuses_the_archive_when_it_holds_what_no_bundle_does(
    entries: list[tuple[str | zipfile.ZipInfo, bytes]], message: str, tmp_path: Path
) -> None:
    path = _write(tmp_path / "b.nexara", *entries)
    with path.open("rb") as stream, pytest.raises(BundleFormatError, match=message):
        read_zip(stream, "b.nexara", SMALL)


def test_read_files_refuses_the_zip_when_an_entry_is_encrypted(folder: Path, tmp_path: Path) -> None:
    path = pack(folder, tmp_path / "b.nexara")
    content = bytearray(path.read_bytes())
    # Flag bit 0 of the first entry in the central directory.
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(BundleFormatError, match="encrypted"):
        read_files(path)


def test_read_files_refuses_the_zip_when_a_header_understates_its_size(tmp_path: Path) -> None:
    path = _write(tmp_path / "b.nexara", ("a", bytes(5000)))
    content = path.read_bytes().replace((5000).to_bytes(4, "little"), (50).to_bytes(4, "little"))
    path.write_bytes(content)
    with pytest.raises(BundleIntegrityError, match="a "):
        read_files(path)


def test_read_files_skips_folder_entries_when_another_tool_wrote_them(tmp_path: Path) -> None:
    assert read_files(_write(tmp_path / "b.nexara", ("artifacts/", b""), ("artifacts/a", b"1"))) == {
        "artifacts/a": b"1"
    }


@pytest.mark.parametrize("keep", [0, 1, 10, 0.25, 0.5, 0.9, 0.99])
def test_read_files_refuses_the_zip_when_it_is_cut_short(folder: Path, tmp_path: Path, keep: float) -> None:
    path = pack(folder, tmp_path / "b.nexara")
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
    with pytest.raises(BundleFormatError, match="nor a sound"):
        read_files(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "no bundle there"),
        (lambda path: path.write_bytes(b"not a zip"), "nor a sound"),
        (lambda path: (path.mkdir(), (path / "a").symlink_to("/etc/passwd")), "a is a link"),
        (lambda path: (path.mkdir(), (path / "a").symlink_to("/etc")), "a is a link"),
        (lambda path: (path.mkdir(), os.mkfifo(path / "a")), "special file"),
        (lambda path: (path.mkdir(), [(path / str(i)).touch() for i in range(300)]), "more than 256"),
    ],
)
def test_read_files_says_what_is_wrong_when_there_is_no_bundle(
    tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    make(tmp_path / "b")
    with pytest.raises(BundleFormatError, match=message):
        read_files(tmp_path / "b")


def test_read_files_leaves_the_disk_alone_when_it_reads_a_zip(folder: Path, tmp_path: Path) -> None:
    path = pack(folder, tmp_path / "b.nexara")
    before = sorted(tmp_path.rglob("*"))
    read_files(path)
    assert sorted(tmp_path.rglob("*")) == before


def test_read_zip_raises_only_our_error_when_any_single_byte_is_changed(folder: Path, tmp_path: Path) -> None:
    whole = pack(folder, tmp_path / "b.nexara").read_bytes()
    for position in range(len(whole)):
        for flip in (0x01, 0x80, 0xFF):
            changed = bytearray(whole)
            changed[position] ^= flip
            try:
                found = read_zip(io.BytesIO(changed), "changed", Limits())
            except BundleError:
                continue
            # What is left may be a file lost or renamed, for the signature to find; never changed content.
            assert set(found.values()) <= set(FILES.values()), position
