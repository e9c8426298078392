"""``nexara fleet rollout``: a bundle to many devices, in stages, each proved before the next begins.

A roll-out is one value that says of each device how far it is. What becomes of it when time passes and devices tell
something is pure; only the file it is kept in and the broker are not.
"""
