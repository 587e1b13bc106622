"""Turn lists of HST datasets into calibrated products."""

__version__ = "0.1.0"
