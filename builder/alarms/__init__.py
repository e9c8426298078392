"""Alarm thresholds for a stated budget of false alarms: networks judge streams as a device would, ten times a second.

Nothing is trained here and no figure of the report's accuracy is made here.
"""
