"""Programs of a calibration that are quick, or wrong in a chosen way."""
