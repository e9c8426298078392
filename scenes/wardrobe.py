"""What people wear and how tall they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

Colour = tuple[float, float, float]
SKINS: tuple[Colour, ...] = ((140, 170, 215), (115, 150, 200), (90, 120, 170), (60, 85, 130), (45, 60, 95))
HAIRS: tuple[Colour, ...] = ((25, 25, 28), (35, 45, 60), (60, 90, 130), (130, 135, 140))


@dataclass(frozen=True, slots=True)
class Outfit:
    """Colours are BGR 0-255; ``build`` scales every width; ``stripe`` is the colour of the stripe across the chest."""

    stature_m: float
    build: float
    top: Colour
    sleeve: Colour
    forearm: Colour
    trousers: Colour
    shin: Colour
    shoes: Colour
    skin: Colour
    hair: Colour
    stripe: Colour

    def in_grey(self) -> Outfit:
        """The same clothes as an infrared camera sees them."""
        return replace(
            self, top=_grey(self.top), sleeve=_grey(self.sleeve), forearm=_grey(self.forearm), shin=_grey(self.shin),
            trousers=_grey(self.trousers), shoes=_grey(self.shoes), skin=_grey(self.skin), hair=_grey(self.hair),
            stripe=_grey(self.stripe),
        )  # fmt: skip


def dress(rng: np.random.Generator) -> Outfit:
    """Draw one person's outfit."""
    skin = SKINS[int(rng.integers(len(SKINS)))]
    top, trousers = _cloth(rng), _cloth(rng, dark=0.75)
    bare = rng.random() < 0.35
    shorts = rng.random() < 0.15
    return Outfit(
        stature_m=float(rng.uniform(1.58, 1.9)),
        build=float(rng.uniform(0.92, 1.22)),
        top=top,
        sleeve=top if rng.random() < 0.9 else skin,
        forearm=skin if bare else top,
        trousers=trousers,
        shin=skin if shorts else trousers,
        shoes=_cloth(rng, dark=0.5),
        skin=skin,
        hair=HAIRS[int(rng.integers(len(HAIRS)))],
        stripe=_cloth(rng) if rng.random() < 0.4 else top,
    )


def _cloth(rng: np.random.Generator, dark: float = 1.0) -> Colour:
    """Mostly black, grey, blue and white, sometimes a loud colour."""
    if rng.random() < 0.7:
        grey = float(rng.choice([25.0, 40.0, 60.0, 100.0, 165.0, 225.0, 235.0])) * dark
        tint = rng.normal(0, 8, 3)
    else:
        grey, tint = 105.0 * dark, rng.uniform(-75, 90, 3) * dark
    blue, green, red = (float(np.clip(grey + one, 12, 240)) for one in tint)
    return blue, green, red


def _grey(colour: Colour) -> Colour:
    """Luma, lifted: most dyes reflect infrared."""
    luma = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]
    pale = 60.0 + 0.75 * luma
    return pale, pale, pale
