"""TensorFlow and legacy Keras, loaded once and late.

tfmot rejects Keras 3 models, and Keras 3 LSTMs do not fuse in TFLite, so all of the builder trains and converts with
``tf_keras``. TensorFlow decides which Keras it speaks at its first import: load it only through here.
"""

from __future__ import annotations

import logging
import os
import sys
from importlib import import_module
from types import ModuleType

from models.errors import NexaraError


class FrameworkError(NexaraError):
    """TensorFlow, legacy Keras or a converter cannot be used in this process."""


def load_tensorflow() -> ModuleType:
    """The ``tensorflow`` module, speaking legacy Keras; raises ``FrameworkError`` when it cannot be."""
    if "tensorflow" in sys.modules and os.environ.get("TF_USE_LEGACY_KERAS") != "1":
        raise FrameworkError(
            "TensorFlow was imported speaking Keras 3; set TF_USE_LEGACY_KERAS=1 before the first import of it"
        )
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return load_builder_module("tensorflow")


def load_keras() -> ModuleType:
    """The ``tf_keras`` module; raises ``FrameworkError`` when it cannot be loaded."""
    load_tensorflow()
    return load_builder_module("tf_keras")


def load_builder_module(name: str) -> ModuleType:
    """A module that only the builder's extra installs; raises ``FrameworkError`` when it cannot be loaded."""
    try:
        return import_module(name)
    except ImportError as error:
        raise FrameworkError(
            f"{name} cannot be imported ({error}); install the builder: pip install 'nexaravision[builder]'"
        ) from error


def settle_worker(threads: int) -> None:
    """Let TensorFlow, once this process loads it, use so many threads and keep its warnings to itself."""
    for kind in ("INTRAOP", "INTEROP"):
        os.environ[f"TF_NUM_{kind}_THREADS"] = str(threads)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
