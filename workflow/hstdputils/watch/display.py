"""What a watch shows of its polls: on the screen, in the store, and to those who are notified."""

import time
from typing import Any

from rich.console import RenderableType

from hstdputils.core.errors import StoreError, UserError
from hstdputils.engines.base import Engine
from hstdputils.engines.states import State, WaitReason
from hstdputils.progress.batch_progress import Poll, Progress
from hstdputils.progress.dashboard import cost_text, dashboard, reason_text
from hstdputils.progress.notifications import Notifier, of_batch, of_marker
from hstdputils.progress.overview import Observer, Overview
from hstdputils.progress.published import Publisher
from hstdputils.progress.screen import Screen
from hstdputils.progress.status_lines import next_steps
from hstdputils.records.batch import Batch

MAX_LINES = 20
"""Decisions that get a line each in one poll."""


REASONS_SECONDS = 60.0
"""How often the engine is asked why what waits does not start."""


FEW = 3
"""Jobs that do not start for one reason which get a line each; of more, the first one does."""


class EndNotifier:
    """Sends notifications of the datasets that end between two rounds, and of the batch when it is over.

    Parameters
    ----------
    notifier
        Reaches the targets; where it has none, no marker is read.
    batch
        The batch.
    """

    def __init__(self, notifier: Notifier, batch: Batch) -> None:
        self._notifier, self._batch = notifier, batch
        self._known: set[str] | None = None

    def send(self, progress: Progress) -> None:
        """Notify of what has ended since the last call; the first one only learns what had ended before."""
        if not self._notifier.has_targets:
            return
        failed = {state.ipppssoot for state in progress.failed}
        ended = failed | progress.succeeded
        new = sorted(ended - self._known) if self._known is not None else []
        self._known = set(ended)
        markers = self._batch.markers.read_all({name: name in progress.succeeded for name in new})
        notifications = [of_marker(self._batch.store.uri, marker) for marker in markers if marker.attempt]
        if progress.is_over:
            notifications.append(of_batch(self._batch.store.uri, self._batch.name, progress.counts()))
        self._notifier.send(notifications)


class Display:
    """Shows polls: on the screen, with a dashboard where that is a terminal, and in the store.

    Parameters
    ----------
    batch
        The batch.
    screen
        The screen.
    observer
        Makes overviews of the batch.
    engine
        Says why jobs do not start.
    has_page
        Whether the store gets a page and JSON too.
    """

    def __init__(
        self, batch: Batch, screen: Screen, observer: Observer, engine: Engine[Any], *, has_page: bool
    ) -> None:
        self.screen, self._observer, self._engine = screen, observer, engine
        self._reasons: list[WaitReason] = []
        self._told_reasons: set[str] = set()
        self._whys: set[str] = set()
        self._asked = float("-inf")
        self._publisher, self._has_page = Publisher(batch, has_page=has_page), has_page
        self._shown: Overview | None = None
        self._progress: Progress | None = None
        self._overview: Overview | None = None
        self._known: set[tuple[str, str]] = set()
        screen.dashboard = self._dashboard

    def show(self, poll: Poll) -> None:
        """Show a poll, and print what in it was not known: decisions, and jobs that are held or cannot start."""
        self._progress, self._overview = poll.progress, None
        for entry in poll.decisions[:MAX_LINES]:
            self.screen.print_short(f"{entry.ipppssoot}  {entry.reason}", "" if entry.is_again else "red")
        if len(poll.decisions) > MAX_LINES:
            self.screen.print(f"and {len(poll.decisions) - MAX_LINES:,} more decisions")
        if poll.busy and not poll.decisions:
            self.screen.print(f"note: {poll.busy}: it decides what is resubmitted")
        self._ask_reasons(poll.progress)
        self._print_blocked(poll.progress)
        self.screen.show(poll.progress)
        if self._has_page or self.screen.is_live:
            self._shown = self.overview()

    def overview(self) -> Overview:
        """Return how the batch was in the last poll."""
        assert self._progress is not None
        if self._overview is None:
            pace, left = self.screen.pace, self.screen.left
            self._overview = self._observer.overview(self._progress, pace, left, self._reasons)
        return self._overview

    def publish(self) -> None:
        """Write what the store has of it, where that is due."""
        assert self._progress is not None
        if self._progress.is_over:
            self._publisher.write_last(self._progress, self.overview)
        else:
            self._publisher.write(self._progress, self.overview)

    def leave(self) -> None:
        """Let what the store has say that nobody keeps it up to date any more."""
        if self._progress is not None:
            self._publisher.write_last(self._progress, self.overview)

    def summarize(self, progress: Progress, command: str) -> None:
        """Print how the batch has ended."""
        overview = self.overview()
        families = sorted(overview.families, key=lambda row: -row.datasets)
        steps = next_steps(overview.address, command, succeeded=not families)
        cost = [("cost", text)] if (text := cost_text(overview)) else []
        self.screen.summary(progress, families, [("report", f"hstdputils report {overview.address}"), *cost, *steps])

    def _ask_reasons(self, progress: Progress) -> None:
        """Ask the engine now and then why what waits does not start."""
        if not any(state.state in (State.WAITING, State.HELD) for state in progress.states.values()):
            self._reasons, self._asked = [], float("-inf")
            return
        whys = {state.why for state in progress.stuck}
        if whys - self._whys or time.monotonic() - self._asked >= REASONS_SECONDS:
            self._whys, self._asked = whys, time.monotonic()
            try:
                self._reasons = self._engine.wait_reasons(progress.states.values())
            except (UserError, StoreError) as error:
                self.screen.print(f"note: {error}")

    def _print_blocked(self, progress: Progress) -> None:
        stuck = {(state.job, state.why): state for state in progress.stuck}
        new = [state for key, state in stuck.items() if key not in self._known]
        self._known = set(stuck)
        groups: dict[tuple[str, str], list[str]] = {}
        for state in new:
            groups.setdefault((str(state.state), state.why), []).append(state.ipppssoot)
        for (word, why), names in groups.items():
            text = f"{word}{f': {why}' if why else ''}"
            for name in names if len(names) <= FEW else names[:1]:
                self.screen.print(f"{name}  {text}", "yellow")
            if len(names) > FEW:
                self.screen.print(f"and {len(names) - 1:,} more for the same reason", "yellow")
        told = {why for _, why in stuck}
        for reason in self._reasons:
            if reason.reason not in self._told_reasons and not (reason.reason in told and not reason.fix):
                text = f"fix: {reason.fix}" if reason.reason in told else reason_text(reason)
                self.screen.print(text, "yellow")
        self._told_reasons = {reason.reason for reason in self._reasons}

    def _dashboard(self) -> RenderableType:
        """Return what is below the live line; called in the thread that refreshes it."""
        return dashboard(self._shown) if self._shown else ""
