"""The main job on one screen: drawn cameras, the real agent, a broker, and what a second MQTT client receives.

Only what a newcomer needs to be shown lives here; the agent it runs is the one that devices run. It needs the
``demo`` extra, and nothing outside may import it.
"""

from __future__ import annotations


import sys


def main(argv: list[str]) -> int:
    """``nexara demo``: returns the exit code."""
    try:
        from edge_agent.demo.command_line import run_demo
    except ModuleNotFoundError as error:
        print(f"nexara demo: {error.name} is not installed; install nexaravision[tflite,demo]", file=sys.stderr)
        return 2
    return run_demo(argv)
