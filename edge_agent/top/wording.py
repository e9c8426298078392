"""The words and figures of a picture, for a table of any kind."""

from __future__ import annotations

from datetime import timedelta

from edge_agent.top.picture import CameraRow, Picture

HEADINGS = ("camera", "connection", "mode", "score", "samples/s", "dropped", "p50 ms", "p99 ms", "incidents")


def cells(row: CameraRow) -> tuple[str, ...]:
    """One camera's cells below ``HEADINGS``."""
    return (
        row.camera,
        row.connection or "-",
        row.mode or "-",
        _figure(row.score, 2),
        f"{row.samples_per_s:.1f}",
        str(row.dropped),
        _figure(row.p50_ms, 0),
        _figure(row.p99_ms, 0),
        str(row.incidents),
    )


def facts(picture: Picture) -> tuple[tuple[str, str], ...]:
    """What there is to say of the box, as names and texts."""
    stages = ", ".join(f"{stage} {share:.1%}" for stage, share in picture.shares)
    broker = "connected" if picture.broker_connected else "away"
    spool = f"{picture.spool_messages} message(s), {picture.spool_bytes / 1e6:.2f} MB"
    return (
        ("agent", f"{picture.version}, bundle {picture.bundle}, up {timedelta(seconds=round(picture.uptime_s))}"),
        ("runtime", picture.runtime or "none yet"),
        ("of a core", f"{picture.cores:.1%}: {stages}"),
        ("memory", f"{picture.memory_bytes / 2**20:.0f} MiB"),
        ("queue", f"{picture.queue} sample(s)"),
        ("spool", f"{spool}; broker {broker}, {picture.delivered} delivered"),
    )


def plain(picture: Picture) -> str:
    """The whole picture as lines of text, columns padded."""
    rows = [HEADINGS, *map(cells, picture.cameras)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    named = [f"{name:<10}{text}" for name, text in facts(picture)]
    return "\n".join([*table, "", *named, ""])


def _figure(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
