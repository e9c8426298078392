"""The covers in force: which part of each camera's picture is judged and shown, from its next sample on."""

from __future__ import annotations

from edge_agent.book import Book
from edge_agent.cover import Cover

CoverBook = Book[Cover]
"""Each camera's cover by its id."""
