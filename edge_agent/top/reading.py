"""One reading of an agent's metrics."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge_agent.top.errors import TopError

_TIMEOUT_S = 5.0
_MOST_BYTES = 64 * 2**20
Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Reading:
    """Every sample by its name and labels; ``at_s`` is when it was read, by the reader's own rising clock."""

    at_s: float
    samples: Mapping[str, Mapping[Labels, float]]

    def value(self, name: str, **labels: str) -> float:
        """One sample; 0 where there is none."""
        return self.samples.get(name, {}).get(frozenset(labels.items()), 0.0)

    def find(self, name: str, **labels: str) -> float | None:
        """One sample; ``None`` where there is none."""
        return self.samples.get(name, {}).get(frozenset(labels.items()))

    def label(self, name: str, label: str, **labels: str) -> str:
        """The value of ``label`` at the sample above 0 that has ``labels`` too; empty where there is none."""
        for found, value in self.samples.get(name, {}).items():
            if value > 0 and found >= labels.items():
                return dict(found).get(label, "")
        return ""

    def labels(self, name: str, label: str) -> tuple[str, ...]:
        """Each value that ``label`` has, in order."""
        return tuple(dict.fromkeys(dict(found).get(label, "") for found in self.samples.get(name, {})))

    def sum(self, name: str, **labels: str) -> float:
        """All samples that have these labels, added."""
        return sum(value for found, value in self.samples.get(name, {}).items() if found >= labels.items())


def read_metrics(url: str, clock: Callable[[], float]) -> Reading:
    """Read ``url``; raises ``TopError`` when nothing answers there, or nothing that is an agent's metrics."""
    text = _fetch(url)
    try:
        from prometheus_client.parser import text_string_to_metric_families
    except ImportError as error:
        raise TopError(f"{error}; install nexaravision[metrics]") from error
    samples: dict[str, dict[Labels, float]] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                samples.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    except (ValueError, IndexError, KeyError) as error:
        raise TopError(f"{url}: what answers there gives no metrics: {error}; name an agent's /metrics") from error
    if "nexara_build_info" not in samples:
        raise TopError(f"{url}: these are not an agent's metrics; name what [metrics] listen says, with /metrics")
    return Reading(clock(), samples)


def _fetch(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise TopError(f"{url!r} is no address; allowed is for example http://127.0.0.1:9464/metrics")
    try:
        # Straight to the agent, whatever proxy this process or a library in it goes through.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=_TIMEOUT_S) as answer:
            return str(answer.read(_MOST_BYTES), "utf-8")
    except urllib.error.HTTPError as error:
        raise TopError(f"{url}: answered {error.code} {error.reason}; the path is /metrics") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise TopError(
            f"{url}: {reason}; is the agent running, and does its edge.toml have [metrics] with this address?"
        ) from error
