"""A stand-in for AWS Batch over HTTP: the service's rules, states and reasons, with jobs that are real processes."""

from tests.engines.batch.endings import Ending
from tests.engines.batch.stand_in import Batch

__all__ = ["Batch", "Ending"]
