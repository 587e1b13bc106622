"""What a run of the workflow tells Snakemake's logger plugin of its batch, through Snakemake's own logger.

Neither knows the other: where the plugin is not in use, the record has no text and nothing is shown.
"""

import logging
from dataclasses import dataclass

_LOGGER, _KEY = "snakemake.logging", "hstdp_facts"


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run over a batch, as it begins."""

    batch: str
    """The batch's name."""
    address: str
    """The batch, as STORE/BATCH."""
    total: int
    """Its datasets."""
    succeeded: int
    """Those that have succeeded before."""
    page: str
    """Where its report goes."""
    jobs_go_on: bool
    """Whether jobs run elsewhere, and go on when the run is stopped."""


_listeners: list[object] = []


def listen(listener: object) -> None:
    """Have the commands of the workflow leave the terminal to a listener, which shows what the run says."""
    _listeners.append(listener)


def is_heard() -> bool:
    """Tell whether a listener shows what the run says."""
    return bool(_listeners)


def tell_facts(facts: RunFacts) -> None:
    """Tell the logger plugin, if any."""
    logging.getLogger(_LOGGER).info(None, extra={_KEY: facts})


def facts_of(record: logging.LogRecord) -> RunFacts | None:
    """Return the facts that a record of Snakemake's logger carries, if any."""
    facts = getattr(record, _KEY, None)
    return facts if isinstance(facts, RunFacts) else None
