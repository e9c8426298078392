"""Hard negatives: the moments of ordinary footage that a bundle takes for a fight, cut out to be learnt from."""
