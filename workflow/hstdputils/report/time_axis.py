"""The axis of a timeline: where times are on it, and its ticks; long pauses are left out."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from hstdputils.report.rows import ReportAttempt

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
"""Distances of ticks, s; beyond, some days."""


_MOST_TICKS, _MOST_LONG_TICKS = 7, 4
"""Ticks of the time, so that their words have room on a phone; long words are those with seconds."""


_PAUSE = 0.08
"""Times without attempts are cut out where they are a larger share of the time than this."""


class TimeAxis:
    """Where times are, from 0 to 1; long pauses are left out of it.

    Parameters
    ----------
    spans
        When something ran, as pairs of s since 1970 that do not overlap, in order.
    """

    def __init__(self, spans: Sequence[tuple[float, float]]) -> None:
        longest_pause = _PAUSE * sum(end - start for start, end in spans)
        self.parts: list[tuple[float, float]] = [spans[0]]
        """The parts of the time that the axis has."""
        for start, end in spans[1:]:
            if start - self.parts[-1][1] > longest_pause:
                self.parts.append((start, end))
            else:
                self.parts[-1] = (self.parts[-1][0], end)
        self._starts = [start for start, _ in self.parts]
        self.seconds = sum(end - start for start, end in self.parts) or 1.0
        """The time that the axis has, s."""
        self._offsets = [0.0]
        for start, end in self.parts:
            self._offsets.append(self._offsets[-1] + (end - start) / self.seconds)

    def __call__(self, time: float) -> float:
        """Return where a time is; one in a pause, or outside, is at its border."""
        part = max(0, bisect_right(self._starts, time) - 1)
        start, end = self.parts[part]
        return self._offsets[part] + (min(max(time, start), end) - start) / self.seconds

    @property
    def cuts(self) -> list[float]:
        """Return where pauses are left out."""
        return self._offsets[1:-1]

    def ticks(self) -> list[tuple[float, str]]:
        """Return places and words of the ticks, UTC."""
        most = _MOST_TICKS if self.seconds > 60 * _MOST_TICKS else _MOST_LONG_TICKS
        wanted = self.seconds / most
        step = next((step for step in _STEPS if step >= wanted), 86_400 * math.ceil(wanted / 86_400))
        found: list[tuple[float, str]] = []
        for start, end in self.parts:
            for number in range(math.ceil(start / step), math.floor(end / step) + 1):
                place = self(number * step)
                if 0.04 <= place <= 0.96 and (not found or place - found[-1][0] > 0.8 / most):
                    found.append((place, _tick_text(number * step, step)))
        return found


def spans_of(attempts: Iterable[ReportAttempt]) -> list[tuple[float, float]]:
    """Return when at least one of the attempts ran, which are in the order of their start."""
    spans: list[tuple[float, float]] = []
    for one in attempts:
        start, end = one.start or 0.0, one.end or 0.0
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((start, end))
    return spans


def _tick_text(time: float, step: float) -> str:
    moment = datetime.fromtimestamp(time, UTC)
    if step >= 86_400 or (moment.hour, moment.minute, moment.second) == (0, 0, 0):
        return f"{moment.day} {moment:%b}"
    return f"{moment:%H:%M}" if step >= 60 else f"{moment:%H:%M:%S}"
