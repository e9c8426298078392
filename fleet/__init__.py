"""From a bundle to many devices: install kits, the certificates of a site, a view of all devices, roll-outs.

It runs at a workstation or beside a broker, and may use the agent's configuration, topics and messages as they are;
nothing of ours imports it, so that a device can be without it. No training framework and nothing of the builder enters.
"""
