"""From a trained float network to a smaller one that judges the same."""
