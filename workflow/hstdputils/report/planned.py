"""Whether the plan was right: planned against used memory, time and cost, in pictures and in words."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from hstdputils.core.outcomes import Outcome
from hstdputils.report.plots import MOST_DOTS, Axis, Point, plot
from hstdputils.report.rows import BatchReport, Row

_MEMORY = Axis(
    "planned memory",
    "used memory",
    [2.0**n for n in range(4, 24)],
    lambda mib: _in_units(mib, ((1 << 20, "TiB"), (1 << 10, "GiB"), (1, "MiB"))),
)


_TIME = Axis(
    "time limit",
    "used time",
    [0.1, 1, 10, 60, 600, 3600, 36_000, 360_000, 3_600_000],
    lambda seconds: _in_units(seconds, ((3600, "h"), (60, "min"), (1, "s"))),
)


_COST = Axis("planned cost", "cost of all tries", [10.0**n for n in range(-7, 7)], lambda usd: f"${_digits(usd)}")


_FEW = 10
"""Datasets of which the smallest and the largest share are told, not the median."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What was planned against what was used of one quantity."""

    title: str
    """The quantity."""
    svg: Markup
    """The picture."""
    said: str
    """What it shows."""
    points: Sequence[Point]
    """The datasets in it."""


def pictures(report: BatchReport) -> list[Picture]:
    """Return the pictures for which the batch has values: memory, time and cost."""
    found = [
        ("memory", _MEMORY, _points(report.rows, _memory), _memory_said),
        ("time", _TIME, _points(report.rows, _time), _time_said),
        ("cost", _COST, _points(report.rows, _cost) if report.prices else [], _cost_said),
    ]
    return [
        Picture(
            title, plot(points, axis, f"{axis.used} against {axis.planned}. {said(points)}"), said(points), points
        )
        for title, axis, points, said in found
        if points
    ]


def how_to_read(shown: Sequence[Picture]) -> str:
    """Return how the pictures are to be read."""
    many = any(len(picture.points) > MOST_DOTS for picture in shown)
    short = any(point.short for picture in shown for point in picture.points)
    return (
        f"Each point is a dataset{'; where they are many, darker squares hold more of them' if many else ''}. On the "
        "dashed line the plan was used up; the further below it, the more was planned than needed."
        f"{' Red ones needed more than planned.' if short else ''}"
    )


def _points(rows: Sequence[Row], point: Callable[[Row], Point | None]) -> list[Point]:
    found = (point(row) for row in rows if row.tries)
    return [one for one in found if one and one.planned > 0 and one.used > 0]


def _memory(row: Row) -> Point | None:
    """Return the memory of the first try, which is the plan's, and what was used in the end."""
    if row.state not in (Outcome.SUCCEEDED, Outcome.OUT_OF_MEMORY):
        return None
    return Point(row.ipppssoot, row.tries[0].memory_mib, row.peak_memory_mib, row.is_over_memory)


def _time(row: Row) -> Point | None:
    if row.state not in (Outcome.SUCCEEDED, Outcome.TIMEOUT):
        return None
    return Point(row.ipppssoot, row.planned_seconds or 0, row.wall_seconds, row.is_over_time)


def _cost(row: Row) -> Point | None:
    if row.state != Outcome.SUCCEEDED:
        return None
    return Point(row.ipppssoot, row.planned_cost_usd or 0.0, row.cost_usd or 0.0)


def _memory_said(points: Sequence[Point]) -> str:
    return f"{_half(points, 'memory')} {_short(points, 'used more')}"


def _time_said(points: Sequence[Point]) -> str:
    return f"{_half(points, 'time limit')} {_short(points, 'reached it')}"


def _cost_said(points: Sequence[Point]) -> str:
    used, planned = sum(point.used for point in points), sum(point.planned for point in points)
    within = sum(0.5 <= point.used / point.planned <= 2 for point in points)
    return (
        f"Those that succeeded cost {used / planned:.2f} times what the plan expected of them; "
        f"{_percent(within, len(points))} of them cost between half and twice of it."
    )


def _half(points: Sequence[Point], what: str) -> str:
    shares = sorted(point.used / point.planned for point in points)
    if len(shares) < _FEW:
        both = [_share(shares[0]), *([_share(shares[-1])] if len(shares) > 1 else [])]
        return f"{' to '.join(both)} of the planned {what} was used."
    middle = statistics.median(shares)
    return f"Half of {len(points):,} datasets used less than {_share(middle)} of the planned {what}."


def _short(points: Sequence[Point], verb: str) -> str:
    n = sum(point.short for point in points)
    return f"{n:,} ({_percent(n, len(points))}) {verb}." if n else f"None {verb}."


def _share(ratio: float) -> str:
    percent = 100 * ratio
    return "0.1 %" if percent < 0.1 else f"{percent:.{1 if percent < 10 else 0}f} %"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.{0 if part in (0, whole) else 1}f} %"


def _in_units(value: float, units: Sequence[tuple[int, str]]) -> str:
    factor, unit = next((pair for pair in units if value >= pair[0]), units[-1])
    return f"{_digits(value / factor)} {unit}"


def _digits(value: float) -> str:
    """Return three digits of a number, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    text = f"{value:.{max(0, 2 - _exponent(value))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _exponent(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])
