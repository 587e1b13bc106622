"""Attempts at datasets: from the options of ``process`` to the marker in the store."""
