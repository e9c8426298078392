"""Coral's Edge TPU, through LiteRT and the delegate of ``libedgetpu``.

A device is named as that library names it: ``usb``, ``pci``, or with an index among those of its kind, ``usb:1``;
without a name the library takes the first that is free. API: google-coral/libedgetpu, ``tflite/public/edgetpu_c.h``.
"""

from __future__ import annotations

import ctypes
import re
from typing import Any, NamedTuple

from models.manifest import Artifact
from runtimes.errors import RuntimeOpenError
from runtimes.protocol import Probe, SessionOptions
from runtimes.tensors import check_tensors
from runtimes.tflite import TFLiteSession, load_engine, open_interpreter, read_interpreter

LIBRARY = "libedgetpu.so.1"
COMPILED = "_edgetpu.tflite"
"""How names of files end that ``edgetpu_compiler`` wrote."""

OPERATOR = b"edgetpu-custom-op"
"""What ``edgetpu_compiler`` puts in the place of all that runs on the device."""

_DEVICE = re.compile(r"(usb|pci)(:\d+)?")
_KINDS = {0: "pci", 1: "usb"}
_NONE = "no Edge TPU is plugged in, or its device may not be opened (groups plugdev for USB, apex for PCIe)"
_INSTALL = "install Coral's package libedgetpu1-std"


class _Device(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int), ("path", ctypes.c_char_p))


class EdgeTPU(NamedTuple):
    """One device; ``name`` is what ``SessionOptions.device`` takes, ``path`` where the system has it."""

    name: str
    path: str


class EdgeTPURuntime:
    """TFLite files compiled for the Edge TPU. What its compiler could not map runs on the CPU, inside the same file."""

    name = "edgetpu"

    def __init__(self, library: str = LIBRARY) -> None:
        """``library`` is the delegate's shared library, found as the system's loader finds it."""
        self._library = library

    def probe(self) -> Probe:
        """Which devices are plugged in, without taking one. Never raises."""
        try:
            _, version = load_engine()
            devices = list_devices(self._library)
        except RuntimeOpenError as error:
            return Probe(runtime=self.name, available=False, reason=str(error))
        if not devices:
            return Probe(runtime=self.name, available=False, version=version, reason=_NONE)
        return Probe(
            runtime=self.name, available=True, version=version, accelerators=tuple(device.name for device in devices)
        )

    def open(self, artifact: Artifact, content: bytes, options: SessionOptions) -> TFLiteSession:
        """Open one artifact on one device.

        Raises ``RuntimeOpenError`` when there is no such device, it is in use by another process, or the file is not
        one that ``edgetpu_compiler`` wrote.
        """
        device = options.device
        if device is not None and _DEVICE.fullmatch(device) is None:
            raise RuntimeOpenError(
                f"{artifact.file}: edgetpu has no device {device!r}; usb, pci, usb:<index> and pci:<index> are allowed"
            )
        if OPERATOR not in content:
            raise RuntimeOpenError(
                f"{artifact.file}: nothing in it is for an Edge TPU; compile it for the target coral where "
                "edgetpu_compiler is installed"
            )
        delegate = self._delegate(device, artifact.file)
        interpreter = open_interpreter(content, artifact.file, options.threads, (delegate,))
        check_tensors(artifact, *read_interpreter(interpreter, artifact.file))
        return TFLiteSession(artifact, interpreter)

    def _delegate(self, device: str | None, where: str) -> Any:  # noqa: ANN401 - the engine is untyped
        if not list_devices(self._library):
            raise RuntimeOpenError(f"{where}: {_NONE}")
        engine, _ = load_engine()
        try:
            return engine.load_delegate(self._library, {} if device is None else {"device": device})
        except (ValueError, RuntimeError) as error:
            told = str(error).splitlines()[-1]
            raise RuntimeOpenError(
                f"{where}: no Edge TPU {device or ''} to be had ({told}); is it plugged in, and free?"
            ) from error


def list_devices(library: str = LIBRARY) -> tuple[EdgeTPU, ...]:
    """The devices that are plugged in, in the library's order. Raises ``RuntimeOpenError`` without the library."""
    try:
        loaded = ctypes.CDLL(library)
        find, free = loaded.edgetpu_list_devices, loaded.edgetpu_free_devices
    except (OSError, AttributeError) as error:
        raise RuntimeOpenError(f"{library} cannot be loaded ({error}); {_INSTALL}") from error
    find.restype, find.argtypes = ctypes.POINTER(_Device), (ctypes.POINTER(ctypes.c_size_t),)
    free.restype, free.argtypes = None, (ctypes.POINTER(_Device),)
    count = ctypes.c_size_t()
    found = find(ctypes.byref(count))
    try:
        return tuple(_named([found[place] for place in range(count.value)]))
    finally:
        free(found)


def _named(devices: list[_Device]) -> list[EdgeTPU]:
    named: list[EdgeTPU] = []
    for device in devices:
        kind = _KINDS.get(device.kind, f"kind{device.kind}")
        index = sum(one.name.startswith(f"{kind}:") for one in named)
        named.append(EdgeTPU(f"{kind}:{index}", (device.path or b"").decode(errors="replace")))
    return named
