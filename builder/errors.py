"""What can go wrong between a folder of clips and a bundle."""

from __future__ import annotations

from models.errors import NexaraError


class BuilderError(NexaraError):
    """Base of the builder's errors."""


class DataError(BuilderError):
    """The clips given cannot be trained on or evaluated."""


class RecipeError(BuilderError):
    """A recipe has an unknown key, a wrong type or a value out of its range."""


class OutputError(BuilderError):
    """The folder given for the bundle cannot be written."""


class ModelError(BuilderError):
    """A folder holds no float model that could be compiled."""


class WeightsError(BuilderError):
    """Pretrained weights are not to be had, or are not what they should be."""
