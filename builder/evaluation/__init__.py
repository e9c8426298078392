"""How good a bundle is: clips scored through the runtimes a device has, and figures with their uncertainty.

NumPy only. TensorFlow stays out, so that a device without the builder's extra can evaluate too.
"""
