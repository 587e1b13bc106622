"""Batches that begin when an id list reaches a bucket."""
