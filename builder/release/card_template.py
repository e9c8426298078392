"""The templates of model cards, and how they write figures."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from builder.report.page import interval, megabytes, number, percent


def open_card_template(name: str, **filters: object) -> Template:
    """The Markdown template of that name beside this file, which knows figures' filters and further ones."""
    # Markdown for a reader, not markup for a browser: nothing is to be escaped.
    environment = Environment(
        loader=PackageLoader("builder.release", "."),
        autoescape=False,  # noqa: S701 - the line above
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(percent=percent, interval=interval, number=number, megabytes=megabytes, **filters)
    return environment.get_template(name)
