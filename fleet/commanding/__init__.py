"""``nexara fleet command``: one command to many devices, and the answer of each."""
