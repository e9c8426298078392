"""A fixed pinhole camera above the ground, looking along +y; x is right, z is up, metres."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenes.spec import Place

Floats = NDArray[np.float64]
NEAREST_M = 0.25


@dataclass(frozen=True, slots=True)
class Area:
    """The rectangle of ground where people act, in metres."""

    left: float
    right: float
    near: float
    far: float

    def draw(self, rng: np.random.Generator, margin: float = 0.0) -> Floats:
        """A random point (2,), at least a margin (a fraction of the size) from the edge."""
        low, high = margin, 1.0 - margin
        x = self.left + (self.right - self.left) * rng.uniform(low, high)
        y = self.near + (self.far - self.near) * rng.uniform(low, high)
        return np.array([x, y])

    def clamp(self, point: Floats) -> Floats:
        return np.array([min(max(point[0], self.left), self.right), min(max(point[1], self.near), self.far)])


@dataclass(frozen=True, slots=True)
class Camera:
    """``height_m`` above ground, ``tilt`` down and ``roll`` in radians, ``focal_px`` focal length in pixels."""

    width: int
    height: int
    height_m: float
    tilt: float
    roll: float
    focal_px: float

    def axes(self) -> Floats:
        """(3, 3): the picture's right, down and depth directions in the world, one a row."""
        right = np.array([1.0, 0.0, 0.0])
        depth = np.array([0.0, math.cos(self.tilt), -math.sin(self.tilt)])
        down = np.cross(depth, right)
        cos, sin = math.cos(self.roll), math.sin(self.roll)
        return np.stack([cos * right + sin * down, cos * down - sin * right, depth])

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """World points (..., 3) to pixels (..., 2) and depths (...) in metres; points behind are held just in front."""
        seen = (points - np.array([0.0, 0.0, self.height_m])) @ self.axes().T
        depth = np.maximum(seen[..., 2], NEAREST_M)
        pixels = seen[..., :2] * (self.focal_px / depth)[..., None]
        return pixels + np.array([self.width / 2.0, self.height / 2.0]), depth

    def rays(self) -> Floats:
        """(H, W, 3) directions of the pixels' rays in the world, of unit depth."""
        columns = (np.arange(self.width) + 0.5 - self.width / 2.0) / self.focal_px
        rows = (np.arange(self.height) + 0.5 - self.height / 2.0) / self.focal_px
        axes = self.axes()
        flat = columns[None, :, None] * axes[0] + rows[:, None, None] * axes[1] + axes[2]
        return np.asarray(flat, dtype=np.float64)


def mount(place: Place, width: int, height: int, rng: np.random.Generator) -> tuple[Camera, Area]:
    """Hang a camera so that people in its area are a third to nearly all of the picture high."""
    field = math.radians(rng.uniform(58.0, 82.0))
    focal = width / (2.0 * math.tan(field / 2.0))
    share = rng.uniform(0.34, 0.95) if place == "yard" else rng.uniform(0.45, 0.95)
    distance = 1.75 * focal / (share * height)
    mast = rng.uniform(2.6, 4.6) if place == "yard" else rng.uniform(2.3, 2.7)
    mast = min(mast, 1.2 + 0.75 * distance)
    aim = math.atan2(mast - 0.9, distance) + math.radians(rng.uniform(-3.0, 2.0))
    camera = Camera(width, height, mast, aim, math.radians(rng.uniform(-2.5, 2.5)), focal)
    half = distance * width / (2.0 * focal)
    if place == "corridor":
        half = min(half, rng.uniform(1.1, 1.9))
    reach = half * 0.82
    return camera, Area(-reach, reach, distance * 0.88, distance * (1.4 if place == "yard" else 1.7))
