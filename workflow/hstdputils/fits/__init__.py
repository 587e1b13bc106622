"""FITS files, read with bounds."""
