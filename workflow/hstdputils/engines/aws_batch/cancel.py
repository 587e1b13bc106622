"""Ending jobs of AWS Batch, in whatever state they are."""

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hstdputils.engines.aws_batch.client import batch_errors
from hstdputils.engines.submissions import JobLocation

PARALLEL = 16
"""Requests that are under way at the same time."""


LONGEST_REASON = 255
"""Characters of a reason that are kept."""


def terminate(client: Any, placed: Collection[JobLocation], sizes: Mapping[str, int], reason: str) -> None:
    """End jobs that have not ended; of an array all of whose children are meant, the array.

    ``TerminateJob`` ends jobs in every state, and says nothing of those that have ended.

    Parameters
    ----------
    client
        A client for AWS Batch.
    placed
        Where the rows are.
    sizes
        Number of children that have not ended, by the array's id.
    reason
        What the job's ``statusReason`` is to say.
    """
    counts: dict[str, int] = {}
    for place in placed:
        counts[place.parent] = counts.get(place.parent, 0) + 1
    whole = {parent for parent, count in counts.items() if count >= sizes.get(parent, 1)}
    jobs = whole | {place.job for place in placed if place.parent not in whole}
    _in_parallel(lambda job: _terminate_one(client, job, reason[:LONGEST_REASON]), jobs)


def _terminate_one(client: Any, job: str, reason: str) -> None:
    with batch_errors(f"cannot end job {job}"):
        client.terminate_job(jobId=job, reason=reason)


def _in_parallel(call: Callable[[str], None], items: Iterable[str]) -> None:
    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(call, sorted(items)))
