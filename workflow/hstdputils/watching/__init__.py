"""Watching a batch: how far its datasets are, what follows from failures, and what an operator's screen shows."""
