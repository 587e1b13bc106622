"""Opening the engine that runs a batch."""

from collections.abc import Sequence

from hstdputils.engines.aws_batch.engine import AwsBatch, BatchSettings
from hstdputils.engines.base import Engine, Tell
from hstdputils.store import Store


def open_engine(
    store: Store,
    batch: str,
    tell: Tell = lambda text: None,
    queue: str | None = None,
    arguments: Sequence[str] | None = None,
) -> Engine:
    """Return the engine that runs a batch.

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
    settings = BatchSettings(queue=queue, arguments=None if arguments is None else tuple(arguments))
    return AwsBatch(store, batch, settings, tell)
