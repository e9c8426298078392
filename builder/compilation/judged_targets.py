"""All targets of one network, compiled and judged through the runtimes that devices use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from builder.compilation.ahead_of_time import compile_further
from builder.compilation.catalogue import Target
from builder.compilation.targets import Calibrating, compile_target
from builder.evaluation.opening import open_artifacts
from builder.evaluation.scores import Scores, write_scores
from builder.evaluation.scoring import Scorer
from builder.training.fit import Progress
from builder.training.network import Network
from models.manifest import Artifact, Preprocessing


def compile_judged(
    targets: Sequence[Target],
    network: Network,
    calibrating: Calibrating,
    preprocessing: Preprocessing,
    judge: Callable[[Scorer], Scores],
    directory: Path,
    progress: Progress,
) -> tuple[Artifact, ...]:
    """Write encoder and head of each target under ``directory``, and what ``judge`` finds of them as ``<target>.json``.

    What another compiler makes of a file is judged by that file. Raises ``CompilationError`` for a network that a
    target cannot hold, ``RuntimeOpenError`` and ``SessionError`` for files that their own runtime does not run.
    """
    artifacts: list[Artifact] = []
    for number, target in enumerate(targets, 1):
        pair = compile_target(target, network, calibrating, preprocessing, directory)
        with closing(open_artifacts(*pair, directory, preprocessing)) as opened:
            write_scores(judge(opened), directory / f"{target.name}.json")
        artifacts += [compile_further(target, one, directory) for one in pair]
        progress(number, len(targets), target.name)
    return tuple(artifacts)
