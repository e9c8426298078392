"""Whole channels taken out of an encoder, which makes it faster wherever it runs.

What is left of a block is fitted again to what the block gave, channels going in the order in which that errs least
(``Moments.removal_order``); how many go where is chosen by what each block's loss does to the embeddings. Nothing is
trained. Sources: Luo et al., ThiNet (ICCV 2017), for fitting what follows on what the narrowed network gives; Kurtić et
al., ZipLM (NeurIPS 2023), for the order and for choosing widths by cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from builder.compression.bottlenecks import Bottleneck, encoder_cost, find_bottlenecks
from builder.compression.moments import Moments, MomentSums
from builder.compression.widths import WidthsError, choose_widths
from builder.framework import load_keras
from builder.training.fit import Progress
from builder.training.network import copy_encoder, narrow_encoder, traced

if TYPE_CHECKING:
    import tf_keras

STEP = 8
"""Engines compute eight channels at a time: a width between costs as much as the next."""
SHARES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.42, 0.34, 0.26, 0.18, 0.12)
BATCH = 32
PLACES = 96
"""Places of one pane whose activations are fitted to: early maps have thousands, nearly all alike."""
TRIED = 300
"""Panes that show what a narrower block does to the embeddings."""


@dataclass(frozen=True, slots=True)
class Narrower:
    """``panes (N, H, W, C) float32`` in -1..1 are what the encoder shall still see as it did, at ``keep`` of its cost;
    ``seed`` draws from them."""

    keep: float
    panes: NDArray[np.float32]
    seed: int
    progress: Progress

    def narrow(self, encoder: tf_keras.Model) -> tf_keras.Model:
        """A new encoder that costs ``keep`` of what the given one does, or a little less (``encoder_cost``).

        Raises ``WidthsError`` when it has no channels to go, or too few.
        """
        found = find_bottlenecks(encoder)
        if not found:
            raise WidthsError(
                f"{self.keep} of the encoder's cost is to be kept and none of its channels may go: it has no inverted "
                "residual blocks; choose another backbone, or leave [slimming] out"
            )
        moments = self._gather(encoder, found)
        orders = {
            one.filters: told.removal_order(_scaled_kernel(encoder, one))
            for one, told in zip(found, moments, strict=True)
        }
        effects = self._effects(encoder, found, moments, orders)
        costs = {one.filters: one.cost for one in found}
        fixed = encoder_cost(encoder) - sum(one.cost * one.width for one in found)
        widths = choose_widths(effects, costs, self.keep * encoder_cost(encoder) - fixed)
        kept = {name: np.sort(order[len(order) - widths[name] :]) for name, order in orders.items()}
        return self._narrowed(encoder, found, kept)

    def _gather(self, encoder: tf_keras.Model, found: Sequence[Bottleneck]) -> list[Moments]:
        """What each projection reads and gives."""
        rng, moments = np.random.default_rng(self.seed), []
        trunk = _Trunk(encoder.input, self.panes)
        for turn, one in enumerate(found):
            sums, projection = MomentSums(), encoder.get_layer(one.projection)
            kernel = projection.get_weights()[0][0, 0]
            trunk.reach(encoder.get_layer(one.filters).input)
            for maps in trunk.ahead(projection.input)():
                (read,) = _rows((maps,), rng)
                sums.add(read, read @ kernel)
            moments.append(sums.moments())
            self.progress(turn + 1, len(found), "moments of channels")
        return moments

    def _effects(
        self,
        encoder: tf_keras.Model,
        found: Sequence[Bottleneck],
        moments: Sequence[Moments],
        orders: Mapping[str, NDArray[np.intp]],
    ) -> dict[str, dict[int, float]]:
        """How far embeddings stray, squared and relative to their variance, at each width of each bottleneck alone."""
        tried = copy_encoder(encoder)
        trunk = _Trunk(tried.input, self.panes[np.random.default_rng(self.seed).permutation(len(self.panes))[:TRIED]])
        effects = {}
        for turn, (one, told) in enumerate(zip(found, moments, strict=True)):
            # What comes before it stays as it is.
            trunk.reach(tried.get_layer(one.filters).input)
            embed = trunk.ahead(tried.output)
            wanted = np.concatenate(list(embed()))
            effects[one.filters] = {one.width: 0.0}
            for width in _widths(one.width):
                with _Fitted(tried, one, told, orders[one.filters][one.width - width :]):
                    away = np.concatenate(list(embed())) - wanted
                effects[one.filters][width] = float(np.mean(away**2) / wanted.var(axis=0).mean())
            self.progress(turn + 1, len(found), "what channels do")
        return effects

    def _narrowed(
        self, encoder: tf_keras.Model, found: Sequence[Bottleneck], kept: Mapping[str, NDArray[np.intp]]
    ) -> tf_keras.Model:
        """The encoder with the ``kept`` channels, each projection fitted, from the first on, to what the whole encoder
        gives by what the narrow one reads."""
        narrow = narrow_encoder(encoder, {name: len(channels) for name, channels in kept.items()})
        _hand_over(encoder, narrow, found, kept)
        before, after = (_Trunk(model.input, self.panes) for model in (encoder, narrow))
        for turn, one in enumerate(found):
            sums, rng = MomentSums(), np.random.default_rng(self.seed)
            after.reach(narrow.get_layer(one.filters).input)
            before.reach(encoder.get_layer(one.sum or one.norm).output)
            scale, shift = _affine(narrow, one)
            reads = after.ahead(narrow.get_layer(one.projection).input)()
            for entry, read, wanted in zip(after.batches(), reads, before.batches(), strict=True):
                # What a normalisation takes nothing of may be anything.
                given = (wanted - (entry if one.sum else 0.0) - shift) / np.where(scale == 0, 1, scale)
                sums.add(*_rows((read, given.astype(np.float32)), rng))
            _lay(narrow, one, *sums.moments().fit(np.arange(len(kept[one.filters]))))
            self.progress(turn + 1, len(found), "fitting channels")
        return narrow


class _Trunk:
    """The maps of all panes at one place of an encoder, from where those of later places are computed."""

    def __init__(self, place: Any, maps: NDArray[np.float32]) -> None:  # noqa: ANN401 - a symbolic tensor
        self._place = place
        self._maps = maps

    def batches(self) -> Iterator[NDArray[np.float32]]:
        """The maps, batch by batch."""
        return (self._maps[start : start + BATCH] for start in range(0, len(self._maps), BATCH))

    def ahead(self, place: Any) -> Callable[[], Iterator[NDArray[np.float32]]]:  # noqa: ANN401 - a symbolic tensor
        """What gives the maps of a later place, batch by batch, by the weights of when it is asked."""
        call = traced(load_keras().Model(self._place, place))
        return lambda: (np.asarray(call(batch)) for batch in self.batches())

    def reach(self, place: Any) -> None:  # noqa: ANN401 - a symbolic tensor
        """Go on to a later place, which depends on this one alone."""
        if place is not self._place:
            self._maps = np.concatenate(list(self.ahead(place)()))
            self._place = place


class _Fitted:
    """A projection that reads the ``kept`` channels alone while this is open, fitted to what it gave."""

    def __init__(self, model: tf_keras.Model, one: Bottleneck, moments: Moments, kept: NDArray[np.intp]) -> None:
        self._layers = [model.get_layer(name) for name in (one.projection, one.norm)]
        self._model, self._one, self._moments, self._kept = model, one, moments, kept
        self._before = [layer.get_weights() for layer in self._layers]

    def __enter__(self) -> None:
        kernel, intercept = self._moments.fit(self._kept)
        whole = np.zeros((self._one.width, kernel.shape[1]))
        whole[self._kept] = kernel
        _lay(self._model, self._one, whole, intercept)

    def __exit__(self, *_: object) -> None:
        for layer, weights in zip(self._layers, self._before, strict=True):
            layer.set_weights(weights)


def _widths(whole: int) -> Iterator[int]:
    """Narrower widths to choose from, the widest first."""
    found = {max(STEP, round(share * whole / STEP) * STEP) for share in SHARES}
    return iter(sorted((width for width in found if width < whole), reverse=True))


def _rows(maps: Sequence[NDArray[np.float32]], rng: np.random.Generator) -> list[NDArray[np.float32]]:
    """The same places of maps ``(N, h, w, ...)``, ``(M, ...)`` each: all of small maps, some of large ones."""
    count, height, width = maps[0].shape[:3]
    flat = [one.reshape(count * height * width, -1) for one in maps]
    if height * width <= PLACES:
        return flat
    chosen = rng.choice(len(flat[0]), count * PLACES, replace=False)
    return [one[chosen] for one in flat]


def _scaled_kernel(encoder: tf_keras.Model, one: Bottleneck) -> NDArray[np.float32]:
    """The projection's kernel ``(E, O)`` as large as it is once normalised."""
    return np.asarray(encoder.get_layer(one.projection).get_weights()[0][0, 0] * _affine(encoder, one)[0])


