"""``nexara-edge trace``: what becomes of a frame, stage by stage, timed in the agent itself.

One camera is watched by the agent that devices run, with a stopwatch listening; nothing here does any of its work.
"""
