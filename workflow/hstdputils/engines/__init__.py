"""Engines: where the rows of a plan run when they do not run here; one folder an engine."""
