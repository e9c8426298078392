"""``nexara fleet list``: all devices of a broker as one table, those with trouble first."""
