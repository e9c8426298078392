"""The main job on one screen: drawn cameras, the real agent, a broker, and what a second MQTT client receives.

Only what a newcomer needs to be shown lives here; the agent it runs is the one that devices run. It needs the
``demo`` extra, and nothing outside may import it.
"""

from __future__ import annotations


def main(argv: list[str]) -> int:
    """Watch four drawn cameras with the real agent, and see its alerts arrive over MQTT."""
    from edge_agent.demo.command_line import run_demo

    return run_demo(argv)
