"""Calibration: one recipe for each instrument, and for mosaics of visits and sky cells."""
