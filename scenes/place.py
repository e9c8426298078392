"""Where a scene is set: ground, walls, doors and parked things, ray-cast once into a still background."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from scenes.camera import NEAREST_M, Area, Camera
from scenes.spec import Place

Floats = NDArray[np.float64]
Image = NDArray[np.float32]
Pattern = Literal["plain", "tiles", "bricks", "metal", "bars"]
Colour = tuple[float, float, float]
TILE = 512
FAR_M = 400.0


@dataclass(frozen=True, slots=True)
class Surface:
    """How a surface looks: BGR colour 0-255, a pattern of the given pitch in metres, and how stained it is (0-1)."""

    colour: Colour
    pattern: Pattern
    pitch_m: float
    stain: float


@dataclass(frozen=True, slots=True)
class Block:
    """An upright box from corner to corner, metres."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    surface: Surface


@dataclass(frozen=True, slots=True)
class Backdrop:
    """The still picture (H, W, 3) float32 BGR 0-255, unlit, and the ground light (H, W) float32, 1 is full."""

    image: Image
    light: Image


def build(place: Place, camera: Camera, area: Area, night: bool, rng: np.random.Generator) -> Backdrop:
    """Draw the place that a camera sees around an area."""
    texture = _texture(rng)
    rays = camera.rays()
    eye = np.array([0.0, 0.0, camera.height_m])
    blocks = _yard(area, rng) if place == "yard" else _corridor(area, camera.height_m, rng)
    sky = np.array([60.0, 55.0, 50.0] if night else [225.0, 215.0, 205.0]) * rng.uniform(0.8, 1.05)
    image = np.broadcast_to(sky, rays.shape).astype(np.float32)
    depth = np.full(rays.shape[:2], FAR_M)
    with np.errstate(divide="ignore", invalid="ignore"):
        for block in [_ground(place, rng), *blocks]:
            part = _region(camera, block)
            _cast(image[part], depth[part], eye, rays[part], block, texture)
    image = cv2.GaussianBlur(image, (3, 3), 0.7).astype(np.float32)
    return Backdrop(image, _light(camera, place, night, rng))


def _ground(place: Place, rng: np.random.Generator) -> Block:
    grey = rng.uniform(70, 175)
    warm = rng.normal(0, 8)
    colour = (grey - warm, grey, grey + warm)
    indoors = place == "corridor"
    tiled = rng.random() < (0.75 if indoors else 0.4)
    pitch = rng.uniform(0.3, 0.9)
    surface = Surface(colour, "tiles" if tiled else "plain", pitch, rng.uniform(0.15, 0.5))
    return Block((-FAR_M, -FAR_M, -1.0), (FAR_M, FAR_M, 0.0), surface)


def _wall_surface(rng: np.random.Generator, indoors: bool) -> Surface:
    grey = rng.uniform(80, 210)
    tint = rng.normal(0, 8, 3)
    patterns: tuple[Pattern, ...] = ("plain", "tiles") if indoors else ("plain", "bricks", "metal", "bars")
    pattern = patterns[int(rng.integers(len(patterns)))]
    pitch = {"plain": 1.0, "tiles": 0.6, "bricks": 0.16, "metal": 0.3, "bars": 0.22}[pattern]
    blue, green, red = (float(np.clip(grey + one, 20, 240)) for one in tint)
    return Surface((blue, green, red), pattern, pitch * rng.uniform(0.8, 1.3), rng.uniform(0.1, 0.4))


def _yard(area: Area, rng: np.random.Generator) -> list[Block]:
    """A back wall, a side fence, doors, windows, and things put down along the edges."""
    back = area.far + rng.uniform(1.0, 5.0)
    side = max(area.right, 2.0) + rng.uniform(0.8, 3.0)
    wall = _wall_surface(rng, indoors=False)
    height = rng.uniform(2.4, 7.0)
    blocks = [Block((-60.0, back, 0.0), (60.0, back + 0.3, height), wall)]
    sign = 1.0 if rng.random() < 0.5 else -1.0
    edge = sorted((sign * side, sign * (side + 0.2)))
    blocks.append(Block((edge[0], 0.5, 0.0), (edge[1], back, rng.uniform(1.2, 3.2)), _wall_surface(rng, indoors=False)))
    blocks += _openings(back, side, height, rng)
    for _ in range(int(rng.integers(2, 7))):
        blocks += _thing(area, back, side, rng)
    return blocks


