"""Stores: where products, manifests and markers go."""
