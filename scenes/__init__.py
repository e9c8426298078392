"""Drawn worlds with exact ground truth, for the demo, tests, benchmarks and extra training clips.

It imports nothing of ours: it serves the agent and the builder and knows neither.
"""
