"""What lies between the scene and the recorder: flicker, sensor noise, the overlay, and compression."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scenes.spec import SceneSpec

Image = NDArray[np.uint8]
# The noise of a frame is a window of one larger field, at a place of its own: drawing it anew costs more than people.
NOISE_MARGIN = 96


@dataclass(frozen=True, slots=True)
class Lens:
    """Takes a clean picture to what a recorder would keep. A function of the frame's index alone."""

    spec: SceneSpec
    brighter: Image
    darker: Image
    places: NDArray[np.int64]
    begins: dt.datetime
    corner: int
    hum: float
    softness: float

    @staticmethod
    def grind(spec: SceneSpec, rng: np.random.Generator) -> Lens:
        """Draw the noise field, the clock's first time and where the overlay stands."""
        shape = (spec.height + NOISE_MARGIN, spec.width + NOISE_MARGIN)
        # Recorders smooth and resample, so neighbouring noise is alike; restore the spread that blurring takes.
        luma = np.asarray(cv2.GaussianBlur(rng.standard_normal(shape, dtype=np.float32), (3, 3), 0.6))
        field = np.repeat((luma / luma.std())[..., None], 3, axis=2) + 0.3 * rng.standard_normal(
            (*shape, 3), dtype=np.float32
        )
        field *= spec.noise
        begins = dt.datetime(2021, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(
            seconds=int(rng.integers(0, 4 * 365 * 86400))
        )
        return Lens(
            spec,
            np.clip(np.round(field), 0, 255).astype(np.uint8),
            np.clip(np.round(-field), 0, 255).astype(np.uint8),
            rng.integers(0, NOISE_MARGIN, (4093, 2)),
            begins,
            int(rng.integers(4)),
            float(rng.uniform(0.7, 3.0)),
            float(rng.uniform(0.45, 0.9)),
        )

    def take(self, canvas: Image, index: int) -> Image:
        """(H, W, 3) uint8 BGR to the same; the argument may be overwritten."""
        spec = self.spec
        canvas = cv2.GaussianBlur(canvas, (3, 3), self.softness).astype(np.uint8, copy=False)
        if spec.flicker > 0:
            gain = 1.0 + spec.flicker * math.sin(2 * math.pi * self.hum * index / spec.fps)
            canvas = cv2.convertScaleAbs(canvas, alpha=gain).astype(np.uint8, copy=False)
        if spec.noise > 0:
            down, right = (int(place) for place in self.places[index % len(self.places)])
            window = (slice(down, down + spec.height), slice(right, right + spec.width))
            cv2.add(canvas, self.brighter[window], dst=canvas)
            cv2.subtract(canvas, self.darker[window], dst=canvas)
        if spec.overlay:
            self._write(canvas, index)
        return self._compress(canvas) if spec.compression > 0 else canvas

    def _write(self, canvas: Image, index: int) -> None:
        now = self.begins + dt.timedelta(seconds=math.floor(index / self.spec.fps))
        size = self.spec.height / 720
        bottom = self.spec.height - round(14 * size) - 2
        clock_row, name_row = (round(30 * size) + 4, bottom) if self.corner % 2 else (bottom, round(30 * size) + 4)
        column = round(self.spec.width * (0.02 if self.corner < 2 else 0.55))
        for text, row, left in ((f"{now:%Y-%m-%d %H:%M:%S}", clock_row, column), (self.spec.name, name_row, 8)):
            for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
                cv2.putText(canvas, text, (left, row), cv2.FONT_HERSHEY_SIMPLEX, size, colour, thickness, cv2.LINE_8)

    def _compress(self, canvas: Image) -> Image:
        quality = round(90 - 70 * self.spec.compression)
        _, packed = cv2.imencode(".jpg", canvas, (cv2.IMWRITE_JPEG_QUALITY, quality))
        return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), dtype=np.uint8)
