"""The policies in force: what a reload or a command replaces and each camera's watch reads at its next judgement."""

from __future__ import annotations

from edge_agent.book import Book
from edge_agent.camera_policies import CameraPolicies

PolicyBook = Book[CameraPolicies]
"""Each camera's policies by its id."""
