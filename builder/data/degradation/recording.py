"""How one clip came to be recorded off a screen, and the ranges that this is drawn from."""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Rates = Annotated[tuple[Annotated[float, msgspec.Meta(gt=0, le=240)], ...], msgspec.Meta(min_length=1)]
CORNERS = 4
MAX_CRF = 51


class Degradation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The recipe's ``[degradation]``. Pairs are the least and the largest value drawn, lists are chosen from evenly.

    ``degrade`` is the share of training views that show the degraded copy of their clip; ``filmed`` the share of copies
    that a camera took off the screen (the others are grabbed pixel by pixel), ``overlay`` the share with a name and a
    clock burnt in. The other keys are those of ``Recording`` and ``Camera``, which give their units.
    """

    degrade: Share = 0.5
    seed: int = 1
    cell_px: tuple[int, int] = (320, 480)
    dvr_rates_hz: Rates = (8.0, 12.0, 15.0, 25.0)
    dvr_crf: tuple[float, float] = (26.0, 36.0)
    overlay: Share = 0.5
    gamma: tuple[float, float] = (0.75, 1.4)
    bezel: tuple[float, float] = (0.0, 0.04)
    recorder_rates_hz: Rates = (12.0, 25.0, 30.0, 60.0)
    recorder_crf: tuple[float, float] = (20.0, 32.0)
    filmed: Share = 0.5
    pitch: tuple[float, float] = (0.7, 1.3)
    tilt: tuple[float, float] = (0.0, 0.03)
    moire: tuple[float, float] = (0.02, 0.2)
    sway_px: tuple[float, float] = (0.0, 1.5)
    noise: tuple[float, float] = (0.5, 3.0)

    def __post_init__(self) -> None:
        for key, (least, most) in {
            "cell_px": (64, 1920),
            "dvr_crf": (0, MAX_CRF),
            "gamma": (0.2, 5),
            "bezel": (0, 0.25),
            "recorder_crf": (0, MAX_CRF),
            "pitch": (0.25, 4),
            "tilt": (0, 0.2),
            "moire": (0, 1),
            "sway_px": (0, 50),
            "noise": (0, 50),
        }.items():
            low, high = getattr(self, key)
            if not least <= low <= high <= most:
                raise ValueError(f"{key} is [{low}, {high}]; give the lower first, both from {least} to {most}")


class Camera(msgspec.Struct, frozen=True, kw_only=True):
    """A camera held before the screen.

    ``pitch``: screen pixels that one of its pixels covers, in the middle. ``corners``: how far each corner of what it
    sees is off its place, right and down, as shares of the cell's width, clockwise from the upper left. ``moire``: the
    share of contrast that lens and photosites leave of a grating as fine as the screen's pixels. ``sway_px``: standard
    deviation of the hand's sway, in camera pixels. ``noise``: standard deviation in grey levels.
    """

    pitch: float
    corners: tuple[tuple[float, float], ...]
    moire: float
    sway_px: float
    noise: float


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """All that happens to one clip, the same from its first frame to its last.

    ``cell_px``: width of its cell in the wall, in screen pixels; cells are 16:9, and pictures are stretched to fill
    them. ``dvr_rate_hz``, ``dvr_crf``: pictures a second and H.264 rate factor of what the cameras' recorder plays
    back. ``overlay``: whether it burns in the camera's name and the time. ``gamma``: exponent that the screen adds.
    ``bezel``: share of the cell's width that is seen of the dark around it, on each side. ``recorder_rate_hz``,
    ``recorder_crf``: of what records the screen. ``phase_s``: how long after the clip's start it begins to.
    ``camera``: None when the screen is grabbed and not filmed.
    """

    cell_px: int
    dvr_rate_hz: float
    dvr_crf: float
    overlay: bool
    gamma: float
    bezel: float
    recorder_rate_hz: float
    recorder_crf: float
    phase_s: float
    camera: Camera | None

    @property
    def cell(self) -> tuple[int, int]:
        """Height and width of the cell in screen pixels."""
        return round(self.cell_px * 9 / 16), self.cell_px


def draw_recording(ranges: Degradation, rng: np.random.Generator) -> Recording:
    """Draw how a clip is recorded; gamma evenly by its logarithm, so that it darkens as often as it lightens."""
    dvr_rate_hz = float(rng.choice(ranges.dvr_rates_hz))
    return Recording(
        cell_px=int(rng.integers(ranges.cell_px[0], ranges.cell_px[1] + 1)),
        dvr_rate_hz=dvr_rate_hz,
        dvr_crf=float(rng.uniform(*ranges.dvr_crf)),
        overlay=bool(rng.random() < ranges.overlay),
        gamma=float(np.exp(rng.uniform(*np.log(ranges.gamma)))),
        bezel=float(rng.uniform(*ranges.bezel)),
        recorder_rate_hz=float(rng.choice(ranges.recorder_rates_hz)),
        recorder_crf=float(rng.uniform(*ranges.recorder_crf)),
        phase_s=float(rng.uniform(0, 1 / dvr_rate_hz)),
        camera=_draw_camera(ranges, rng) if rng.random() < ranges.filmed else None,
    )


def _draw_camera(ranges: Degradation, rng: np.random.Generator) -> Camera:
    tilt = rng.uniform(*ranges.tilt)
    return Camera(
        pitch=float(rng.uniform(*ranges.pitch)),
        corners=tuple((float(right), float(down)) for right, down in rng.uniform(-tilt, tilt, (CORNERS, 2))),
        moire=float(rng.uniform(*ranges.moire)),
        sway_px=float(rng.uniform(*ranges.sway_px)),
        noise=float(rng.uniform(*ranges.noise)),
    )
