"""The event that is sent out when a job changes its state."""

import time
from typing import Any

from tests.stand_ins.aws_batch import telling
from tests.stand_ins.aws_batch.jobs import Job
from tests.stand_ins.aws_batch.resources import ACCOUNT, new_id


def event(job: Job) -> dict[str, Any]:
    """Return the ``Batch Job State Change`` event of a job's present state."""
    detail = telling.detail(job)
    detail["tags"] = {"resourceArn": job.arn, **detail["tags"]}
    return {
        "version": "0",
        "id": new_id(),
        "detail-type": "Batch Job State Change",
        "source": "aws.batch",
        "account": ACCOUNT,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((job.stopped or job.created) / 1000)),
        "region": job.spec.region,
        "resources": [job.arn],
        "detail": detail,
    }
