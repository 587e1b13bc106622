"""Runs of the workflow over a batch: what its rules ask for."""
