"""What an installer may say, in one TOML file: its form, its checking, and what it becomes for the agent.

Everything is validated before anything starts, and every fault is told at once. Nothing here opens a camera, a broker
or an engine.
"""

from edge_agent.config.errors import ConfigError, SecretError
from edge_agent.config.loading import Config, load_config
from edge_agent.config.settings import Settings

__all__ = ["Config", "ConfigError", "SecretError", "Settings", "load_config"]
