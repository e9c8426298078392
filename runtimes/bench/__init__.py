"""How fast a bundle is on this very machine, and how near to what the machine can do.

Measured, told, and kept beside the bundle for the choice of a target.
"""