def _affine(model: tf_keras.Model, one: Bottleneck) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The scale and shift of the normalisation that follows a projection."""
    norm = model.get_layer(one.norm)
    gamma, beta, mean, variance = norm.get_weights()
    scale = gamma / np.sqrt(variance + norm.epsilon)
    return scale, beta - mean * scale


def _lay(model: tf_keras.Model, one: Bottleneck, kernel: NDArray[np.floating], intercept: NDArray[np.floating]) -> None:
    """Give a projection this kernel ``(E, O)`` and intercept ``(O,)``: the normalisation after it takes the second."""
    norm, (scale, _) = model.get_layer(one.norm), _affine(model, one)
    model.get_layer(one.projection).set_weights([kernel[None, None].astype(np.float32)])
    gamma, beta, mean, variance = norm.get_weights()
    norm.set_weights([gamma, beta + scale * intercept.astype(np.float32), mean, variance])


def _hand_over(
    encoder: tf_keras.Model,
    narrow: tf_keras.Model,
    found: Sequence[Bottleneck],
    kept: Mapping[str, NDArray[np.intp]],
) -> None:
    """Give the narrow encoder the weights of the channels that it keeps."""
    inside = {name: kept[one.filters] for one in found for name in one.inside}
    projections = {one.projection: kept[one.filters] for one in found}
    depthwise = load_keras().layers.DepthwiseConv2D
    for layer in narrow.layers:
        weights = encoder.get_layer(layer.name).get_weights()
        if layer.name in projections:
            weights[0] = weights[0][:, :, projections[layer.name]]
        elif layer.name in inside:
            channels = inside[layer.name]
            weights = [
                one[:, :, channels] if isinstance(layer, depthwise) and one.ndim > 1 else one[..., channels]
                for one in weights
            ]
        layer.set_weights(weights)
