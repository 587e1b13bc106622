"""What is announced of datasets and batches that have ended."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hstdputils.markers import Marker, marker_key
from hstdputils.outcomes import Outcome

DATASET_ENDED, BATCH_ENDED = "Dataset Ended", "Batch Ended"

LONGEST_REASON = 2000
"""Characters of a reason that are announced; the marker has the rest."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """Something that is announced."""

    kind: str
    """What has ended: `DATASET_ENDED` or `BATCH_ENDED`."""
    batch: str
    """The batch."""
    outcome: str
    """The outcome, by which subscribers choose."""
    detail: Mapping[str, Any]
    """All that is said, as JSON."""

    @property
    def text(self) -> str:
        """Return the detail as JSON."""
        return json.dumps(self.detail)


def of_marker(store: str, marker: Marker) -> Announcement:
    """Return the announcement of one attempt's end.

    Parameters
    ----------
    store
        URI of the store with the marker.
    marker
        The marker.
    """
    reason = marker.reason if len(marker.reason) <= LONGEST_REASON else f"{marker.reason[:LONGEST_REASON]}…"
    detail = {
        "kind": DATASET_ENDED,
        "store": store,
        "batch": marker.batch,
        "ipppssoot": marker.ipppssoot,
        "outcome": str(marker.outcome),
        "exit_code": marker.exit_code,
        "attempt": marker.attempt,
        "reason": reason,
        "marker": marker_key(marker.batch, marker.ipppssoot, succeeded=marker.succeeded),
        "end": marker.end,
    }
    return Announcement(DATASET_ENDED, marker.batch, str(marker.outcome), detail)


def of_batch(store: str, batch: str, summary: Mapping[str, Any]) -> Announcement:
    """Return the announcement of a whole batch's end.

    Parameters
    ----------
    store
        URI of the store.
    batch
        The batch.
    summary
        Number of datasets by outcome; and whatever else is to be said, as JSON allows it.
    """
    failed = any(value for name, value in summary.items() if name != Outcome.SUCCEEDED and type(value) is int)
    outcome = "failed" if failed else str(Outcome.SUCCEEDED)
    detail = {"kind": BATCH_ENDED, "store": store, "batch": batch, "outcome": outcome, "counts": dict(summary)}
    return Announcement(BATCH_ENDED, batch, outcome, detail)
