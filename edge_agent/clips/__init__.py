"""Films of incidents, copied from the camera's own stream and kept on the device: from some seconds before an
incident's start, out of a ring of the newest packets, to some seconds after its end. Where something must be hidden,
pictures are decoded and encoded anew; no thread of a camera or of the agent waits for that, or for the disk."""
