"""Engines: one a file behind one Protocol; probe, rank, open, fall back.

A heavy engine is imported inside the one file that serves it, when it is opened. Cameras, training and MQTT stay out.
"""

from __future__ import annotations

from runtimes.detector import Detector, open_detector
from runtimes.environment import Environment, probe_environment
from runtimes.errors import EngineError, NoRuntimeError, SessionError
from runtimes.protocol import Probe, Runtime, Session, SessionOptions

__all__ = [
    "Detector",
    "EngineError",
    "Environment",
    "NoRuntimeError",
    "Probe",
    "Runtime",
    "Session",
    "SessionError",
    "SessionOptions",
    "open_detector",
    "probe_environment",
]
