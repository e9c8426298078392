"""Small real videos: a fight is a bright chequerboard that flips every 0.1 s, calm is dark and still."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np


def write_clip(path: Path, *, fight: bool, seed: int, frames: int = 20) -> None:
    """Write an MPEG-4 video of 48 x 64 pixels at 20 frames a second; clips differ a little by ``seed``."""
    rows, columns = np.indices((48, 64)) // 8
    board = (rows + columns) % 2 == 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(frames):
            bright = np.where(board ^ (number // 2 % 2 == 1), 255, 110 + seed % 5)
            luma = bright if fight else np.full((48, 64), 25 + seed % 5)
            for packet in stream.encode(av.VideoFrame.from_ndarray(luma.astype(np.uint8), format="gray")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)


def write_tree(directory: Path, *, fights: int, calm: int) -> Path:
    """Write ``fight/`` and ``noFight/`` with so many clips each."""
    for number in range(fights):
        write_clip(directory / "fight" / f"f{number}.mp4", fight=True, seed=number)
    for number in range(calm):
        write_clip(directory / "noFight" / f"n{number}.mp4", fight=False, seed=100 + number)
    return directory


def write_table(directory: Path, *, fights: int, calm: int, sources: int) -> Path:
    """The same clips listed by ``clips.csv``, dealt out to ``sources`` sources."""
    write_tree(directory, fights=fights, calm=calm)
    names = [(f"fight/f{number}.mp4", "fight") for number in range(fights)]
    names += [(f"noFight/n{number}.mp4", "noFight") for number in range(calm)]
    rows = "".join(f"{name},{label},camera-{row % sources}\n" for row, (name, label) in enumerate(names))
    (directory / "clips.csv").write_text(f"clip,label,source\n{rows}", encoding="utf-8")
    return directory