def _openings(back: float, side: float, height: float, rng: np.random.Generator) -> list[Block]:
    blocks: list[Block] = []
    for _ in range(int(rng.integers(2, 6))):
        x, shade = rng.uniform(-side * 1.6, side * 1.6), rng.uniform(25, 120)
        door = rng.random() < 0.5
        low, high, width = (0.0, 2.1, 0.95) if door else (1.0, min(2.3, height), rng.uniform(0.8, 1.8))
        frame = Surface((shade + 60, shade + 60, shade + 60), "plain", 1.0, 0.1)
        pane = Surface((shade, shade * rng.uniform(0.8, 1.1), shade * rng.uniform(0.7, 1.1)), "plain", 1.0, 0.3)
        blocks.append(Block((x - 0.08, back - 0.02, low), (x + width + 0.08, back, high + 0.08), frame))
        blocks.append(Block((x, back - 0.03, low), (x + width, back, high), pane))
    return blocks


def _thing(area: Area, back: float, side: float, rng: np.random.Generator) -> list[Block]:
    """A crate, a bin, a bench or a parked car beyond the area, where nobody walks through it."""
    colour = tuple(float(one) for one in np.clip(rng.uniform(40, 190) + rng.normal(0, 18, 3), 15, 235))
    surface = Surface((colour[0], colour[1], colour[2]), "plain", 1.0, rng.uniform(0.1, 0.4))
    x = rng.uniform(-side, side)
    y = rng.uniform(area.far + 0.5, max(area.far + 0.6, back - 0.6))
    if rng.random() < 0.3:
        dark = Surface((45.0, 42.0, 40.0), "plain", 1.0, 0.1)
        return [
            Block((x, y, 0.3), (x + 4.2, y + 1.7, 0.85), surface),
            Block((x + 0.9, y + 0.1, 0.85), (x + 3.3, y + 1.6, 1.4), dark),
            Block((x + 0.6, y - 0.02, 0.0), (x + 1.2, y + 1.6, 0.55), dark),
            Block((x + 3.0, y - 0.02, 0.0), (x + 3.6, y + 1.6, 0.55), dark),
        ]
    width, height = rng.uniform(0.4, 1.6), rng.uniform(0.4, 1.5)
    return [Block((x, y, 0.0), (x + width, y + rng.uniform(0.4, 0.8), height), surface)]


def _corridor(area: Area, eye_m: float, rng: np.random.Generator) -> list[Block]:
    """Two walls with doors, an end wall and a ceiling."""
    wall, half = _wall_surface(rng, indoors=True), area.right + 0.35
    ceiling, end = max(2.7, eye_m + 0.25), area.far + rng.uniform(1.0, 6.0)
    pale = Surface((200.0, 200.0, 200.0), "tiles", 0.6, 0.1)
    blocks = [
        Block((-half - 0.3, -2.0, 0.0), (-half, end, ceiling), wall),
        Block((half, -2.0, 0.0), (half + 0.3, end, ceiling), wall),
        Block((-half, end, 0.0), (half, end + 0.3, ceiling), _wall_surface(rng, indoors=True)),
        Block((-half, -2.0, ceiling), (half, end, ceiling + 0.2), pale),
    ]
    for _ in range(int(rng.integers(2, 6))):
        sign, y, shade = float(rng.choice([-1.0, 1.0])), rng.uniform(area.near * 0.6, end - 1.2), rng.uniform(40, 150)
        tint = rng.uniform(0.7, 1.0, 2)
        door = Surface((shade * tint[0], shade * tint[1], shade), "plain", 1.0, 0.2)
        inner, outer = sorted((sign * (half - 0.03), sign * half))
        blocks.append(Block((inner, y, 0.0), (outer, y + 0.95, 2.1), door))
    low = rng.uniform(-0.6, 0.2) * half
    shade = rng.uniform(30, 90)
    exit_door = Surface((shade, shade, shade), "plain", 1.0, 0.2)
    blocks.append(Block((low, end - 0.03, 0.0), (low + half * 0.7, end, 2.1), exit_door))
    return blocks


def _region(camera: Camera, block: Block) -> tuple[slice, slice]:
    """The rows and columns of the picture that a block may cover: all of it when it reaches behind the camera."""
    corners = np.array(list(itertools.product(*zip(block.low, block.high, strict=True))))
    pixels, depth = camera.project(corners)
    if depth.min() <= NEAREST_M:
        return slice(None), slice(None)
    low, high = np.floor(pixels.min(axis=0)).astype(int), np.ceil(pixels.max(axis=0)).astype(int) + 1
    return slice(max(low[1], 0), max(high[1], 0)), slice(max(low[0], 0), max(high[0], 0))


