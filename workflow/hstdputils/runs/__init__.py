"""Runs of the workflow over a batch: what its rules ask for."""

from hstdputils.runs.run import Run
from hstdputils.runs.saying import RunError

__all__ = ["Run", "RunError"]
