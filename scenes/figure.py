"""From joints to shapes: each limb a tapered capsule seen by the camera, each trunk a hull, far shapes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scenes import body
from scenes.body import Stance, joints
from scenes.camera import Camera
from scenes.wardrobe import Colour, Outfit

Floats = NDArray[np.float64]
# Fixed-point bits of cv2's sub-pixel coordinates: without them slow limbs jump from pixel to pixel.
SHIFT = 4
HAIR, STRIPE_LEFT, STRIPE_RIGHT = body.JOINTS, body.JOINTS + 1, body.JOINTS + 2
# From joint, to joint, radius at each in metres, and the garment that colours it.
LIMBS: tuple[tuple[int, int, float, float, str], ...] = (
    (body.LEFT_HIP, body.LEFT_KNEE, 0.088, 0.062, "trousers"),
    (body.RIGHT_HIP, body.RIGHT_KNEE, 0.088, 0.062, "trousers"),
    (body.LEFT_KNEE, body.LEFT_ANKLE, 0.062, 0.046, "shin"),
    (body.RIGHT_KNEE, body.RIGHT_ANKLE, 0.062, 0.046, "shin"),
    (body.LEFT_ANKLE, body.LEFT_TOE, 0.052, 0.038, "shoes"),
    (body.RIGHT_ANKLE, body.RIGHT_TOE, 0.052, 0.038, "shoes"),
    (body.LEFT_SHOULDER, body.LEFT_ELBOW, 0.06, 0.048, "sleeve"),
    (body.RIGHT_SHOULDER, body.RIGHT_ELBOW, 0.06, 0.048, "sleeve"),
    (body.LEFT_ELBOW, body.LEFT_HAND, 0.047, 0.036, "forearm"),
    (body.RIGHT_ELBOW, body.RIGHT_HAND, 0.047, 0.036, "forearm"),
    (body.LEFT_HAND, body.LEFT_HAND, 0.05, 0.05, "skin"),
    (body.RIGHT_HAND, body.RIGHT_HAND, 0.05, 0.05, "skin"),
    (body.NECK, body.HEAD, 0.062, 0.06, "skin"),
    (body.HEAD, body.CROWN, 0.092, 0.085, "skin"),
    (HAIR, body.CROWN, 0.1, 0.092, "hair"),
    (STRIPE_LEFT, STRIPE_RIGHT, 0.06, 0.06, "stripe"),
)
TRUNK = (body.LEFT_SHOULDER, body.RIGHT_SHOULDER, body.LEFT_HIP, body.RIGHT_HIP)
TRUNK_RADII = (0.082, 0.082, 0.105, 0.105)
ARC = np.linspace(-np.pi / 2, np.pi / 2, 5)
CIRCLE = np.linspace(0, 2 * np.pi, 9)[:-1]
_FROM = np.array([limb[0] for limb in LIMBS])
_TO = np.array([limb[1] for limb in LIMBS])
_THICK = np.array([limb[2] for limb in LIMBS])
_THIN = np.array([limb[3] for limb in LIMBS])
# Round things are lit from above: the bright core of a limb lies a little up and to the left of its axis.
_GLINT = np.array([-0.22, -0.3])


@dataclass(frozen=True, slots=True)
class Shape:
    """A convex polygon (N, 2) float pixels, its colour, and how far away it is in metres."""

    outline: Floats
    colour: Colour
    depth_m: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One body in one instant: ``joints`` (21, 3) in metres, its shapes, and its extent left, top, right, bottom."""

    joints: Floats
    shapes: tuple[Shape, ...]
    extent: tuple[float, float, float, float]


def figures(stances: Sequence[Stance], outfits: Sequence[Outfit], lights: Floats, camera: Camera) -> list[Figure]:
    """Shape everyone; ``lights`` (P,) scales each one's colours."""
    if not stances:
        return []
    points = _points(stances, outfits)
    pixels, depth = camera.project(points)
    scale = camera.focal_px / depth * np.array([outfit.build for outfit in outfits])[:, None]
    made = []
    for index, outfit in enumerate(outfits):
        shapes = [*_limbs(pixels[index], depth[index], scale[index], outfit, lights[index])]
        shapes += _trunk(pixels[index], depth[index], scale[index], outfit, lights[index])
        outlines = np.concatenate([shape.outline for shape in shapes])
        low, high = outlines.min(axis=0), outlines.max(axis=0)
        extent = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        made.append(Figure(points[index], tuple(shapes), extent))
    return made


