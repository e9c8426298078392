"""Paints people and their shadows onto the still background, blurred by the time the shutter is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scenes import body
from scenes.body import Stance
from scenes.camera import Camera
from scenes.figure import LIMBS, SHIFT, Figure, figures
from scenes.truth import Box
from scenes.wardrobe import Outfit

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]
_BONES = (*((limb[0], limb[1], limb[2]) for limb in LIMBS[:10]), (body.PELVIS, body.HEAD, 0.15))


@dataclass(frozen=True, slots=True)
class Shade:
    """A shadow falls ``slant`` (2,) metres sideways for each metre of height, and takes this share of the light."""

    slant: tuple[float, float]
    strength: float


@dataclass(frozen=True, slots=True)
class Painter:
    """``light`` (H, W) float32 scales people's colours by where their feet are; no ``shade`` leaves shadows out."""

    camera: Camera
    outfits: tuple[Outfit, ...]
    light: NDArray[np.float32]
    shade: Shade | None

    def paint(self, canvas: Image, exposures: Sequence[Sequence[Stance]]) -> tuple[Box | None, ...]:
        """Paint onto (H, W, 3) uint8 BGR in place; each exposure has every person's stance at one instant.

        Gives each person's box over all exposures, ``None`` for those out of the picture.
        """
        lights = self._lights(exposures[0])
        instants = [figures(stances, self.outfits, lights, self.camera) for stances in exposures]
        boxes = tuple(self._box([figures[who] for figures in instants]) for who in range(len(self.outfits)))
        seen = [box for box in boxes if box is not None]
        if not seen:
            return boxes
        if self.shade is not None:
            self._cast_shadows(canvas, instants[0], self.shade)
        left, top = min(box[0] for box in seen), min(box[1] for box in seen)
        right, bottom = max(box[2] for box in seen), max(box[3] for box in seen)
        region = canvas[top:bottom, left:right]
        layers = [_draw(region.copy(), instant, (left, top)) for instant in instants]
        mixed = layers[0]
        for count, layer in enumerate(layers[1:], start=2):
            mixed = cv2.addWeighted(mixed, 1.0 - 1.0 / count, layer, 1.0 / count, 0).astype(np.uint8, copy=False)
        region[:] = mixed
        return boxes

    def _lights(self, stances: Sequence[Stance]) -> Floats:
        if not stances:
            return np.zeros(0)
        feet = np.array([[stance.root[0], stance.root[1], 0.0] for stance in stances])
        pixels, _ = self.camera.project(feet)
        columns = np.clip(pixels[:, 0], 0, self.camera.width - 1).astype(np.int64)
        rows = np.clip(pixels[:, 1], 0, self.camera.height - 1).astype(np.int64)
        return self.light[rows, columns].astype(np.float64)

    def _box(self, seen: Sequence[Figure]) -> Box | None:
        extents = np.array([figure.extent for figure in seen])
        low, high = np.floor(extents[:, :2].min(axis=0)) - 1, np.ceil(extents[:, 2:].max(axis=0)) + 2
        left, top = max(int(low[0]), 0), max(int(low[1]), 0)
        right, bottom = min(int(high[0]), self.camera.width), min(int(high[1]), self.camera.height)
        return (left, top, right, bottom) if right - left > 1 and bottom - top > 1 else None

    def _cast_shadows(self, canvas: Image, people: Sequence[Figure], shade: Shade) -> None:
        """Darken the ground at half resolution: a soft edge needs no more."""
        flat = np.stack([figure.joints for figure in people])
        flat[:, :, 0] += flat[:, :, 2] * shade.slant[0]
        flat[:, :, 1] += flat[:, :, 2] * shade.slant[1]
        flat[:, :, 2] = 0.0
        pixels, depth = self.camera.project(flat)
        pixels, scale = pixels / 2.0, self.camera.focal_px / depth / 2.0
        margin = 12
        left, top = (int(v) for v in np.maximum(np.floor(pixels.min(axis=(0, 1))) - margin, 0))
        limit = np.array([self.camera.width // 2, self.camera.height // 2])
        right, bottom = (int(v) for v in np.minimum(np.ceil(pixels.max(axis=(0, 1))) + margin, limit))
        if right - left < 2 or bottom - top < 2:
            return
        mask = np.full((bottom - top, right - left), 255, np.uint8)
        dark = round(255 * (1.0 - shade.strength))
        for person in range(len(people)):
            spots = np.round(pixels[person] - (left, top)).astype(int)
            for begin, end, radius in _BONES:
                width = max(1, round(2 * radius * float(scale[person, begin])))
                cv2.line(mask, tuple(spots[begin]), tuple(spots[end]), dark, width)
        soft = cv2.blur(mask, (5, 5))
        region = canvas[2 * top : 2 * bottom, 2 * left : 2 * right]
        wide = cv2.cvtColor(cv2.resize(soft, (region.shape[1], region.shape[0])), cv2.COLOR_GRAY2BGR)
        cv2.multiply(region, wide, dst=region, scale=1 / 255)


def _draw(region: Image, people: Sequence[Figure], corner: tuple[int, int]) -> Image:
    """Fill every shape of every person, far ones first, so that limbs of people in contact interleave."""
    shapes = [shape for figure in people for shape in figure.shapes]
    shapes.sort(key=lambda shape: -shape.depth_m)
    outlines = np.concatenate([shape.outline for shape in shapes])
    points = np.round((outlines - corner) * (1 << SHIFT)).astype(np.int32)
    start = 0
    for shape in shapes:
        end = start + len(shape.outline)
        cv2.fillConvexPoly(region, points[start:end], shape.colour, cv2.LINE_AA, SHIFT)
        start = end
    return region
