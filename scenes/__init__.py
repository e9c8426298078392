"""Drawn worlds with exact ground truth, for the demo, tests, benchmarks and extra training clips.

It imports nothing of ours: it serves the agent and the builder and knows neither.
"""

from __future__ import annotations

from scenes.casting import random_spec
from scenes.clips import stream_spec, write_clips, write_streams
from scenes.errors import SceneError
from scenes.scene import Scene
from scenes.spec import Act, SceneSpec
from scenes.truth import Footage, FrameTruth, Interval, PersonTruth, Picture
from scenes.uri import open_scene, parse_scene
from scenes.wall import Wall, WallSpec

__all__ = [
    "Act",
    "Footage",
    "FrameTruth",
    "Interval",
    "PersonTruth",
    "Picture",
    "Scene",
    "SceneError",
    "SceneSpec",
    "Wall",
    "WallSpec",
    "open_scene",
    "parse_scene",
    "random_spec",
    "stream_spec",
    "write_clips",
    "write_streams",
]
