"""What is told of an evaluated bundle on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from builder.evaluation.bundle import DegradedEvaluation, Evaluation, TargetEvaluation
from builder.evaluation.intervals import Difference
from builder.evaluation.judged_views import ViewName
from builder.table import align, decimal, percent, share

_HEADERS = ("target", "accuracy", "AUC", "recall", "specificity", "F1", "ECE", "ms/sample", "ms/clip", "deviation")


def describe(evaluation: Evaluation) -> Iterator[str]:
    """The lines that ``nexara evaluate`` prints."""
    figures = evaluation.targets[0].figures
    yield (
        f"{evaluation.bundle} {evaluation.version} on {evaluation.data}: {figures.clips} clips "
        f"({figures.fights} fights, {figures.clips - figures.fights} calm) of {figures.sources} sources"
    )
    if not evaluation.sources_known:
        yield "sources are unknown, so each clip counts as its own: intervals may be too narrow (add clips.csv)"
    yield ""
    yield from align([_HEADERS, *(_row(name, target) for name, target in _named(evaluation))])
    yield ""
    yield from _operating_points(evaluation)
    yield ""
    if evaluation.degraded is not None:
        yield from _degraded_lines(evaluation.degraded)
        yield ""
    if any(target.averaged for target in evaluation.targets):
        yield from _averaged_lines(evaluation)
        yield ""
    yield f"A clip counts as a fight from probability {figures.threshold:g}; brackets are 95 % intervals over sources."
    yield from (f"{figure}: n/a, {reason}" for figure, reason in figures.missing.items())
    reference = evaluation.targets[0].reference
    yield (
        f"Deviation is the largest difference of a clip's probability from {reference}."
        if reference
        else ("deviation: n/a, no float target was evaluated")
    )
    yield from (f"not run: {target}: {reason}" for target, reason in evaluation.refused.items())
    if evaluation.skipped:
        yield f"{len(evaluation.skipped)} clip(s) skipped:"
        yield from (f"  {skipped.reason}" for skipped in evaluation.skipped)


def _named(evaluation: Evaluation) -> Iterator[tuple[str, TargetEvaluation]]:
    """Each target with a name for its row, and after it the same on degraded clips where it was judged on them."""
    degraded = evaluation.degraded.targets if evaluation.degraded is not None else ()
    for number, target in enumerate(evaluation.targets):
        yield target.target, target
        if degraded:
            yield f"{target.target}, degraded", degraded[number]


def _row(name: str, target: TargetEvaluation) -> tuple[str, ...]:
    figures = target.figures
    return (
        name,
        percent(figures.accuracy),
        decimal(figures.auc),
        share(figures.recall),
        share(figures.specificity),
        "n/a" if figures.f1 is None else f"{figures.f1:.3f}",
        f"{figures.expected_calibration_error:.3f}",
        f"{target.sample_ms:.2f}",
        f"{target.clip_ms:.1f}",
        "n/a" if target.deviation is None else f"{target.deviation:.3f}",
    )


def _operating_points(evaluation: Evaluation) -> Iterator[str]:
    points = evaluation.targets[0].operating_points
    header = ("at the bundle's own thresholds", *(f"{point.name} {point.threshold:.2f}" for point in points))
    rows = [
        (
            name,
            *(
                f"{share(point.recall)} of fights, {share(point.specificity)} of calm"
                for point in target.operating_points
            ),
        )
        for name, target in _named(evaluation)
    ]
    yield from align([header, *rows])


def _degraded_lines(degraded: DegradedEvaluation) -> Iterator[str]:
    header = (f"degraded (seed {degraded.seed}) less clean", "accuracy", "AUC", "other verdicts")
    rows = [(target, *_difference(change)) for target, change in degraded.changes.items()]
    yield from align([header, *rows])


def _averaged_lines(evaluation: Evaluation) -> Iterator[str]:
    rows = []
    views: tuple[ViewName, ...] = ()
    for name, target in _named(evaluation):
        if target.averaged is not None:
            more = target.averaged
            views = more.views
            cost = (f"{more.encoder_runs:.2f}", f"{target.clip_ms:.1f} -> {more.clip_ms:.1f}")
            rows.append((name, *_difference(more.gain), *cost))
    header = (f"with {', '.join(views)} less without", "accuracy", "AUC", "other verdicts", "encoder runs", "ms/clip")
    yield from align([header, *rows])


def _difference(change: Difference) -> tuple[str, str, str]:
    points = change.accuracy
    return (
        f"{100 * points.value:+.1f} points [{100 * points.low:+.1f}, {100 * points.high:+.1f}]",
        decimal(change.auc, signed=True),
        str(change.flips),
    )
