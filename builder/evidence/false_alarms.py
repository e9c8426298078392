"""What ``python -m benchmarks.false_alarms`` found of a bundle: alarms of films without a fight, and fights found."""

from __future__ import annotations

from typing import Annotated

import msgspec

from builder.evidence.table import EvidenceTable
from builder.table import percent
from models.manifest import Interval, Thresholds

_HEADS = ("without a fight", "minutes", "false alarms", "an hour")
_SCENES = (
    "Most calm acts of the drawn scenes are hard ones (running, dancing, hugging, falls). Brackets are 95 % intervals."
)


class AlarmPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Alarms of films of one place: all drawn scenes, one kind of them, or one film of ordinary footage."""

    place: str
    hours: float
    alarms: int
    per_hour: Interval


class AlarmOperation(msgspec.Struct, frozen=True, kw_only=True):
    """What the bundle's own thresholds do: fights told of, and the median of seconds until then."""

    thresholds: Thresholds
    start_hold_s: float
    found: int
    fights: int
    recall: Interval
    delay_s: float | None


class FalseAlarmEvidence(msgspec.Struct, frozen=True, kw_only=True, tag_field="evidence", tag="false-alarms"):
    """Some of ``benchmarks.false_alarms.Result``; ``bundle`` is name and version, and ``fingerprint`` its
    manifest's."""

    bundle: str
    fingerprint: str
    target: str
    seed: int
    places: Annotated[tuple[AlarmPlace, ...], msgspec.Meta(min_length=1)]
    shipped: AlarmOperation

    @property
    def measured(self) -> str:
        """Name and version of the bundle."""
        return self.bundle

    def table(self) -> EvidenceTable:
        """Every place, and below them the fights."""
        return EvidenceTable(
            title=(
                f"False alarms an hour: {self.bundle} on {self.target} watching drawn scenes of seeds {self.seed} and "
                f"{self.seed + 1}, and any film named here, with the agent's own parts"
            ),
            head=_HEADS,
            rows=tuple(
                (one.place, f"{60 * one.hours:.1f}", str(one.alarms), _rate(one.per_hour)) for one in self.places
            ),
            notes=(self._fights(), _SCENES),
        )

    def _fights(self) -> str:
        shipped = self.shipped
        delay = "" if shipped.delay_s is None else f", in the median {shipped.delay_s:.1f} s after they began"
        return (
            f"At the bundle's own alert threshold of {shipped.thresholds.alert:.3g}, held for {shipped.start_hold_s:g} "
            f"s, it told of {shipped.found} of {shipped.fights} fights in drawn scenes ({percent(shipped.recall)})"
            f"{delay}."
        )


def _rate(rate: Interval) -> str:
    return f"{rate.value:.1f} [{rate.low:.1f}, {rate.high:.1f}]"
