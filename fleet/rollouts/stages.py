"""Which device comes in which stage."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from fleet.devices.name import DeviceName
from fleet.rollouts.rollout import Member


def plan_members(
    rollout_id: str, names: Iterable[DeviceName], percents: Sequence[int], left_out: Mapping[DeviceName, str]
) -> tuple[Member, ...]:
    """All devices in the order in which they are asked, then those ``left_out``, each with why.

    The order is as good as random and the same whenever it is asked for: another roll-out has other devices try first.
    A stage ends at its share of the devices, rounded up, so that the first has one at least; a stage that would add
    none is none.
    """
    order = sorted((name for name in names if name not in left_out), key=lambda name: _draw(rollout_id, name))
    ends = sorted({-(-percent * len(order) // 100) for percent in percents} - {0})
    sizes = [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
    stages = chain.from_iterable([stage] * size for stage, size in enumerate(sizes))
    asked = tuple(
        Member(site=name.site, device=name.device, stage=stage) for name, stage in zip(order, stages, strict=True)
    )
    last = max(len(sizes) - 1, 0)
    skipped = tuple(
        Member(site=name.site, device=name.device, stage=last, outcome="skipped", reason=reason)
        for name, reason in sorted(left_out.items())
    )
    return (*asked, *skipped)


def _draw(rollout_id: str, name: DeviceName) -> bytes:
    return hashlib.sha256(f"{rollout_id}\0{name}".encode()).digest()
