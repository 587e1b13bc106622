"""The marker of a dataset that CRDS refuses before its attempt begins, as it does all of its batch."""

import contextlib
import os
from datetime import UTC, datetime
from typing import Any

from hstdputils.attempts.attempt import job_id
from hstdputils.datasets import Dataset
from hstdputils.errors import UserError
from hstdputils.exit_codes import ExitCode
from hstdputils.markers import Marker, latest_marker, write_marker
from hstdputils.outcomes import Outcome
from hstdputils.store import Store, StoreError


def record_refusal(
    store: Store | None, batch: str, dataset: Dataset, error: UserError, context: str, plan_row: dict[str, Any] | None
) -> None:
    """Leave a marker where a dataset cannot begin for want of references, so that no way of running tries it again.

    Parameters
    ----------
    store
        The store; none where nothing is kept.
    batch, dataset
        The dataset.
    error
        Why it cannot begin; errors with another exit code than that of references leave nothing.
    context
        The CRDS context, where it is known.
    plan_row
        The dataset's row of the plan.
    """
    if store is None or error.exit_code is not ExitCode.REFERENCES:
        return
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    with contextlib.suppress(StoreError):
        earlier = latest_marker(store, batch, dataset.ipppssoot)
        marker = Marker(
            ipppssoot=dataset.ipppssoot,
            batch=batch,
            outcome=Outcome.NO_REFERENCES,
            exit_code=int(ExitCode.REFERENCES),
            reason=str(error),
            attempt=earlier.attempt + 1 if earlier else 1,
            plan_row=plan_row,
            crds_context=context,
            versions={},
            host=os.uname().nodename,
            start=now,
            end=now,
            wall_seconds=0.0,
            cpu_seconds=0.0,
            peak_memory_mib=0,
            bytes_in=0,
            bytes_out=0,
            n_products=0,
            manifest_sha256="",
            earlier=earlier.as_earlier() if earlier else [],
            job=job_id(),
        )
        write_marker(store, marker)
