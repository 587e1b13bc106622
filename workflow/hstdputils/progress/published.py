"""What the store has of how far a batch is, for people and programs elsewhere: a text file, and a page and JSON."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hstdputils import __version__
from hstdputils.core.errors import StoreError
from hstdputils.core.outcomes import RETRIED, Outcome
from hstdputils.core.text import clock
from hstdputils.progress.batch_progress import Progress
from hstdputils.progress.blackboard import blackboard_text
from hstdputils.progress.dashboard import cost_text, reason_text
from hstdputils.progress.overview import COLUMNS, Overview
from hstdputils.progress.status_lines import rate_text
from hstdputils.records.batch import Batch

SECONDS = 30.0
"""How often something is written; less often for more than 10,000 datasets."""


REFRESH_SECONDS = 60
"""How often a browser that has the page open loads it again, s."""


def page_html(overview: Overview, *, refreshed: bool) -> str:
    """Return the page, which needs no scripts and no other files.

    Parameters
    ----------
    overview
        How the batch is.
    refreshed
        Whether the page is written again, so that a browser is to load it again.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("status.html.j2").render(
        overview=overview,
        refresh=REFRESH_SECONDS if refreshed else 0,
        columns=COLUMNS,
        cost=cost_text(overview),
        rate="" if overview.per_hour is None else rate_text(overview.per_hour / 3600),
        clock=clock,
        kind=_kind,
        reason_text=reason_text,
        version=__version__,
    )


def _kind(word: str) -> str:
    """Return how a state is shown: as good, bad, or as one that may yet become good."""
    if word == Outcome.SUCCEEDED:
        return "good"
    return ("wait" if word in RETRIED else "bad") if word in list(Outcome) else ""


class Publisher:
    """Keeps what the store has up to date, by one file at a time, and never at the cost of what it tells of.

    Parameters
    ----------
    batch
        The batch.
    has_page
        Whether to write the page and JSON too.
    """

    def __init__(self, batch: Batch, *, has_page: bool) -> None:
        self._batch = batch
        self._kinds = ["blackboard", "page", "json"] if has_page else ["blackboard"]
        self._turn = cycle(self._kinds)
        self._next = 0.0
        self._thread: threading.Thread | None = None

    def is_due(self) -> bool:
        """Tell whether the next file is to be written now."""
        return time.monotonic() >= self._next and not (self._thread and self._thread.is_alive())

    def write(self, progress: Progress, overview: Callable[[], Overview]) -> None:
        """Write the next file, unless that was done a short while ago."""
        if self.is_due():
            self._write(next(self._turn), progress, overview(), refreshed=True)
            self._next = time.monotonic() + SECONDS / len(self._kinds) * max(1.0, progress.total / 10_000)

    def write_aside(self, progress: Progress, overview: Callable[[], Overview]) -> None:
        """Do the same in a thread, for a caller that must not wait for a slow store."""
        if self.is_due():
            self._next = float("inf")  # until the thread has written
            self._thread = threading.Thread(target=self._aside, args=(progress, overview()), daemon=True)
            self._thread.start()

    def write_last(self, progress: Progress, overview: Callable[[], Overview]) -> None:
        """Write all files as they stay when nobody keeps them up to date any more."""
        if self._thread:
            self._thread.join(10)
        last = overview()
        self._next = float("inf")
        for kind in self._kinds:
            self._write(kind, progress, last, refreshed=False)

    def _aside(self, progress: Progress, overview: Overview) -> None:
        self._write(next(self._turn), progress, overview, refreshed=True)
        self._next = time.monotonic() + SECONDS / len(self._kinds) * max(1.0, progress.total / 10_000)

    def _write(self, kind: str, progress: Progress, overview: Overview, *, refreshed: bool) -> None:
        if kind == "blackboard":
            text, key = blackboard_text(progress), self._batch.blackboard_key
        elif kind == "page":
            text, key = page_html(overview, refreshed=refreshed), self._batch.status_page_key
        else:
            text, key = json.dumps(overview.to_dict(), indent=1) + "\n", self._batch.status_json_key
        with suppress(StoreError):
            self._batch.store.put_bytes(text.encode(), key)
