"""Where keys stand in a TOML source."""

from __future__ import annotations

import pytest

from edge_agent.config.locator import KeyPath, Locator

SOURCE = '''\
# site = "not this one"
site = "school"   # comment with [brackets] = 1
text = """
device = "inside a string"
[mqtt]
"""
device = 'gate'

[mqtt]
host = "a = b"
tls = { ca = "ca.pem", key = "k" }
[mqtt.more]
keys = [
  "one",  # ]
  "two = 2",
]
after = 1

[[camera]]
id = "yard"
source."dotted key" = 3

[[ camera ]]
id = "door"
[camera.inner]
x = 1
[[camera]]
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("site",), 2),
        (("text",), 3),
        (("device",), 7),
        (("mqtt",), 9),
        (("mqtt", "host"), 10),
        (("mqtt", "tls"), 11),
        (("mqtt", "tls", "ca"), 11),
        (("mqtt", "absent"), 9),
        (("mqtt", "more", "keys"), 13),
        (("mqtt", "more", "keys", 1), 13),
        (("mqtt", "more", "after"), 17),
        (("camera", 0), 19),
        (("camera", 0, "id"), 20),
        (("camera", 0, "source", "dotted key"), 21),
        (("camera", 1), 23),
        (("camera", 1, "id"), 24),
        (("camera", 1, "inner", "x"), 26),
        (("camera", 2), 27),
        (("camera", 2, "id"), 27),
        (("nowhere",), 1),
    ],
)
def test_line_is_found_when_key_or_its_table_is_there(path: KeyPath, line: int) -> None:
    assert Locator(SOURCE).line(path) == line


def test_line_is_one_when_source_is_empty() -> None:
    assert Locator("").line(("site",)) == 1
