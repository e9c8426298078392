"""TensorRT 10, 11 and TensorRT for RTX: engines built on the device that runs them, or ahead of time."""
