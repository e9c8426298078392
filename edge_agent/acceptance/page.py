"""The report as one HTML file that needs nothing else and prints on one A4 page."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Iterator

from edge_agent.acceptance.camera_pictures import CameraPicture
from edge_agent.acceptance.report import Report
from edge_agent.doctor import Finding

# Sides of what is printable, and what all but the pictures takes of it, in millimetres.
_WIDTH_MM, _HEIGHT_MM = 186.0, 273.0
_FIXED_MM, _ROW_MM = 76.0, 3.9
_LETTERS_A_ROW = 100
_GAP_MM, _CAPTION_MM = 2.0, 4.0
_LEAST_PICTURES_MM = 30.0
_SHAPE = 16 / 9
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
@page { size: A4; margin: 12mm; }
* { box-sizing: border-box; }
body { font: 8pt/1.3 sans-serif; color: #111; max-width: 186mm; margin: 0 auto; }
h1 { font-size: 15pt; margin: 0 0 1mm; }
h2 { font-size: 9pt; margin: 3mm 0 1mm; }
.verdict { font-size: 10.5pt; font-weight: bold; padding: 1.5mm 3mm; border: 0.5mm solid; margin: 2mm 0; }
.yes { color: #14532d; } .no { color: #991b1b; }
table { border-collapse: collapse; width: 100%; font-size: 7pt; line-height: 1.2; }
td { padding: 0.3mm 1.5mm 0.3mm 0; vertical-align: top; border-top: 0.1mm solid #ccc; overflow-wrap: anywhere; }
td.name { white-space: nowrap; width: 1%; }
.failed { color: #991b1b; font-weight: bold; } .warning { color: #92400e; } .skipped { color: #666; }
.pictures { display: grid; gap: 2mm; }
figure { margin: 0; overflow: hidden; }
figure img, figure div { width: 100%; object-fit: contain; background: #eee; display: block; }
figure div { padding: 1mm; color: #991b1b; font-size: 6pt; overflow: hidden; }
figcaption { font-size: 6.5pt; line-height: 4mm; height: 4mm; white-space: nowrap; overflow: hidden; }
.sign { display: flex; gap: 8mm; margin-top: 11mm; }
.sign div { flex: 1; border-top: 0.2mm solid; padding-top: 1mm; }
"""


def render(report: Report) -> str:
    """The page. It loads nothing, runs nothing, and what devices and cameras say of themselves is text in it."""
    faults = report.faults
    verdict = f"Not accepted: {', '.join(faults)}" if faults else "Accepted: everything that was tried works"
    title = f"{report.site} / {report.device}"
    told = [finding for finding in report.findings if not finding.name.startswith("camera ") or _is_wall(finding)]
    lines = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f"<title>Acceptance of {_text(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_text(title)}</h1><div>Acceptance of a NexaraVision device, {_text(report.at)}</div>",
        f'<div class="verdict {"no" if faults else "yes"}">{_text(verdict)}</div>',
        "<table>",
        *(f'<tr><td class="name">{_text(name)}</td><td>{_text(value)}</td></tr>' for name, value in report.facts),
        "</table><h2>What was tried</h2><table>",
        *(_row(finding) for finding in told),
        "</table><h2>What the cameras show</h2>",
        *_grid(report, told),
        '<div class="sign"><div>Installed by, date</div><div>Accepted by, date</div></div>',
        "</body></html>",
    ]
    return "\n".join(lines) + "\n"


def _is_wall(finding: Finding) -> bool:
    """Whether a camera's finding is of a wall, whose cells alone have pictures."""
    return " cell(s), " in finding.detail


def _row(finding: Finding) -> str:
    name = f'<td class="name">{_text(finding.name)}</td>'
    return f'<tr><td class="name {finding.outcome}">{finding.outcome}</td>{name}<td>{_text(finding.detail)}</td></tr>'


def _grid(report: Report, told: list[Finding]) -> Iterator[str]:
    """As many columns as make the pictures largest in what the tables leave of the page."""
    texts = [finding.detail for finding in told] + [value for _, value in report.facts]
    rows = sum(math.ceil(max(1, len(text)) / _LETTERS_A_ROW) for text in texts)
    left_mm = max(_LEAST_PICTURES_MM, _HEIGHT_MM - _FIXED_MM - rows * _ROW_MM)
    count = max(1, len(report.pictures))
    width_mm, columns = max((_fit_mm(count, columns, left_mm), columns) for columns in range(1, count + 1))
    details = {finding.name: finding.detail for finding in report.findings}
    yield f'<div class="pictures" style="grid-template-columns: repeat({columns}, {width_mm:.1f}mm)">'
    for picture in report.pictures:
        yield _figure(picture, details.get(f"camera {picture.id}", ""), width_mm)
    yield "</div>"


def _fit_mm(count: int, columns: int, height_mm: float) -> float:
    rows = math.ceil(count / columns)
    wide_mm = (_WIDTH_MM - (columns - 1) * _GAP_MM) / columns
    high_mm = (height_mm - (rows - 1) * _GAP_MM) / rows - _CAPTION_MM
    return math.floor(10 * min(wide_mm, high_mm * _SHAPE)) / 10


def _figure(picture: CameraPicture, detail: str, width_mm: float) -> str:
    height = f"height:{width_mm / _SHAPE:.1f}mm"
    if picture.jpeg is None:
        shown = f'<div style="{height}">no picture: {_text(detail or picture.reason)}</div>'
    else:
        data = base64.b64encode(picture.jpeg).decode("ascii")
        shown = f'<img style="{height}" alt="{_text(picture.id)}" src="data:image/jpeg;base64,{data}">'
    caption = f"<b>{_text(picture.id)}</b> {_text(detail)}"
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"


def _text(text: str) -> str:
    return html.escape(text)
