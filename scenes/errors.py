"""The one error of this room: a scene cannot be drawn as it was asked for."""

from __future__ import annotations


class SceneError(Exception):
    """A scene, wall or clip folder cannot be made; the message says what was found, what is allowed and what to do."""
