"""What a build found, for a person (``report.html``) and for a program (``report.json``), out of the same figures.

Nothing is trained, scored or compiled here: the report is given data and draws it.
"""
