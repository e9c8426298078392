"""One picture of each camera, as those of incidents are: what nobody may see of it is hidden before it is kept."""

from __future__ import annotations

from dataclasses import dataclass

import cv2

from edge_agent.camera_spec import CameraSpec
from edge_agent.cell_image import CellImage
from edge_agent.frame import Image
from edge_agent.snapshot import SnapshotPolicy, encode_snapshot
from edge_agent.view import View

# Printed, the largest is 13 cm wide.
_POLICY = SnapshotPolicy(largest_side=640, largest_bytes=60_000)


@dataclass(frozen=True, slots=True)
class CameraPicture:
    """``jpeg`` of the camera ``id``; ``None`` where none could be made, and then ``reason`` says why."""

    id: str
    jpeg: bytes | None
    reason: str = ""


class CameraPictures:
    """Collects them as cameras are looked at; called by the thread of each."""

    def __init__(self) -> None:
        self._taken: dict[str, CameraPicture] = {}

    def look(self, camera: CameraSpec, image: Image) -> None:
        """Keep what each view of ``camera`` shows of ``image``; where that cannot be hidden that must be, or made a
        picture of, only why."""
        for view in camera.views:
            self._taken[view.id] = _take(view, CellImage(image, view.region) if camera.cells else image)

    def of(self, id_: str) -> CameraPicture:
        """The picture of one camera."""
        return self._taken.get(id_, CameraPicture(id_, None, "no picture came"))


def _take(view: View, part: Image) -> CameraPicture:
    try:
        return CameraPicture(view.id, encode_snapshot(view.cover.cover(part), 0.0, _POLICY))
    except (cv2.error, ValueError, OSError) as error:
        return CameraPicture(view.id, None, str(error))
