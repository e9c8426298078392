"""What becomes of a camera's picture in a recorder's wall that is screen-recorded or filmed: drawn, and done to clips.

Only luma, as everything the networks see. Nothing here needs the builder's extra, so that a bundle can be evaluated on
degraded clips where it runs.
"""

from builder.data.degradation.degraded import decode_degraded, degrade, shrink_clip
from builder.data.degradation.recording import Camera, Degradation, Recording, draw_recording

__all__ = ["Camera", "Degradation", "Recording", "decode_degraded", "degrade", "draw_recording", "shrink_clip"]
