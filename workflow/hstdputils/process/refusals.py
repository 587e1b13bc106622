"""The markers of datasets whose attempts could not even begin."""

import contextlib
import os
from datetime import UTC, datetime
from typing import Any

from hstdputils.core.datasets import Dataset
from hstdputils.core.errors import ExitCode, StoreError, UserError
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.process.attempt import job_id
from hstdputils.records.batch import Batch
from hstdputils.records.marker import Marker


def record_refusal(
    batch: Batch | None, dataset: Dataset, error: UserError, context: str, plan_row: dict[str, Any] | None
) -> None:
    """Leave a marker where a dataset cannot begin for want of references, so that no way of running tries it again.

    Parameters
    ----------
    batch
        The batch; none where nothing is kept.
    dataset
        The dataset.
    error
        Why it cannot begin; errors with another exit code than that of references leave nothing.
    context
        The CRDS context, where it is known.
    plan_row
        The dataset's row of the plan.
    """
    if batch is None or error.exit_code is not ExitCode.REFERENCES:
        return
    failure = AttemptFailed(Outcome.NO_REFERENCES, ExitCode.REFERENCES, str(error))
    with contextlib.suppress(StoreError):
        earlier = batch.markers.latest(dataset.ipppssoot)
        batch.markers.write(unbegun(batch.name, dataset, failure, context, plan_row, earlier))


def unbegun(
    batch: str,
    dataset: Dataset,
    failure: AttemptFailed,
    context: str,
    plan_row: dict[str, Any] | None,
    earlier: Marker | None,
) -> Marker:
    """Return the marker of an attempt that could not even begin.

    Parameters
    ----------
    batch, dataset
        The dataset.
    failure
        Why.
    context
        The CRDS context, where it is known.
    plan_row
        The dataset's row of the plan.
    earlier
        The marker of the attempt before.
    """
    now = datetime.now(UTC)
    return Marker.new(
        *(batch, dataset.ipppssoot, failure.outcome, failure.exit_code, failure.reason),
        earlier=earlier,
        plan_row=plan_row,
        start=now,
        end=now,
        crds_context=context,
        host=os.uname().nodename,
        job=job_id(),
    )
