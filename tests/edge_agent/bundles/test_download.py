"""Fetching from a real HTTPS server that breaks off, lies, or sends elsewhere."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest

from edge_agent.bundles.download import Downloader, Order, redact_query
from edge_agent.bundles.errors import DownloadError, ShelfDiskError
from edge_agent.bundles.record import put_on_trial
from edge_agent.bundles.shelf import Shelf
from tests.edge_agent.delivery.mosquitto import PrivateCA, make_private_ca
from tests.edge_agent.http_server import http_server

CONTENT = bytes(np.random.default_rng(0).integers(0, 256, 700_000, np.uint8))
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Store:
    """Answers with ``content``; what it does to each request in turn is in ``faults``, then it answers well."""

    content: bytes = CONTENT
    faults: list[str] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.ranges.append(request.headers.get("Range"))
        fault = self.faults.pop(0) if self.faults else ""
        if fault.isdigit():
            request.send_error(int(fault))
        elif fault.startswith("http"):
            request.send_response(302)
            request.send_header("Location", fault)
            request.send_header("Content-Length", "0")
            request.end_headers()
        else:
            self._send(request, fault)

    def _send(self, request: BaseHTTPRequestHandler, fault: str) -> None:
        match = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range") or "")
        start = int(match[1]) if match and fault != "whole" else 0
        if start >= len(self.content):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        if fault != "unsized":
            request.send_header("Content-Length", str(len(self.content) - start))
        request.end_headers()
        left = self.content[start:]
        request.wfile.write(left[: len(left) // 2] if fault == "half" else left)


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> PrivateCA:
    return make_private_ca(tmp_path_factory.mktemp("ca"))


@dataclass
class Site:
    """A device that fetches from a store; ``pauses`` are those that it made."""

    store: Store
    directory: Path
    url: str
    ca: Path
    pauses: list[int] = field(default_factory=list)

    def fetch(self, digest: str = DIGEST, most_bytes: int = 1_000_000, ca: Path | None = None) -> Path:
        downloader = Downloader(self.directory, most_bytes, self.pauses.append, ca or self.ca, timeout_s=10.0)
        return downloader.fetch(Order(self.url, digest))


@contextmanager
def serving(store: Store, identity: PrivateCA, folder: Path) -> Iterator[Site]:
    with http_server(store.answer, identity=identity) as port:
        yield Site(store, folder / "incoming", f"https://127.0.0.1:{port}/violence.nexara?key=secret", identity.ca)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give what it made to others")
def test_the_agents_user_may_go_on_with_what_root_made(identity: PrivateCA, tmp_path: Path) -> None:
    user = 12345
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, user, user)
    shelf = Shelf(state / "bundles")
    with shelf.receiving(), serving(Store(), identity, shelf.directory) as site:
        shelf.add(site.fetch(), put_on_trial)
    made = {path.relative_to(state).as_posix(): path.stat().st_uid for path in state.rglob("*")}
    needed = [
        "bundles",
        "bundles/lock",
        "bundles/receiving.lock",
        "bundles/incoming",
        f"bundles/incoming/{DIGEST}.part",
    ]
    assert {name: made[name] for name in needed} == dict.fromkeys(needed, user)


def test_what_was_ordered_is_fetched(identity: PrivateCA, tmp_path: Path) -> None:
    with serving(Store(), identity, tmp_path) as site:
        assert site.fetch().read_bytes() == CONTENT
    assert (site.store.ranges, site.pauses) == ([None], [])


def test_a_broken_transfer_goes_on_where_it_ended(identity: PrivateCA, tmp_path: Path) -> None:
    with serving(Store(faults=["half", "503", "half"]), identity, tmp_path) as site:
        assert site.fetch().read_bytes() == CONTENT
    assert site.store.ranges == [None, "bytes=350000-", "bytes=350000-", "bytes=525000-"]
    assert site.pauses == [1, 2, 3]


def test_what_an_ended_process_left_is_continued_and_other_leftovers_go(identity: PrivateCA, tmp_path: Path) -> None:
    with serving(Store(), identity, tmp_path) as site:
        site.directory.mkdir()
        (site.directory / f"{DIGEST}.part").write_bytes(CONTENT[:123])
        (site.directory / f"{'0' * 64}.part").write_bytes(b"of another order")
        path = site.fetch()
    assert path.read_bytes() == CONTENT
    assert list(site.directory.iterdir()) == [path]
    assert site.store.ranges == ["bytes=123-"]


@pytest.mark.parametrize("link", [os.link, os.symlink], ids=["link", "symlink"])
@pytest.mark.parametrize("ranges", [True, False], ids=["continued", "anew"])
def test_what_the_agent_laid_there_is_not_written_through(
    identity: PrivateCA, tmp_path: Path, link: Callable[[Path, Path], None], ranges: bool
) -> None:
    elsewhere = tmp_path / "shadow"
    elsewhere.write_bytes(b"of root")
    with serving(Store(faults=[] if ranges else ["whole"]), identity, tmp_path) as site:
        site.directory.mkdir()
        link(elsewhere, site.directory / f"{DIGEST}.part")
        if ranges:
            with pytest.raises(ShelfDiskError, match="Too many"):
                site.fetch()
        else:
            assert site.fetch().read_bytes() == CONTENT
    assert elsewhere.read_bytes() == b"of root"


def test_a_server_that_knows_no_ranges_begins_anew(identity: PrivateCA, tmp_path: Path) -> None:
    with serving(Store(faults=["half", "whole"]), identity, tmp_path) as site:
        assert site.fetch().read_bytes() == CONTENT


def test_a_file_that_is_there_whole_is_not_sent_again(identity: PrivateCA, tmp_path: Path) -> None:
    with serving(Store(), identity, tmp_path) as site:
        site.fetch()
        assert site.fetch().read_bytes() == CONTENT
    assert site.store.ranges == [None, f"bytes={len(CONTENT)}-"]


def test_a_server_that_keeps_failing_is_given_up(identity: PrivateCA, tmp_path: Path) -> None:
    with (
        serving(Store(faults=["500"] * 9), identity, tmp_path) as site,
        pytest.raises(DownloadError, match=r"says 500.*; tried 5 times"),
    ):
        site.fetch()
    assert site.pauses == [1, 2, 3, 4]


@pytest.mark.parametrize("kept", [0, 1000])
def test_what_is_not_what_was_ordered_is_thrown_away(identity: PrivateCA, tmp_path: Path, kept: int) -> None:
    with serving(Store(content=b"x" * 5000), identity, tmp_path) as site:
        site.directory.mkdir()
        if kept:
            (site.directory / f"{DIGEST}.part").write_bytes(b"y" * kept)
        with pytest.raises(DownloadError, match="thrown away") as told:
            site.fetch()
    assert "secret" not in str(told.value)
    assert list(site.directory.iterdir()) == []


@pytest.mark.parametrize("fault", ["", "unsized"])
def test_no_more_is_taken_than_allowed(identity: PrivateCA, tmp_path: Path, fault: str) -> None:
    with (
        serving(Store(faults=[fault]), identity, tmp_path) as site,
        pytest.raises(DownloadError, match="at most 300000 are taken"),
    ):
        site.fetch(most_bytes=300_000)
    assert sum(path.stat().st_size for path in site.directory.iterdir()) <= 300_000


@pytest.mark.parametrize(
    ("fault", "told"), [("404", "says 404"), ("403", "says 403"), ("http://127.0.0.1:9/other", "not https")]
)
def test_what_will_not_pass_is_not_tried_again(identity: PrivateCA, tmp_path: Path, fault: str, told: str) -> None:
    with serving(Store(faults=[fault]), identity, tmp_path) as site, pytest.raises(DownloadError, match=told):
        site.fetch()
    assert site.pauses == []


def test_a_server_that_nobody_vouches_for_is_refused(identity: PrivateCA, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_private_ca(tmp_path / "other")
    with serving(Store(), identity, tmp_path) as site, pytest.raises(DownloadError, match=r"updates\.ca"):
        site.fetch(ca=other.ca)
    with serving(Store(), identity, tmp_path) as site, pytest.raises(DownloadError, match="no file of authorities"):
        site.fetch(ca=tmp_path / "nothing.pem")
    assert site.store.ranges == []


def test_a_server_that_is_not_there_is_given_up(identity: PrivateCA, tmp_path: Path) -> None:
    with serving(Store(), identity, tmp_path) as site:
        pass
    with pytest.raises(DownloadError, match="tried 5 times"):
        site.fetch()


def test_a_disk_that_does_not_play_along_is_told(identity: PrivateCA, tmp_path: Path) -> None:
    (tmp_path / "incoming").write_text("a file")
    with serving(Store(), identity, tmp_path) as site, pytest.raises(ShelfDiskError, match="needed: a folder"):
        site.fetch()


@pytest.mark.parametrize(
    ("url", "digest"),
    [
        ("http://host/b", DIGEST),
        ("ftp://host/b", DIGEST),
        ("file:///etc/passwd", DIGEST),
        ("https:///b", DIGEST),
        ("https://host/b", "abc"),
        ("https://host/b", "../" + DIGEST[3:]),
    ],
)
def test_orders_that_make_no_sense_are_refused(url: str, digest: str) -> None:
    with pytest.raises(DownloadError):
        Order(url, digest)


def test_addresses_are_told_without_what_gives_access() -> None:
    assert redact_query("https://me:pass@host:8443/a/b.nexara?token=x#y") == "https://host:8443/a/b.nexara"
