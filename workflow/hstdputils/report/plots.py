"""Whether the plan was right: planned against used memory, time and cost, as SVG for the page, and in words."""

import math
import statistics
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup, escape

from hstdputils.core.outcomes import Outcome
from hstdputils.report.rows import BatchReport, Row

MOST_DOTS = 1000
"""Points of one kind that are drawn each; of more, how many there are is drawn, in squares."""


_MOST_TITLES = 200
"""Points of one kind that tell their dataset under the pointer."""


_WIDTH, _HEIGHT = 350, 300


_LEFT, _RIGHT, _TOP, _BOTTOM = 68.0, 342.0, 8.0, 262.0


_CELLS = 56


_MOST_TICKS = 6


class Point(NamedTuple):
    """One dataset in a picture."""

    name: str
    """The dataset."""
    planned: float
    """What was planned."""
    used: float
    """What was used."""
    short: bool = False
    """Whether the plan fell short."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A quantity, on both axes alike, with logarithmic steps."""

    planned: str
    """What is planned, with its unit."""
    used: str
    """What is used."""
    ticks: Sequence[float]
    """Where ticks may be, rising."""
    text: Callable[[float], str]
    """The words for a value."""


def plot(points: Sequence[Point], axis: Axis, caption: str) -> Markup:
    """Return a picture of points: planned to the right, used upwards, and the line where both are the same.

    Parameters
    ----------
    points
        The points, at least one; values are above 0.
    axis
        The quantity.
    caption
        What the picture shows, in words, for those who do not see it.

    Returns
    -------
    picture
        An SVG element, whose colours are classes of the page.
    """
    values = [value for point in points for value in (point.planned, point.used)]
    ticks = _ticks(axis.ticks, min(values), max(values))
    low, high = math.log(min(*values, ticks[0]) * 0.9), math.log(max(*values, ticks[-1]) * 1.12)

    def x(value: float) -> float:
        return _LEFT + (math.log(value) - low) / (high - low) * (_RIGHT - _LEFT)

    def y(value: float) -> float:
        return _BOTTOM - (math.log(value) - low) / (high - low) * (_BOTTOM - _TOP)

    grid = "".join(f"M{x(v):.1f} {_TOP:g}V{_BOTTOM:g}M{_LEFT:g} {y(v):.1f}H{_RIGHT:g}" for v in ticks)
    parts = [
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(caption)}">'
        f'<path class="grid" d="{grid}"/>'
        f'<path class="same" d="M{_LEFT:g} {_BOTTOM:g}L{_RIGHT:g} {_TOP:g}"/>'
    ]
    for value in ticks:
        text = escape(axis.text(value))
        parts.append(f'<text x="{x(value):.1f}" y="{_BOTTOM + 15:g}" text-anchor="middle">{text}</text>')
        parts.append(f'<text x="{_LEFT - 6:g}" y="{y(value) + 3.5:.1f}" text-anchor="end">{text}</text>')
    for kind, short in (("fits", False), ("short", True)):
        some = [point for point in points if point.short is short]
        places = [(x(point.planned), y(point.used)) for point in some]
        parts.append(_squares(places, kind) if len(some) > MOST_DOTS else _dots(some, places, kind, axis))
    middle_x, middle_y = (_LEFT + _RIGHT) / 2, (_TOP + _BOTTOM) / 2
    parts.append(
        f'<text class="axis" x="{middle_x:g}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(axis.planned)}</text>'
        f'<text class="axis" transform="translate(11 {middle_y:g}) rotate(-90)" text-anchor="middle">'
        f"{escape(axis.used)}</text></svg>"
    )
    return Markup("".join(parts))


