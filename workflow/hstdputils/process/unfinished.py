"""The markers of attempts that cannot write their own: those that never began, and those that were killed."""

import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hstdputils.core.datasets import Dataset
from hstdputils.core.errors import ExitCode, StoreError, UserError
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.process.products import save_marker, write_local_marker
from hstdputils.process.setup import Settings
from hstdputils.process.work_folder import WorkFolders
from hstdputils.records.batch import Batch
from hstdputils.records.marker import Marker
from hstdputils.supervision.machine import MemoryKills, job_id, limit_text
from hstdputils.supervision.supervisor import FORWARDED, ChildExit


def never_began(
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
        The CRDS context; empty where it is not known.
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


def record_no_references(
    batch: Batch | None, dataset: Dataset, error: UserError, context: str, plan_row: dict[str, Any] | None
) -> None:
    """Write the marker of a dataset that cannot begin for lack of references, so that it is not tried again.

    Parameters
    ----------
    batch
        The batch; none where products are not stored.
    dataset
        The dataset.
    error
        Why it cannot begin; of errors with another exit code than that of references there is no marker.
    context
        The CRDS context; empty where it is not known.
    plan_row
        The dataset's row of the plan.
    """
    if batch is None or error.exit_code is not ExitCode.REFERENCES:
        return
    failure = AttemptFailed(Outcome.NO_REFERENCES, ExitCode.REFERENCES, str(error))
    with contextlib.suppress(StoreError):
        earlier = batch.markers.latest(dataset.ipppssoot)
        batch.markers.write(never_began(batch.name, dataset, failure, context, plan_row, earlier))


def why_killed(child: ChildExit, kills: MemoryKills) -> AttemptFailed | None:
    """Return why the child process was killed; none where it ended by itself, or by a signal that was forwarded."""
    if child.exit_code >= 0 or -child.exit_code in FORWARDED:
        return None
    name = signal.Signals(-child.exit_code).name
    if -child.exit_code != signal.SIGKILL or (kills.are_counted and not kills.are_new):
        return AttemptFailed(Outcome.UNKNOWN, ExitCode.GENERAL, f"hstdputils was ended by {name}")
    code = ExitCode.CONTAINER_MEMORY if kills.are_new else ExitCode.OS_MEMORY
    reason = f"hstdputils was killed (signal 9), as the kernel does when memory runs out{limit_text()}"
    return AttemptFailed(Outcome.OUT_OF_MEMORY, code, reason)


def record_killed(
    settings: Settings, datasets: Sequence[Dataset], since: float, child: ChildExit, why: AttemptFailed
) -> None:
    """Save the log and the marker of the dataset whose attempt was killed.

    Parameters
    ----------
    settings
        The settings of the call.
    datasets
        The datasets of the call.
    since
        When the call began, s since the epoch.
    child
        How the process ended.
    why
        Why.

    Raises
    ------
    StoreError
        The store failed; there is no new marker then.
    """
    if dataset := _killed_at(settings, datasets, since):
        folders = WorkFolders(settings.work, settings.batch, dataset.ipppssoot)
        start, folder = folders.killed(since)
        folder = folder or folders.new()
        marker = _killed_marker(settings, dataset, start or since, child, why)
        _close_records(folder, marker)
        batch = settings.stored_batch()
        if batch is None:
            write_local_marker(marker, folder)
        else:
            save_marker(batch, marker, folder)
            if settings.keep_work == "never":
                shutil.rmtree(folder, ignore_errors=True)
        print(f"{dataset} {marker.outcome} (exit code {marker.exit_code}): {marker.reason}", flush=True)


def _killed_at(settings: Settings, datasets: Sequence[Dataset], since: float) -> Dataset | None:
    """Return the dataset whose attempt was killed or, where there is none, the first that had not ended."""
    for dataset in datasets:
        if WorkFolders(settings.work, settings.batch, dataset.ipppssoot).killed(since)[0]:
            return dataset
    batch = settings.stored_batch()
    for dataset in datasets:
        marker = batch.markers.latest(dataset.ipppssoot) if batch else None
        end = marker.end if marker else ""
        has_ended = bool(end) and datetime.fromisoformat(end).timestamp() >= since
        if not (has_ended or (marker is not None and marker.succeeded and not settings.force)):
            return dataset
    return None


def _killed_marker(
    settings: Settings, dataset: Dataset, start: float, child: ChildExit, why: AttemptFailed
) -> Marker:
    batch = settings.stored_batch()
    earlier = batch.markers.latest(dataset.ipppssoot) if batch else None
    pins = batch.pins() if batch else None
    return Marker.new(
        *(settings.batch, dataset.ipppssoot, why.outcome, why.exit_code, why.reason),
        earlier=earlier,
        plan_row=settings.plan_row,
        start=start,
        end=time.time(),
        cpu_seconds=child.cpu_seconds,
        peak_memory_mib=child.peak_memory_mib,
        crds_context=settings.context or (pins.crds_context if pins else ""),
        versions=pins.programs if pins else None,
        host=os.uname().nodename,
        job=job_id(),
    )


def _close_records(folder: Path, marker: Marker) -> None:
    """Write the last line of the log, and the metrics, which were not written yet."""
    with (folder / "process.log").open("a", encoding="utf-8") as log:
        log.write(f"{marker.end} {'process':<12} | {marker.outcome}: {marker.reason}\n")
    (folder / "metrics.json").write_text(json.dumps({"ipppssoot": marker.ipppssoot, "steps": []}, indent=1) + "\n")
