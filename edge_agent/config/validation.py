"""Every fault of a configuration at once; a decoder alone stops at the first."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from edge_agent.config.errors import Problem
from edge_agent.config.locator import KeyPath, Locator
from edge_agent.config.settings import Settings


def find_problems(document: dict[str, Any], locator: Locator, form: type[msgspec.Struct] = Settings) -> list[Problem]:
    """Every difference between a parsed document and the form that ``form`` gives."""
    found = _check_struct(document, inspect.type_info(form), ())
    return [Problem(locator.line(path), write_key(path), text) for path, text in found]


def write_key(path: KeyPath) -> str:
    """A path as a person would write it: ``camera[1].source``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _check(value: Any, type_: inspect.Type, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:  # noqa: ANN401 raw TOML
    description, secret = "", False
    while isinstance(type_, inspect.Metadata | inspect.UnionType):
        if isinstance(type_, inspect.Metadata):
            description = description or (type_.extra_json_schema or {}).get("description", "")
            secret = secret or bool((type_.extra or {}).get("secret"))
            type_ = type_.type
        else:
            type_ = next(one for one in type_.types if not isinstance(one, inspect.NoneType))
    if isinstance(type_, inspect.StructType):
        yield from _check_struct(value, type_, path)
    elif isinstance(type_, inspect.VarTupleType):
        yield from _check_array(value, type_, path)
    elif isinstance(type_, inspect.TupleType):
        yield from _check_row(value, type_, path, description)
    elif not _fits(value, type_):
        found = "a value that is no reference (not shown)" if secret else _show(value)
        yield path, f"found {found}; allowed is {description or _describe(type_)}"


def _check_struct(value: Any, type_: inspect.Type, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:  # noqa: ANN401 raw
    if not isinstance(type_, inspect.StructType) or not isinstance(value, dict):
        yield path, f"found {_show(value)}; allowed is a table"
        return
    fields = {field.encode_name: field for field in type_.fields}
    for key, inner in value.items():
        if key in fields:
            yield from _check(inner, fields[key].type, (*path, key))
        else:
            near = difflib.get_close_matches(key, fields, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"allowed here are {', '.join(fields)}"
            yield (*path, key), f"unknown key; {hint}"
    for name, field in fields.items():
        if field.required and name not in value:
            yield (*path, name), f"missing; needed is {_describe(field.type)}"


def _check_array(value: Any, type_: inspect.VarTupleType, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:  # noqa: ANN401 raw
    least, most = type_.min_length or 0, type_.max_length or math.inf
    if not isinstance(value, list):
        yield path, f"found {_show(value)}; allowed is {_describe(type_)}"
    elif not least <= len(value) <= most:
        yield path, f"found {len(value)} of them; allowed are {least} to {most:g}"
    else:
        for index, inner in enumerate(value):
            yield from _check(inner, type_.item_type, (*path, index))


def _check_row(value: Any, type_: inspect.TupleType, path: KeyPath, allowed: str) -> Iterator[tuple[KeyPath, str]]:  # noqa: ANN401 raw
    if not isinstance(value, list) or len(value) != len(type_.item_types):
        found = f"an array of {len(value)}" if isinstance(value, list) else _show(value)
        yield path, f"found {found}; allowed is {allowed}"
        return
    for index, (inner, inner_type) in enumerate(zip(value, type_.item_types, strict=True)):
        yield from _check(inner, inner_type, (*path, index))


def _fits(value: Any, type_: inspect.Type) -> bool:  # noqa: ANN401 raw TOML
    if isinstance(type_, inspect.BoolType):
        return isinstance(value, bool)
    if isinstance(type_, inspect.LiteralType):
        return value in type_.values
    if isinstance(type_, inspect.StrType):
        return (
            isinstance(value, str)
            and len(value) >= (type_.min_length or 0)
            and (type_.pattern is None or re.search(type_.pattern, value) is not None)
        )
    if isinstance(type_, inspect.IntType | inspect.FloatType):
        kinds = int if isinstance(type_, inspect.IntType) else int | float
        return isinstance(value, kinds) and not isinstance(value, bool) and _in_range(value, type_)
    raise TypeError(f"the configuration has a type that is not checked: {type_}")


def _in_range(value: float, type_: inspect.IntType | inspect.FloatType) -> bool:
    return (
        math.isfinite(value)
        and (type_.ge is None or value >= type_.ge)
        and (type_.gt is None or value > type_.gt)
        and (type_.le is None or value <= type_.le)
        and (type_.lt is None or value < type_.lt)
    )


def _describe(type_: inspect.Type) -> str:
    if isinstance(type_, inspect.Metadata):
        return (type_.extra_json_schema or {}).get("description") or _describe(type_.type)
    if isinstance(type_, inspect.BoolType):
        return "true or false"
    if isinstance(type_, inspect.LiteralType):
        return "one of " + ", ".join(repr(value) for value in type_.values)
    if isinstance(type_, inspect.IntType | inspect.FloatType):
        noun = "a whole number" if isinstance(type_, inspect.IntType) else "a number"
        low = f"above {type_.gt:g}" if type_.gt is not None else f"from {type_.ge:g}" if type_.ge is not None else ""
        high = f"to {type_.le}" if type_.le is not None else ""
        return " ".join(part for part in (noun, low, high) if part)
    if isinstance(type_, inspect.VarTupleType):
        return "at least one [[table]]" if type_.min_length else "an array"
    return "a table" if isinstance(type_, inspect.StructType) else "text that is not empty"


def _show(value: Any) -> str:  # noqa: ANN401 raw TOML
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)