def _points(stances: Sequence[Stance], outfits: Sequence[Outfit]) -> Floats:
    """Joints and the places of hair and stripe, (P, 21, 3)."""
    headings = np.array([stance.heading for stance in stances])
    frame = joints(
        np.stack([stance.pose for stance in stances]),
        np.stack([stance.root for stance in stances]),
        headings,
        np.array([outfit.stature_m for outfit in outfits]),
    )
    ahead = np.stack([-np.sin(headings), np.cos(headings), np.zeros(len(headings))], axis=1)
    hair = 0.35 * frame[:, body.HEAD] + 0.65 * frame[:, body.CROWN] - 0.045 * ahead
    left = 0.6 * frame[:, body.LEFT_SHOULDER] + 0.4 * frame[:, body.LEFT_HIP]
    right = 0.6 * frame[:, body.RIGHT_SHOULDER] + 0.4 * frame[:, body.RIGHT_HIP]
    return np.concatenate([frame, np.stack([hair, left, right], axis=1)], axis=1)


def _limbs(pixels: Floats, depth: Floats, scale: Floats, outfit: Outfit, light: float) -> list[Shape]:
    begin, end = pixels[_FROM], pixels[_TO]
    thick, thin = _THICK * scale[_FROM], _THIN * scale[_TO]
    distance = (depth[_FROM] + depth[_TO]) / 2
    core = _GLINT * thick[:, None]
    outer = _capsules(begin, end, thick, thin)
    inner = _capsules(begin + core, end + core * 0.8, thick * 0.5, thin * 0.5)
    made = []
    for index, limb in enumerate(LIMBS):
        garment = limb[4]
        if garment == "stripe":
            if outfit.stripe == outfit.top:
                continue
            # The stripe is painted on the trunk, which must not hide it.
            distance[index] = min(distance[index], depth[list(TRUNK)].mean()) - 0.02
        colour: Colour = getattr(outfit, garment)
        made.append(Shape(outer[index], _lit(colour, 0.86 * light), float(distance[index])))
        made.append(Shape(inner[index], _lit(colour, 1.06 * light), float(distance[index]) - 1e-4))
    return made


def _trunk(pixels: Floats, depth: Floats, scale: Floats, outfit: Outfit, light: float) -> list[Shape]:
    corners = list(TRUNK)
    radii = np.array(TRUNK_RADII) * scale[corners]
    circles = pixels[corners][:, None, :] + radii[:, None, None] * np.stack([np.cos(CIRCLE), np.sin(CIRCLE)], axis=1)
    hull = cv2.convexHull(circles.reshape(-1, 2).astype(np.float32)).reshape(-1, 2).astype(np.float64)
    middle = hull.mean(axis=0)
    distance = float(depth[corners].mean())
    core = middle + (hull - middle) * 0.62 + _GLINT * radii[0]
    return [
        Shape(hull, _lit(outfit.top, 0.88 * light), distance),
        Shape(core, _lit(outfit.top, 1.04 * light), distance - 1e-4),
    ]


def _capsules(begin: Floats, end: Floats, thick: Floats, thin: Floats) -> Floats:
    """Outlines (N, 10, 2) of the hulls around pairs of circles."""
    way = end - begin
    angle = np.arctan2(way[:, 1], way[:, 0])[:, None]
    front, back = angle + ARC, angle + np.pi + ARC
    head = end[:, None, :] + thin[:, None, None] * np.stack([np.cos(front), np.sin(front)], axis=2)
    tail = begin[:, None, :] + thick[:, None, None] * np.stack([np.cos(back), np.sin(back)], axis=2)
    return np.concatenate([head, tail], axis=1)


def _lit(colour: Colour, light: float) -> Colour:
    return colour[0] * light, colour[1] * light, colour[2] * light
