"""Whether the plan was right: what was planned against what was used of memory, time and money."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from markupsafe import Markup

from hstdputils.core.outcomes import Outcome
from hstdputils.report import plots
from hstdputils.report.collect import BatchReport
from hstdputils.report.plots import MOST_DOTS, Axis, Point, plot
from hstdputils.report.rows import ReportRow

FEWEST_PLOTTED = 12
"""Datasets from which on there is a picture of them; of fewer, the table says as much."""


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a planned quantity was used, over the datasets for which both are known."""

    title: str
    """The quantity, such as ``memory``."""
    datasets: int
    """Number of datasets for which both are known."""
    median: float
    """Median of used over planned."""
    up_to_half: int
    """Datasets that used at most half of what was planned."""
    up_to_plan: int
    """Datasets that used more than half, and no more than planned."""
    above_plan: int
    """Datasets that needed more than planned, or were killed before they could."""
    most: float
    """The largest used over planned."""
    is_limit: bool = True
    """Whether the plan is a limit, not an estimate that about half of the datasets exceed."""

    @property
    def caption(self) -> str:
        """Return the same in words."""
        above = "None above plan"
        if self.above_plan:
            above = f"{self.above_plan:,} ({percent(self.above_plan, self.datasets)}) above plan"
            above += f", at most {self.most:.2g} times the plan" if self.most > 1 else ""
        return f"Median use: {share(self.median)} of the plan. {above}."


@dataclass(frozen=True, slots=True)
class PlannedUse:
    """What was planned against what was used of one quantity."""

    use: Use
    """The counts."""
    axis: Axis
    """The quantity."""
    points: Sequence[Point]
    """The datasets."""

    def picture(self) -> Markup:
        """Return a picture of the datasets."""
        return plot(self.points, self.axis, f"{self.axis.used} against {self.axis.planned}. {self.use.caption}")


def planned_use(report: BatchReport) -> list[PlannedUse]:
    """Return planned against used memory, time and cost, where the batch has values for both."""
    wanted: list[tuple[str, Axis, Callable[[ReportRow], Point | None], bool]] = [
        ("memory", plots.MEMORY, _memory, True),
        ("time limit", plots.LIMIT, _limit, True),
        ("expected time", plots.TIME, _time, False),
    ]
    if report.prices:
        wanted.append(("cost", plots.COST, _cost, False))
    found = []
    for title, axis, point_of, is_limit in wanted:
        of_rows = (point_of(row) for row in report.rows if row.attempts)
        if points := [one for one in of_rows if one and one.planned > 0 and one.used > 0]:
            found.append(PlannedUse(_use(title, points, is_limit), axis, points))
    return found


def record(uses: Sequence[PlannedUse]) -> dict[str, dict[str, Any]]:
    """Return the counts for programs, by quantity."""
    return {
        one.use.title.replace(" ", "_"): {
            name: round(value, 6) if isinstance(value, float) else value
            for name, value in asdict(one.use).items()
            if name not in ("title", "is_limit")
        }
        for one in uses
    }


def how_to_read(shown: Sequence[PlannedUse]) -> str:
    """Return how the pictures are to be read."""
    many = any(len(one.points) > MOST_DOTS for one in shown)
    short = any(point.short for one in shown for point in one.points)
    return (
        f"Each point is a dataset{'; where they are many, darker squares hold more of them' if many else ''}. On the "
        "dashed line the plan was used up; the further below it, the more was planned than needed."
        f"{' Red ones needed more than planned.' if short else ''}"
    )


def _use(title: str, points: Sequence[Point], is_limit: bool) -> Use:
    shares = [point.used / point.planned for point in points]
    above = half = 0
    for one, point in zip(shares, points, strict=True):
        if point.short or one > 1:
            above += 1
        elif one <= 0.5:
            half += 1
    middle, n = statistics.median(shares), len(points)
    return Use(title, n, middle, half, n - half - above, above, max(shares), is_limit)


def _memory(row: ReportRow) -> Point | None:
    """Return the memory of the first attempt, which is the plan's, and the most that any attempt used."""
    if row.state not in (Outcome.SUCCEEDED, Outcome.OUT_OF_MEMORY):
        return None
    planned, used = row.attempts[0].memory_mib, max(one.peak_memory_mib for one in row.attempts)
    return Point(row.ipppssoot, planned, used, row.is_over_memory or used > planned)


def _limit(row: ReportRow) -> Point | None:
    if row.state not in (Outcome.SUCCEEDED, Outcome.TIMEOUT):
        return None
    return Point(row.ipppssoot, row.planned_seconds or 0, row.wall_seconds, row.is_over_time)


def _time(row: ReportRow) -> Point | None:
    return _succeeded(row, row.expected_seconds, row.wall_seconds)


def _cost(row: ReportRow) -> Point | None:
    return _succeeded(row, row.planned_cost_usd, row.cost_usd)


def _succeeded(row: ReportRow, planned: float | None, used: float | None) -> Point | None:
    if row.state != Outcome.SUCCEEDED or not planned or not used:
        return None
    return Point(row.ipppssoot, planned, used)


def share(ratio: float) -> str:
    """Return a ratio as percent."""
    value = 100 * ratio
    return "0.1 %" if value < 0.1 else f"{value:,.{1 if value < 10 else 0}f} %"


def percent(part: int, whole: int) -> str:
    """Return a part of a whole as percent."""
    return f"{100 * part / whole:.{0 if part in (0, whole) else 1}f} %"
