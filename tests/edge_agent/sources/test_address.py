from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.sources.address import anchor, redact, split_address
from edge_agent.sources.opening import check_address
from edge_agent.sources.source import SourceUriError


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("rtsp://10.0.0.2/stream", "rtsp://10.0.0.2/stream"),
        ("rtsp://admin:secret@10.0.0.2:554/a?b=1", "rtsp://***@10.0.0.2:554/a?b=1"),
        ("rtsp://admin:p@ss/wo?rd#1@cam/stream", "rtsp://***@cam/stream"),
        ("rtsp://cam/live?user=admin&password=x1&channel=2", "rtsp://cam/live?user=***&password=***&channel=2"),
        ("rtsp://cam/live?channel=2&Access_Token=abc", "rtsp://cam/live?channel=2&Access_Token=***"),
        ("https://bob:s3@cam/mjpg?pwd=a b&x=1", "https://***@cam/mjpg?pwd=***&x=1"),
        ("http://cam/snap.cgi?loginuse=bob&loginpas=s3", "http://cam/snap.cgi?loginuse=***&loginpas=***"),
        (
            "gstreamer:rtspsrc location=rtsp://b:s3@cam/x ! decodebin",
            "gstreamer:rtspsrc location=rtsp://***@cam/x ! decodebin",
        ),
        ('gstreamer:rtspsrc user-id=bob user-pw="a b" ! x', "gstreamer:rtspsrc user-id=*** user-pw=*** ! x"),
        ("file:/videos/a@b.mp4", "file:/videos/a@b.mp4"),
        ("/videos/yard.mp4", "/videos/yard.mp4"),
    ],
)
def test_redact_hides_credentials_when_address_holds_some(uri: str, shown: str) -> None:
    assert redact(uri) == shown


@settings(max_examples=50)
@given(st.text(min_size=1), st.text(min_size=1))
def test_redact_leaks_nothing_when_password_is_any_text(user: str, password: str) -> None:
    shown = redact(f"rtsp://{user}:{password}@192.168.0.1/live")
    assert shown == "rtsp://***@192.168.0.1/live"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("RTSP://cam/x", ("rtsp", "//cam/x")),
        ("file:a:b.mp4", ("file", "a:b.mp4")),
        ("/videos/a:b.mp4", ("", "/videos/a:b.mp4")),
        ("yard.mp4", ("", "yard.mp4")),
        ("v4l2:/dev/video0", ("v4l2", "/dev/video0")),
        ("screen::0.0", ("screen", ":0.0")),
        ("gstreamer:rtspsrc location=rtsp://cam", ("gstreamer", "rtspsrc location=rtsp://cam")),
    ],
)
def test_split_finds_scheme_when_there_is_one(uri: str, expected: tuple[str, str]) -> None:
    assert split_address(uri) == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("yard.mp4", "/etc/nexara/yard.mp4"),
        ("file:clips/yard.mp4", "file:/etc/nexara/clips/yard.mp4"),
        ("folder:clips", "folder:/etc/nexara/clips"),
        ("file:/srv/yard.mp4", "file:/srv/yard.mp4"),
        ("/srv/yard.mp4", "/srv/yard.mp4"),
        ("file:///srv/yard.mp4", "file:///srv/yard.mp4"),
        ("rtsp://host/stream", "rtsp://host/stream"),
        ("v4l2:/dev/video0", "v4l2:/dev/video0"),
        ("scene:yard?seed=1", "scene:yard?seed=1"),
        ("http://host/live.m3u8", "http://host/live.m3u8"),
        ("gstreamer:videotestsrc ! identity", "gstreamer:videotestsrc ! identity"),
        ("screen::0.0+1,2", "screen::0.0+1,2"),
    ],
)
def test_anchor_moves_only_a_relative_path(uri: str, expected: str) -> None:
    assert anchor(uri, Path("/etc/nexara")) == expected


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        (
            "ftp://u:p4ss@host/a.mp4",
            "unknown scheme 'ftp'; allowed are a plain path and file:, folder:, gstreamer:, http:",
        ),
        ("", "names nothing"),
        ("file:", "names nothing"),
        ("rtsp://", "names nothing"),
        ("scene:moon", "choose one of yard, corridor, wall"),
        ("scene:yard?fight=x", "no list of times"),
    ],
)
def test_check_refuses_address_when_it_cannot_be_understood(uri: str, message: str) -> None:
    with pytest.raises(SourceUriError, match=message) as raised:
        check_address(uri)
    assert "p4ss" not in str(raised.value)
