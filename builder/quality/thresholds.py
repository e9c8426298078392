"""From where on a clip is too bad to learn from, as a recipe's table."""

from __future__ import annotations

from typing import Annotated

import msgspec

from builder.quality.picture_hash import BITS

GreyLevel = Annotated[float, msgspec.Meta(ge=0, le=255)]
Bits = Annotated[float, msgspec.Meta(ge=0, le=BITS)]


class Quality(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A clip is dropped when its shorter side is below ``side_px`` pixels, its ``compression`` score (1 to 10) below
    that, its mean grey level outside ``darkest`` to ``brightest``, its standard deviation below ``contrast`` grey
    levels, or when never more than the share ``motion`` of its picture moves.

    Two clips are one recording when their hashes of 64 bits differ, on average, by at most ``same_pictures`` and
    ``same_changes`` bits; two sources are one camera when pictures of theirs differ by at most ``same_view``.
    """

    side_px: Annotated[int, msgspec.Meta(ge=0)] = 96
    compression: Annotated[float, msgspec.Meta(ge=1, le=10)] = 1.5
    darkest: GreyLevel = 16.0
    brightest: GreyLevel = 239.0
    contrast: GreyLevel = 8.0
    motion: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.00005
    same_pictures: Bits = 10.0
    same_changes: Bits = 14.0
    same_view: Bits = 8.0
