"""Made-up exposures of ACS and the reference files that calibrate them."""

from .references import RULES, write_references

__all__ = ["RULES", "write_references"]
