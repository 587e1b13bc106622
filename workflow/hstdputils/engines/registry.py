"""Opening the engine that runs a batch."""

from collections.abc import Sequence

from hstdputils.engines.aws_batch.engine import AwsBatch, BatchSettings
from hstdputils.engines.base import Engine, Tell
from hstdputils.engines.htcondor.engine import CondorSettings, HTCondor
from hstdputils.engines.submissions import HTCONDOR, SubmissionRecords
from hstdputils.store.base import Store


def open_engine(
    store: Store,
    batch: str,
    tell: Tell = lambda text: None,
    queue: str | None = None,
    arguments: Sequence[str] | None = None,
) -> Engine:
    """Return the engine that runs a batch, as its records say; AWS Batch where there are none.

    Parameters
    ----------
    store, batch
        The batch.
    tell
        Takes lines for the person who watches.
    queue
        Where further jobs go; none for where the latest went.
    arguments
        Further arguments for ``hstdp-process``; none for those of the latest jobs.
    """
    further = None if arguments is None else tuple(arguments)
    if SubmissionRecords(store, batch).engine() == HTCONDOR:
        return HTCondor(store, batch, CondorSettings(queue=queue, arguments=further), tell)
    return AwsBatch(store, batch, BatchSettings(queue=queue, arguments=further), tell)
