"""Reads a GStreamer source in a process of its own: ``python gstreamer_player.py PIPELINE COUNT FOLDER WAIT``.

Debian's PyGObject belongs to the system's Python; a Python of the same version can load it too, but the rest of a test
run should not have GStreamer's threads in it. WAIT bounds the wait for the first frame, in seconds. Prints one JSON
object: ``times`` and ``error``; lumas and small colour pictures lie in FOLDER as ``pictures.npz``.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import numpy as np

from edge_agent.sources import SourceError, SourceOptions, open_source


def main(pipeline: str, count: int, folder: Path, wait_s: float) -> None:
    times: list[float] = []
    lumas, colours, error = [], [], None
    try:
        source = open_source(f"gstreamer:{pipeline}", SourceOptions(open_timeout_s=wait_s), time.monotonic)
        while len(times) < count and (frame := source.read(threading.Event())):
            times.append(frame.time_s)
            lumas.append(frame.image.luma())
            colours.append(frame.image.colour(64))
        source.close()
    except SourceError as failure:
        error = f"{type(failure).__name__}: {failure}"
    np.savez(folder / "pictures.npz", lumas=np.array(lumas), colours=np.array(colours))
    sys.stdout.write(json.dumps({"times": times, "error": error}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
