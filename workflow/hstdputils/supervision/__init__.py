"""Processes and the machine: limits, kills, signals, spot notices, and the environment of programs."""
