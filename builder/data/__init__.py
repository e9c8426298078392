"""Clips as the builder sees them: found, decoded once, cut into samples, folded by source."""
