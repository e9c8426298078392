"""From a TOML file to settings that can be relied on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from edge_agent.config.errors import ConfigError, Problem
from edge_agent.config.locator import KeyPath, Locator
from edge_agent.config.settings import Clips, Settings
from edge_agent.config.validation import find_problems, write_key
from edge_agent.config.walls import find_wall_faults
from edge_agent.sources import check_address, find_network_address, names_password
from edge_agent.sources.source import SourceUriError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class Config:
    """A valid configuration and the file it came from; relative paths start at that file's folder. ``document`` is what
    stands in the file, where ``settings`` may also have what was changed by command."""

    path: Path
    settings: Settings
    locator: Locator
    document: dict[str, Any] = field(repr=False)

    @property
    def written(self) -> Settings:
        """The settings of the file alone."""
        return msgspec.convert(self.document, Settings)

    def resolve(self, path: str) -> Path:
        """A path of the configuration as one that can be opened from anywhere."""
        return self.path.absolute().parent / path


def load_config(path: Path) -> Config:
    """Read and check a configuration; raises ``ConfigError`` with every problem in it."""
    document, locator = read_document(path)
    check_document(path, document, locator)
    return Config(path, msgspec.convert(document, Settings), locator, document)


def read_document(path: Path) -> tuple[dict[str, Any], Locator]:
    """Read a TOML file; raises ``ConfigError`` when it is none."""
    try:
        source = path.read_text(encoding="utf-8")
        document = tomllib.loads(source)
    except OSError as error:
        raise ConfigError(
            path, [Problem(1, "", f"cannot be read: {error.strerror}; give the configuration's path")]
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(path, [Problem(1, "", f"not UTF-8 text: {error}; save it as UTF-8")]) from error
    # Besides the parser's own error: a number of thousands of digits, and tables thousands deep.
    except (ValueError, RecursionError) as error:
        raise ConfigError(path, [_syntax_problem(error, source)]) from error
    return document, Locator(source)


def check_document(path: Path, document: dict[str, Any], locator: Locator) -> None:
    """Raise ``ConfigError`` with every problem in a parsed ``document`` of ``path``."""
    problems = find_problems(document, locator) + [
        Problem(locator.line(place), write_key(place), text) for place, text in _find_contradictions(document)
    ]
    if problems:
        raise ConfigError(path, problems)


def _syntax_problem(error: Exception, source: str) -> Problem:
    text = str(error)
    where = text.rpartition("(at line ")[2].partition(",")[0]
    line = int(where) if where.isdigit() else source.count("\n") + 1
    return Problem(line, "", f"not TOML: {text}; see toml.io for its form")


def _find_contradictions(document: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """What is wrong between keys that are each well-formed; malformed ones are told elsewhere."""
    cameras = document.get("camera")
    cameras = cameras if isinstance(cameras, list) else []
    yield from find_wall_faults(cameras)
    for index, camera in enumerate(cameras):
        if isinstance(camera, dict):
            yield from _check_source(camera, ("camera", index))
    for path, watched in _list_watched(cameras):
        yield from _check_order(watched, path)
    yield from _check_order(document.get("thresholds"), ("thresholds",))
    yield from _check_mqtt(document.get("mqtt"))
    yield from _check_clips(document.get("clips"))
    yield from _check_commands(document.get("commands"))
    yield from _check_privacy(document.get("privacy"), cameras)
    yield from _check_updates(document.get("updates"))


def _list_watched(cameras: list[Any]) -> Iterator[tuple[KeyPath, Any]]:
    """Each camera's table and those of its cells."""
    for index, camera in enumerate(cameras):
        yield ("camera", index), camera
        cells = camera.get("cell") if isinstance(camera, dict) else None
        for number, cell in enumerate(cells if isinstance(cells, list) else []):
            yield ("camera", index, "cell", number), cell