def _ticks(candidates: Sequence[float], low: float, high: float) -> Sequence[float]:
    """Return those candidates that frame the values, thinned where they are many."""
    first = max(0, bisect_right(candidates, low) - 1)
    last = min(len(candidates) - 1, bisect_left(candidates, high))
    last = max(last, min(first + 1, len(candidates) - 1))
    between = candidates[min(first, last) : last + 1]
    return between[:: -(-len(between) // _MOST_TICKS)]


def _dots(points: Sequence[Point], places: Sequence[tuple[float, float]], kind: str, axis: Axis) -> str:
    if len(points) > _MOST_TITLES:
        dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places)
        return f'<path class="{kind} dots" d="{dots}"/>'
    return "".join(
        f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"><title>'
        f"{escape(point.name)}: planned {escape(axis.text(point.planned))}, used {escape(axis.text(point.used))}"
        f"</title></circle>"
        for point, (x, y) in zip(points, places, strict=True)
    )


def _squares(places: Sequence[tuple[float, float]], kind: str) -> str:
    """Return squares that are the darker, the more points are in them."""
    side = (_RIGHT - _LEFT) / _CELLS
    counts = Counter((int((x - _LEFT) / side), int((y - _TOP) / side)) for x, y in places)
    most = math.log1p(max(counts.values()))
    shades: dict[int, list[str]] = {}
    for (column, row), n in sorted(counts.items()):
        shade = max(2, math.ceil(10 * math.log1p(n) / most))
        shades.setdefault(shade, []).append(
            f"M{_LEFT + column * side:.1f} {_TOP + row * side:.1f}h{side:.1f}v{side:.1f}h-{side:.1f}z"
        )
    return "".join(
        f'<path class="{kind}" opacity=".{shade}" d="{"".join(cells)}"/>'.replace('".10"', '"1"')
        for shade, cells in sorted(shades.items())
    )


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


_COST = Axis("planned cost", "cost of all attempts", [10.0**n for n in range(-7, 7)], lambda usd: f"${_digits(usd)}")


_FEW = 10
"""Datasets of which the smallest and the largest share are given, not the median."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What was planned against what was used of one quantity."""

    title: str
    """The quantity."""
    svg: Markup
    """The picture."""
    caption: str
    """What it shows."""
    points: Sequence[Point]
    """The datasets in it."""


def pictures(report: BatchReport) -> list[Picture]:
    """Return the pictures for which the batch has values: memory, time and cost."""
    found = [
        ("memory", _MEMORY, _points(report.rows, _memory), _memory_caption),
        ("time", _TIME, _points(report.rows, _time), _time_caption),
        ("cost", _COST, _points(report.rows, _cost) if report.prices else [], _cost_caption),
    ]
    return [
        Picture(title, plot(points, axis, f"{axis.used} against {axis.planned}. {text}"), text, points)
        for title, axis, points, caption in found
        if points and (text := caption(points))
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
    found = (point(row) for row in rows if row.attempts)
    return [one for one in found if one and one.planned > 0 and one.used > 0]


def _memory(row: Row) -> Point | None:
    """Return the memory of the first try, which is the plan's, and what was used in the end."""
    if row.state not in (Outcome.SUCCEEDED, Outcome.OUT_OF_MEMORY):
        return None
    return Point(row.ipppssoot, row.attempts[0].memory_mib, row.peak_memory_mib, row.is_over_memory)


def _time(row: Row) -> Point | None:
    if row.state not in (Outcome.SUCCEEDED, Outcome.TIMEOUT):
        return None
    return Point(row.ipppssoot, row.planned_seconds or 0, row.wall_seconds, row.is_over_time)


def _cost(row: Row) -> Point | None:
    if row.state != Outcome.SUCCEEDED:
        return None
    return Point(row.ipppssoot, row.planned_cost_usd or 0.0, row.cost_usd or 0.0)


def _memory_caption(points: Sequence[Point]) -> str:
    return f"{_half(points, 'memory')} {_short(points, 'used more')}"


def _time_caption(points: Sequence[Point]) -> str:
    return f"{_half(points, 'time limit')} {_short(points, 'reached it')}"


def _cost_caption(points: Sequence[Point]) -> str:
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
