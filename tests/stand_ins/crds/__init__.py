"""A CRDS server on loopback."""
