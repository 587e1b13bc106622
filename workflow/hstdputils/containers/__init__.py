"""Containers on this machine, with all that processing needs of it."""
