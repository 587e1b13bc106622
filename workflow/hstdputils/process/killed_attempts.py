"""The marker of an attempt whose process was killed, written by the one that outlived it."""

import json
import os
import shutil
import signal
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from hstdputils.core.datasets import Dataset
from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.process.processor import Settings
from hstdputils.process.products import keep_local, save_marker
from hstdputils.process.work_folder import WorkFolders
from hstdputils.records.marker import Marker
from hstdputils.supervision.guard import PASSED_ON, Ending
from hstdputils.supervision.memory import MemoryKills, limit_text


def killed_attempt(end: Ending, kills: MemoryKills) -> AttemptFailed | None:
    """Return why hstdputils itself was killed; none where it ended by itself, or was asked to."""
    if end.exit_code >= 0 or -end.exit_code in PASSED_ON:
        return None
    name = signal.Signals(-end.exit_code).name
    if -end.exit_code != signal.SIGKILL or (kills.are_counted and not kills.are_new):
        return AttemptFailed(Outcome.UNKNOWN, ExitCode.GENERAL, f"hstdputils was ended by {name}")
    code = ExitCode.CONTAINER_MEMORY if kills.are_new else ExitCode.OS_MEMORY
    reason = f"hstdputils was killed (signal 9), as the kernel does when memory runs out{limit_text()}"
    return AttemptFailed(Outcome.OUT_OF_MEMORY, code, reason)


def record_killed_attempt(
    settings: Settings, datasets: Sequence[Dataset], since: float, end: Ending, why: AttemptFailed
) -> None:
    """Write the marker of the dataset that was being processed; its log goes with it.

    Parameters
    ----------
    settings
        The settings of the call.
    datasets
        The datasets of the call.
    since
        When the call began, s since the epoch.
    end
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
        start, folder = folders.cut_off(since)
        folder = folder or folders.new()
        marker = _marker(settings, dataset, start or since, end, why)
        _close_records(folder, marker)
        batch = settings.stored_batch()
        if batch is None:
            keep_local(marker, folder)
        else:
            save_marker(batch, marker, folder)
            if settings.keep_work == "never":
                shutil.rmtree(folder, ignore_errors=True)
        print(f"{dataset} {marker.outcome} (exit code {marker.exit_code}): {marker.reason}", flush=True)


def _killed_at(settings: Settings, datasets: Sequence[Dataset], since: float) -> Dataset | None:
    """Return the dataset whose attempt was cut off or, where none was, the first that had not come to an end."""
    for dataset in datasets:
        if WorkFolders(settings.work, settings.batch, dataset.ipppssoot).cut_off(since)[0]:
            return dataset
    batch = settings.stored_batch()
    for dataset in datasets:
        marker = batch.markers.latest(dataset.ipppssoot) if batch else None
        end = marker.end if marker else ""
        has_ended = bool(end) and datetime.fromisoformat(end).timestamp() >= since
        if not (has_ended or (marker is not None and marker.succeeded and not settings.force)):
            return dataset
    return None


def _marker(settings: Settings, dataset: Dataset, start: float, end: Ending, why: AttemptFailed) -> Marker:
    batch = settings.stored_batch()
    earlier = batch.markers.latest(dataset.ipppssoot) if batch else None
    pins = batch.pins() if batch else None
    return Marker.new(
        *(settings.batch, dataset.ipppssoot, why.outcome, why.exit_code, why.reason),
        earlier=earlier,
        plan_row=settings.plan_row,
        start=start,
        end=time.time(),
        cpu_seconds=end.cpu_seconds,
        peak_memory_mib=end.peak_memory_mib,
        crds_context=settings.context or (pins.crds_context if pins else ""),
        versions=pins.programs if pins else None,
        host=os.uname().nodename,
    )


def _close_records(folder: Path, marker: Marker) -> None:
    """Write the last line of the log, and the metrics, which were not written yet."""
    with (folder / "process.log").open("a", encoding="utf-8") as log:
        log.write(f"{marker.end} {'process':<12} | {marker.outcome}: {marker.reason}\n")
    (folder / "metrics.json").write_text(json.dumps({"ipppssoot": marker.ipppssoot, "steps": []}, indent=1) + "\n")
