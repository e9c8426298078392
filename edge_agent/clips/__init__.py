"""Films of incidents, copied from the camera's own stream and kept on the device: from some seconds before an
incident's start, out of a ring of the newest packets, to some seconds after its end. No frame is decoded or encoded
here, and no thread of a camera or of the agent waits for the disk."""
