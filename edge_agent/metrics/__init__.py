"""What happens inside a running agent, counted as it happens and told to whoever asks over HTTP.

Counting needs nothing beyond the agent; telling needs the ``metrics`` extra. Neither may disturb the watching: what is
kept is bounded by the configuration's cameras, and an endpoint that cannot be had is left out.
"""