def _cast(image: Image, depth: Floats, eye: Floats, rays: Floats, block: Block, texture: Image) -> None:
    """Paint the part of a block that is nearer than what is there, in place (slab test, Kay and Kajiya 1986)."""
    if image.size == 0:
        return
    low, high = (np.array(block.low) - eye) / rays, (np.array(block.high) - eye) / rays
    first = np.minimum(low, high)
    entry = first.max(axis=2)
    leave = np.maximum(low, high).min(axis=2)
    seen = (entry < leave) & (entry > 0.05) & (entry < depth)
    if not seen.any():
        return
    distance = entry[seen]
    points = eye + rays[seen] * distance[:, None]
    axis = first[seen].argmax(axis=1)
    along = np.where(axis == 0, points[:, 1], points[:, 0])
    up = np.where(axis == 2, points[:, 1], points[:, 2])
    depth[seen] = distance
    # Sides face away from the light more than fronts, and tops less.
    facing = np.array([0.8, 0.92, 1.05])[axis]
    shade = facing * _pattern(block.surface, along, up, texture, distance)
    image[seen] = np.array(block.surface.colour) * shade[:, None]


def _pattern(surface: Surface, along: Floats, up: Floats, texture: Image, distance: Floats) -> Floats:
    """Relative brightness of the surface at each point."""
    pitch = surface.pitch_m
    broad = _look_up(texture, along * 60.0, up * 60.0)
    fine = _look_up(texture, along * 420.0, up * 420.0)
    shade = 1.0 + surface.stain * (broad - 0.5) + 0.22 * (fine - 0.5)
    # A joint thinner than a pixel would shimmer into moire; fade it with distance instead.
    joint = np.clip(1.4 - distance / (pitch * 40.0), 0.0, 1.0)
    if surface.pattern == "tiles":
        line = ((along / pitch) % 1.0 < 0.04) | ((up / pitch) % 1.0 < 0.04)
        checks = (np.floor(along / pitch) + np.floor(up / pitch)) % 2
        shade = shade * (1.0 - 0.3 * joint * line) * (1.0 + 0.06 * (checks - 0.5))
    elif surface.pattern == "bricks":
        row = np.floor(up / pitch)
        line = (up / pitch % 1.0 < 0.14) | ((along / (pitch * 2.6) + row * 0.5) % 1.0 < 0.05)
        shade = shade * (1.0 + 0.25 * joint * line)
    elif surface.pattern == "metal":
        shade = shade * (1.0 + 0.22 * joint * np.sin(2 * np.pi * along / pitch))
    elif surface.pattern == "bars":
        shade = shade * np.where(along / pitch % 1.0 < 0.25, 0.45, 1.0 - 0.1 * joint)
    return np.asarray(shade, dtype=np.float64)


def _look_up(texture: Image, along: Floats, up: Floats) -> Image:
    return np.asarray(texture[up.astype(np.int64) % TILE, along.astype(np.int64) % TILE])


def _texture(rng: np.random.Generator) -> Image:
    """A tile (512, 512) float32 of noise at several scales, 0-1, that repeats without a seam."""
    total = np.zeros((TILE, TILE), np.float32)
    for scale, weight in ((64, 1.0), (16, 0.6), (4, 0.35), (1, 0.25)):
        cells = rng.random((TILE // scale, TILE // scale), dtype=np.float32)
        wrapped = np.pad(cells, 2, mode="wrap")
        grown = cv2.resize(wrapped, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        total += weight * grown[2 * scale : 2 * scale + TILE, 2 * scale : 2 * scale + TILE]
    low, high = np.percentile(total, [1, 99])
    return np.asarray(np.clip((total - low) / (high - low), 0.0, 1.0), dtype=np.float32)


def _light(camera: Camera, place: Place, night: bool, rng: np.random.Generator) -> Image:
    """Light falling on the picture (H, W): lamps at night, a lit band or a gentle slope by day, darker corners."""
    rows, columns = np.mgrid[0 : camera.height, 0 : camera.width].astype(np.float32)
    x, y = columns / camera.width - 0.5, rows / camera.height - 0.5
    corner = 1.0 - rng.uniform(0.15, 0.45) * (x * x + y * y) * 2.0
    if not night:
        slope = 1.0 + rng.normal(0, 0.25) * x + rng.normal(0, 0.25) * y
        return np.asarray(np.clip(corner * slope, 0.3, 1.3) * rng.uniform(0.75, 1.1), dtype=np.float32)
    spread = rng.uniform(0.12, 0.3) if place == "yard" else rng.uniform(0.2, 0.4)
    lamp = np.exp(-((x - rng.normal(0, 0.15)) ** 2 + (y - rng.normal(0.05, 0.1)) ** 2) / spread)
    return np.asarray(corner * (rng.uniform(0.25, 0.4) + rng.uniform(0.5, 0.85) * lamp), dtype=np.float32)
