"""The last step: compiled files, figures and lineage become one signed bundle that its user can open and check.

Nothing is trained or converted here; what cannot be opened again as a device would open it is not released.
"""
