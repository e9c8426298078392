"""Where on the broker each kind of message goes."""

from __future__ import annotations

from dataclasses import dataclass

ROOT = "nexara/v1"
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
"""What sites, devices and cameras may be called: one topic level, free of MQTT's ``/ + # $`` and of spaces."""


DISCOVERY_PREFIX = "homeassistant"


@dataclass(frozen=True, slots=True)
class Topics:
    """Topics of one device. Names are taken to match ``NAME_PATTERN``, as the configuration ensures."""

    site: str
    device: str

    @property
    def root(self) -> str:
        return f"{ROOT}/{self.site}/{self.device}"

    @property
    def status(self) -> str:
        return f"{self.root}/status"

    @property
    def health(self) -> str:
        return f"{self.root}/health"

    @property
    def commands(self) -> str:
        """Filter of all commands to this device."""
        return self.command("+")

    @property
    def answers(self) -> str:
        """What the topics of answers begin with, unless the configuration says otherwise."""
        return f"{self.root}/answer/"

    @property
    def bundle(self) -> str:
        return f"{self.root}/bundle"

    @property
    def desired_bundle(self) -> str:
        """Where others say which bundle the device should have."""
        return f"{self.root}/desired/bundle"

    def command(self, name: str) -> str:
        return f"{self.root}/command/{name}"

    def camera_state(self, camera: str) -> str:
        return f"{self.root}/camera/{camera}/state"

    def incident(self, camera: str) -> str:
        return f"{self.root}/camera/{camera}/incident"

    def snapshot(self, camera: str) -> str:
        return f"{self.root}/camera/{camera}/snapshot"


def discovery_topic(prefix: str, object_id: str) -> str:
    """Where Home Assistant looks for a device. The object's id may hold letters, digits, ``_`` and ``-``."""
    return f"{prefix}/device/{object_id}/config"
