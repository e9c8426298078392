"""A site's certificate authority: who its devices and its broker are, and which devices are no longer let in."""
