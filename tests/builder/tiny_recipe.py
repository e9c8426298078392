"""A recipe of tiny networks, for tests that run whole commands."""

from __future__ import annotations

RECIPE = """
name = "tiny"
version = "1.2.3"

[geometry]
samples = 3
rate_hz = 5.0
frame_gap_s = 0.1

[preprocessing]
size = [32, 32]
channels = ["acceleration"]
difference_gain = 4.0
mean = 128.0
scale = 128.0

# Ranges of int8 come from four clips here: let their views stray far.
[augmentation]
speed = 0.25

[folds]
count = 3
judged = 1

[members]
head = "bilstm"
seeds = [1, 2]
probe_views = 1
backbone = { blocks = 3, frozen = 1 }
probe = { epochs = 2, batch = 4 }
tune = { epochs = 1, batch = 2 }

[student]
head = "tcn"
views = 1
backbone = { blocks = 2 }
probe = { epochs = 2, batch = 4 }
tune = { epochs = 1, batch = 2 }

[pruning]
tune = { epochs = 2, batch = 2 }

[quantization]
clips = 12

[gate]
accuracy = 1.0
flips = 1.0
"""
