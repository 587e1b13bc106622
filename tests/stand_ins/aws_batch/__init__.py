"""A stand-in for AWS Batch over HTTP: the service's rules, states and reasons, with jobs that are real processes."""

from tests.stand_ins.aws_batch.attempt_results import AttemptResult
from tests.stand_ins.aws_batch.stand_in import Batch

__all__ = ["AttemptResult", "Batch"]
