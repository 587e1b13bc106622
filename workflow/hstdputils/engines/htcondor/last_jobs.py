"""Why a job of Snakemake's ended on HTCondor: Snakemake sees that it failed, and not that it was held for memory."""

from dataclasses import replace
from pathlib import Path

from hstdputils.core.outcomes import Outcome
from hstdputils.engines.failure_markers import write_failure_marker
from hstdputils.engines.htcondor.causes import ATTRIBUTES, cause_of, is_of
from hstdputils.engines.htcondor.tools import DATASET, Tools, quoted
from hstdputils.engines.states import RowState, State
from hstdputils.records.batch import Batch
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.folder import FolderStore

RUN = "HstdpRun"
"""The attribute of a job with the batch that it belongs to."""


OVERHEAD_MIB = 256
"""Memory of a job for Snakemake, which runs in it besides what the plan knows of, MiB."""


OVERHEAD_SECONDS = 900
"""Time of a job besides that of the programs, s: fetching and saving have no limit of their own."""


def run_name(batch: Batch) -> str:
    """Return what names a batch in the attribute `RUN`."""
    store = batch.store
    return f"{store.root.absolute() if isinstance(store, FolderStore) else store.uri}/{batch.name}"


def record_last_cause(batch: Batch, row: PlanRow) -> None:
    """Write or correct the marker of a dataset's last job that has left the queue, where HTCondor knows better.

    Parameters
    ----------
    batch
        The batch.
    row
        The row of the plan.

    Raises
    ------
    UserError
        HTCondor cannot be asked.
    """
    constraint = f"{RUN} == {quoted(run_name(batch))} && {DATASET} == {quoted(row.ipppssoot)}"
    found = Tools().history(constraint, [*ATTRIBUTES, "RequestMemory"], 1)
    if not found:
        return
    ad = found[0]
    job, started = f"{ad['ClusterId']}.{ad['ProcId']}", ad.get("JobCurrentStartDate")
    marker = batch.markers.read(row.ipppssoot, succeeded=False)
    own = marker if marker and is_of(job, ad, marker) else None
    cause = cause_of(ad, own)
    if cause is None or cause.outcome in (Outcome.SUCCEEDED, Outcome.UNKNOWN):
        return
    memory = ad.get("RequestMemory")
    had = replace(row, memory_mib=memory - OVERHEAD_MIB) if isinstance(memory, int) else row
    if marker and marker.plan_row:
        had = replace(had, max_seconds=marker.plan_row.get("max_seconds", row.max_seconds))
    log = str(Path("logs") / row.batch / f"{row.ipppssoot}.log")
    stopped = ad.get("EnteredCurrentStatus")
    write_failure_marker(batch, RowState(had, State.FAILED, job, cause, own, log, started, stopped))
