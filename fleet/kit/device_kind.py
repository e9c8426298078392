"""The kinds of devices that kits are made for, and what differs between them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeviceKind:
    """``extras`` are those of our package, ``drop_ins`` those of ``systemd/drop-ins``. ``system_packages``: Python sees
    the system's packages too, as those of TensorRT are part of JetPack."""

    architectures: tuple[str, ...]
    python: str
    extras: tuple[str, ...]
    drop_ins: tuple[str, ...] = ()
    system_packages: bool = False


KINDS = {
    "jetson": DeviceKind(("arm64",), "3.10", ("tflite", "onnx"), ("jetson",), system_packages=True),
    "coral": DeviceKind(("arm64", "amd64"), "3.11", ("tflite",), ("coral-usb",)),
    "pi": DeviceKind(("arm64",), "3.11", ("tflite",)),
    "server": DeviceKind(("amd64", "arm64"), "3.11", ("tflite", "onnx")),
}
"""By their names. JetPack 6 is Ubuntu 22.04 with Python 3.10; Raspberry Pi OS and Debian 12 have 3.11."""

DROP_IN_GROUPS = {
    "coral-pci": ("apex",),
    "coral-usb": ("plugdev",),
    "jetson": ("video", "render"),
    "nvidia": (),
    "v4l2": ("video",),
    "vaapi": ("render",),
}
"""The groups that a drop-in wants: without them systemd does not start the service."""
