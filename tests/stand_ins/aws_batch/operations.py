"""The operations of the service, by name."""

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.stand_ins.aws_batch import tagging
from tests.stand_ins.aws_batch.service import Service

Operations = dict[str, Callable[[dict[str, Any]], dict[str, Any]]]


def operations(service: Service) -> Operations:
    """Return what answers each operation."""
    return {
        "SubmitJob": service.submit,
        "DescribeJobs": service.describe,
        "ListJobs": service.list,
        "GetJobQueueSnapshot": service.snapshot,
        "CancelJob": service.cancel,
        "TerminateJob": service.terminate,
        "CancelJobs": partial(service.stop_many, service.cancel),
        "TerminateJobs": partial(service.stop_many, service.terminate),
        "RegisterJobDefinition": service.definitions.register,
        "DeregisterJobDefinition": service.definitions.deregister,
        "DescribeJobDefinitions": service.definitions.describe,
        "CreateComputeEnvironment": service.environments.create,
        "DescribeComputeEnvironments": service.environments.describe,
        "UpdateComputeEnvironment": service.environments.update,
        "DeleteComputeEnvironment": service.environments.delete,
        "CreateJobQueue": service.queues.create,
        "DescribeJobQueues": service.queues.describe,
        "UpdateJobQueue": service.queues.update,
        "DeleteJobQueue": service.queues.delete,
        "ListTagsForResource": partial(tagging.show, service),
        "TagResource": partial(tagging.add, service),
        "UntagResource": partial(tagging.remove, service),
    }
