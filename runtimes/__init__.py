"""Engines: one a file behind one Protocol; probe, rank, open, fall back.

A heavy engine is imported inside the one file that serves it, when it is opened. Cameras, training and MQTT stay out.
"""
