"""One drawn camera: pictures with their exact truth, each a function of the specification and the frame's index."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from scenes.body import Stance
from scenes.camera import Camera, mount
from scenes.director import Director
from scenes.errors import SceneError
from scenes.lens import Lens
from scenes.painter import Painter, Shade
from scenes.place import build
from scenes.spec import SceneSpec
from scenes.track import Track
from scenes.truth import FrameTruth, Interval, PersonTruth, Picture
from scenes.wardrobe import Outfit, dress

# By night the shutter stays open longer, and more instants are needed for a smooth smear.
DAY_SHUTTER_S, DAY_INSTANTS = 0.018, 2
NIGHT_SHUTTER_S, NIGHT_INSTANTS = 0.045, 3


class Scene:
    """Draws a ``SceneSpec``. Frames may be asked for in any order; the same specification gives the same bytes.

    >>> scene = Scene(SceneSpec(seed=7, duration_s=2.0))
    >>> scene.frame(3).image.shape
    (360, 640, 3)
    """

    def __init__(self, spec: SceneSpec) -> None:
        self._spec = spec
        # A stream of random numbers for each concern, so that a change of schedule leaves the place as it was.
        setting, people, moves, optics = (np.random.default_rng(s) for s in np.random.SeedSequence(spec.seed).spawn(4))
        camera, area = mount(spec.place, spec.width, spec.height, setting)
        backdrop = build(spec.place, camera, area, spec.night, setting)
        outfits = tuple(dress(people) for _ in range(spec.people))
        infrared = spec.night and setting.random() < 0.6
        self._background = _develop(backdrop.image * backdrop.light[..., None], infrared)
        if infrared:
            outfits = tuple(outfit.in_grey() for outfit in outfits)
        self._painter = _painter(spec, camera, outfits, backdrop.light, setting)
        self._tracks: tuple[Track, ...] = Director(spec, area, moves).tracks()
        self._lens = Lens.grind(spec, optics)

    @property
    def spec(self) -> SceneSpec:
        return self._spec

    @property
    def width(self) -> int:
        return self._spec.width

    @property
    def height(self) -> int:
        return self._spec.height

    @property
    def fps(self) -> float:
        return self._spec.fps

    @property
    def frame_count(self) -> int:
        return self._spec.frame_count

    @property
    def fights(self) -> tuple[Interval, ...]:
        return self._spec.fights

    def frame(self, index: int) -> Picture:
        """Draw one frame; a looping scene starts again after its last. Raises ``SceneError`` past the end of others."""
        spec = self._spec
        if index < 0 or (index >= spec.frame_count and not spec.loop):
            raise SceneError(f"frame {index} of a scene of {spec.frame_count} frames; ask for 0-{spec.frame_count - 1}")
        time_s = (index % spec.frame_count) / spec.fps
        canvas = self._background.copy()
        boxes = self._painter.paint(canvas, self._exposures(time_s)) if spec.people else ()
        people = tuple(
            PersonTruth(person, box, track.activity(time_s))
            for person, (box, track) in enumerate(zip(boxes, self._tracks, strict=True))
            if box is not None
        )
        fighting = any(fight.holds(time_s) for fight in spec.fights)
        return Picture(self._lens.take(canvas, index), index / spec.fps, FrameTruth(people, fighting))

    def frames(self) -> Iterator[Picture]:
        """Draw every frame once, in order."""
        return (self.frame(index) for index in range(self._spec.frame_count))

    def _exposures(self, time_s: float) -> list[list[Stance]]:
        """Everyone's stance at each instant while the shutter is open."""
        open_s, instants = (NIGHT_SHUTTER_S, NIGHT_INSTANTS) if self._spec.night else (DAY_SHUTTER_S, DAY_INSTANTS)
        times = [time_s + open_s * instant / (instants - 1) for instant in range(instants)]
        return [[track.stance(time) for track in self._tracks] for time in times]


def _develop(lit: NDArray[np.float32], infrared: bool) -> NDArray[np.uint8]:
    """To 8 bits, and to grey as an infrared camera sees by night."""
    image = np.clip(lit, 0, 255).astype(np.uint8)
    if not infrared:
        return image
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), dtype=np.uint8)


def _painter(
    spec: SceneSpec, camera: Camera, outfits: tuple[Outfit, ...], light: NDArray[np.float32], rng: np.random.Generator
) -> Painter:
    """Long shadows of the sun, or the short soft ones of lamps."""
    sun = spec.place == "yard" and not spec.night and rng.random() < 0.6
    angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.4, 1.3) if sun else rng.uniform(0.05, 0.25)
    slant = (float(length * np.cos(angle)), float(length * np.sin(angle)))
    strength = float(rng.uniform(0.35, 0.6) if sun else rng.uniform(0.2, 0.4))
    return Painter(camera, outfits, light, Shade(slant, strength) if spec.shadows else None)