def _check_order(table: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:  # noqa: ANN401 raw TOML
    alert, clear = (table.get("alert"), table.get("clear")) if isinstance(table, dict) else (None, None)
    if isinstance(alert, int | float) and isinstance(clear, int | float) and clear > alert:
        yield (*path, "clear"), f"found {clear} above alert = {alert}; allowed is at most the alert threshold"


def _check_source(camera: dict[str, Any], path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    source = camera.get("source")
    if not isinstance(source, str):
        return
    try:
        address = urlsplit(find_network_address(source))
    except ValueError as error:
        yield (*path, "source"), f"not an address: {error}; allowed is for example 'rtsp://user@camera.local/stream'"
        return
    if address.password is not None or names_password(source):
        advice = "leave only the user there, rtsp://user@host/stream, and give password = 'file:/path' beside it"
        yield (*path, "source"), f"found a password inside the address (not shown); {advice}"
    elif "password" in camera and not address.username:
        yield (
            (*path, "password"),
            "found a password but no user in source; write the user there, rtsp://user@host/stream",
        )
    try:
        check_address(source)
    except SourceUriError as error:
        yield (*path, "source"), str(error)


def _check_mqtt(mqtt: Any) -> Iterator[tuple[KeyPath, str]]:  # noqa: ANN401 raw TOML
    if not isinstance(mqtt, dict):
        return
    fallbacks = mqtt.get("fallback")
    fallbacks = fallbacks if isinstance(fallbacks, list) else []
    tables: list[tuple[KeyPath, Any]] = [(("mqtt",), mqtt)]
    tables += [(("mqtt", "fallback", index), fallback) for index, fallback in enumerate(fallbacks)]
    for place, table in tables:
        if not isinstance(table, dict):
            continue
        if "password" in table and "username" not in table:
            yield (*place, "password"), "found a password without a username; add username"
        tls = table.get("tls")
        if isinstance(tls, dict) and ("certificate" in tls) != ("key" in tls):
            yield (*place, "tls"), "found only one of certificate and key; give both or none"
        if "path" in table and "websockets" not in (table.get("transport"), mqtt.get("transport")):
            yield (*place, "path"), "found a path, which only WebSockets have; add transport = 'websockets'"


def _check_clips(clips: Any) -> Iterator[tuple[KeyPath, str]]:  # noqa: ANN401 raw TOML
    if not isinstance(clips, dict):
        return
    defaults = Clips(directory=".")
    before, longest = (clips.get(key, getattr(defaults, key)) for key in ("before_s", "longest_s"))
    if isinstance(before, int | float) and isinstance(longest, int | float) and longest <= before:
        text = f"found {longest} with before_s = {before}: nothing of an incident would be seen; allowed is more"
        yield ("clips", "longest_s"), text


def _check_commands(commands: Any) -> Iterator[tuple[KeyPath, str]]:  # noqa: ANN401 raw TOML
    operators = commands.get("operator") if isinstance(commands, dict) else None
    seen: set[str] = set()
    for number, operator in enumerate(operators if isinstance(operators, list) else []):
        name = operator.get("name") if isinstance(operator, dict) else None
        if isinstance(name, str) and name in seen:
            yield (
                ("commands", "operator", number, "name"),
                f"found {name!r} again; each operator needs a name of its own",
            )
        seen.add(str(name))


def _check_updates(updates: Any) -> Iterator[tuple[KeyPath, str]]:  # noqa: ANN401 raw TOML
    if isinstance(updates, dict) and updates.get("desired") is True and "manifest" in updates:
        text = "found it beside desired = true: two that say what the device should have; give one of them"
        yield ("updates", "manifest"), text


def _check_privacy(privacy: Any, cameras: list[Any]) -> Iterator[tuple[KeyPath, str]]:  # noqa: ANN401 raw TOML
    if isinstance(privacy, dict) and "detector" in privacy:
        return
    for path, table in ((("privacy",), privacy), *_list_watched(cameras)):
        if isinstance(table, dict) and table.get("faces") == "blur":
            text = "found 'blur' without privacy.detector; give [privacy] a detector, as installing.md says under Faces"
            yield (*path, "faces"), text
