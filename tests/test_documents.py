"""What the documents point at is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(document: Path) -> None:
    targets = LINK.findall(document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_decisions_have_each_a_number_of_their_own() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs" / "decisions").glob("*.md")]
    assert len(numbers) == len(set(numbers))


def test_every_command_of_the_readme_exists() -> None:
    usage = subprocess.run([ROOT / "nexara", "--help"], capture_output=True, text=True, check=True, timeout=10).stdout
    used = set(re.findall(r"^\./nexara (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert used >= {"demo", "test"}
    assert {command for command in used if f"  {command} " not in usage} == set()
