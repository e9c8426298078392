"""An install kit: everything that one device needs, so that it is installed without a network."""
