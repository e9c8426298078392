"""Frames in, alerts out: sources, sampling, inference, incidents, delivery, service.

No training framework and nothing of the builder may enter; state lives in the sampler, the incident machine and the
spool, and time is passed in.
"""
