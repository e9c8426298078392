"""A device's first introduction to its site: it makes a key of its own, and has it vouched for by a one-time token."""
