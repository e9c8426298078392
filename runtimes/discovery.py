"""Which engines there are: our own, and those that installed packages add under the entry-point group
``nexara.runtimes`` (name -> a class or function that takes nothing and gives a ``Runtime``)."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import cast

from runtimes.protocol import Probe, Runtime

GROUP = "nexara.runtimes"

# Named here too, so that a checkout that was never installed has its engines.
_BUILT_IN = {
    "tflite": "runtimes.tflite:TFLiteRuntime",
    "onnx": "runtimes.onnx:OnnxRuntime",
    "edgetpu": "runtimes.edgetpu:EdgeTPURuntime",
    "tensorrt": "runtimes.tensorrt.runtime:TensorRTRuntime",
    "tensorrt-rtx": "runtimes.tensorrt.runtime:rtx_runtime",
}


@dataclass(frozen=True, slots=True)
class Discovery:
    """Engines that could be loaded, and one unavailable ``Probe`` for each plugin that could not."""

    runtimes: tuple[Runtime, ...]
    broken: tuple[Probe, ...] = ()


@cache
def discover_runtimes() -> Discovery:
    """Our engines and the installed plugins, found once per process. Never raises."""
    return load_runtimes(metadata.entry_points(group=GROUP))


def load_runtimes(plugins: Iterable[metadata.EntryPoint]) -> Discovery:
    """Our engines, then ``plugins``; one that raises, is no runtime or takes a name in use is skipped with a reason."""
    runtimes: dict[str, Runtime] = {}
    broken = []
    for name, target in _BUILT_IN.items():
        module, _, attribute = target.partition(":")
        runtimes[name] = getattr(importlib.import_module(module), attribute)()
    for plugin in plugins:
        if _BUILT_IN.get(plugin.name) == plugin.value:
            continue
        reason = f"the name {plugin.name} is taken by another engine" if plugin.name in runtimes else None
        if reason is None:
            runtime, reason = _load(plugin)
            if runtime is not None:
                runtimes[plugin.name] = runtime
                continue
        broken.append(Probe(runtime=plugin.name, available=False, reason=f"plugin {plugin.value} skipped: {reason}"))
    return Discovery(runtimes=tuple(runtimes.values()), broken=tuple(broken))


def _load(plugin: metadata.EntryPoint) -> tuple[Runtime | None, str | None]:
    try:
        runtime = plugin.load()()
    except Exception as error:  # noqa: BLE001 - third-party code; a broken plugin must never be fatal
        return None, repr(error)
    if not (callable(getattr(runtime, "probe", None)) and callable(getattr(runtime, "open", None))):
        return None, f"{type(runtime).__name__} has no probe and open"
    if getattr(runtime, "name", None) != plugin.name:
        return None, f"it calls itself {getattr(runtime, 'name', None)!r}"
    return cast("Runtime", runtime), None
