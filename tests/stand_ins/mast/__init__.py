"""MAST on loopback."""
