"""``nexara-edge top``: a running agent in a terminal, read from its metrics like any scraper does.

It needs the ``metrics`` extra, and for the live view ``top``; nothing outside may import more of it than its command.
"""
