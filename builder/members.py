"""The members of an ensemble as recipes describe them: what all share, and in what they differ."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import msgspec

from builder.backbones.registry import BackboneSpec
from builder.heads import HeadName
from builder.training.adversarial import Alignment
from builder.training.curriculum import Curriculum
from builder.training.fit import Schedule
from builder.training.precision import Precision
from models.manifest import Channel, CloseUp, Preprocessing

Count = Annotated[int, msgspec.Meta(ge=1)]
Averaging = Literal["stacked"]
Side = Annotated[int, msgspec.Meta(ge=8)]


class NetworkSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network and how it is trained: first its head on ``probe_views`` embedded views a clip, then, with ``tune``,
    the whole.

    Source of the order: Kumar et al., fine-tuning can distort pretrained features (ICLR 2022).
    """

    backbone: BackboneSpec
    head: HeadName
    probe_views: Count = 8
    probe: Schedule
    tune: Schedule | None = None
    precision: Precision | msgspec.UnsetType = msgspec.UNSET


class Variant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What some members have in the place of what all share: a ``backbone``, a ``head``, a schedule by which they
    ``tune``, or another look at the clips: panes of ``size`` ``(H, W)``, their ``channels``, and the close-up's
    ``share`` of the picture.

    Source: Lakshminarayanan et al., Simple and scalable predictive uncertainty (2017), whose members differ by seed;
    what they see differs here too, since untuned members of one input differ by their heads alone.
    """

    name: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9]*$")]
    backbone: BackboneSpec | None = None
    head: HeadName | None = None
    tune: Schedule | None = None
    size: tuple[Side, Side] | None = None
    channels: Annotated[tuple[Channel, ...], msgspec.Meta(min_length=1)] | None = None
    share: Annotated[float, msgspec.Meta(gt=0, lt=1)] | None = None

    def see(self, preprocessing: Preprocessing) -> Preprocessing:
        """How these members see clips where all others see them by ``preprocessing``."""
        close_up = preprocessing.close_up
        if close_up is not None and self.share is not None:
            close_up = CloseUp(canvas=close_up.canvas, share=self.share)
        return msgspec.structs.replace(
            preprocessing,
            size=self.size or preprocessing.size,
            channels=self.channels or preprocessing.channels,
            close_up=close_up,
        )


class Members(NetworkSpec, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One member for each seed of each of the ``variants``, or for each seed alone where there are none.

    Their mean is ``averaging``'s, by what sources held out of training say of each, or else that of all alike. There
    may be ``alignment`` of clean and degraded clips while the whole is tuned, or a ``curriculum`` by which it is tuned
    on easy clips first.

    Raises ``ValueError`` when one of the last two is asked and nothing is tuned, or ``alignment`` with what it cannot
    be combined with, and when two variants share a name.
    """

    seeds: Annotated[tuple[int, ...], msgspec.Meta(min_length=1)] = (1, 2, 3)
    variants: tuple[Variant, ...] = ()
    averaging: Averaging | msgspec.UnsetType = msgspec.UNSET
    alignment: Alignment | msgspec.UnsetType = msgspec.UNSET
    curriculum: Curriculum | None = None

    def __post_init__(self) -> None:
        names = [variant.name for variant in self.variants]
        if len(names) != len(set(names)):
            raise ValueError(f"variants are named {', '.join(names)}; give each a name of its own")
        aligned, paced = self.alignment is not msgspec.UNSET, self.curriculum is not None
        if self.tune is None and (aligned or paced):
            asked = "alignment" if aligned else "curriculum"
            raise ValueError(f"{asked} is set and nothing is tuned; give tune, or leave {asked} out")
        if aligned and paced:
            raise ValueError("alignment and curriculum are both set; each has its own order of clips, so keep one")
        if aligned and self.tune is not None and self.tune.mixing is not msgspec.UNSET:
            raise ValueError(
                "alignment and tune.mixing are both set; a window mixed of both domains is of neither, so keep one"
            )

    def each(self, preprocessing: Preprocessing) -> tuple[Member, ...]:
        """Every member, those of one seed beside one another, where all that is not said otherwise is seen by
        ``preprocessing``."""
        if not self.variants:
            return tuple(Member(f"member{seed}", "", self, preprocessing, seed) for seed in self.seeds)
        return tuple(
            Member(f"member{seed}-{variant.name}", variant.name, self._of(variant), variant.see(preprocessing), seed)
            for seed in self.seeds
            for variant in self.variants
        )

    def _of(self, variant: Variant) -> Members:
        return msgspec.structs.replace(
            self,
            backbone=variant.backbone or self.backbone,
            head=variant.head or self.head,
            tune=variant.tune or self.tune,
            variants=(),
        )


class Member(NamedTuple):
    """One member: its ``name``, the ``variant`` it is of (or an empty string), its ``spec``, how it sees clips, and its
    ``seed``."""

    name: str
    variant: str
    spec: Members
    preprocessing: Preprocessing
    seed: int
