"""Pictures of planned against used values, as SVG for the page."""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup, escape

MOST_DOTS = 1000
"""Points of one kind that are drawn each; of more, how many there are is drawn, in squares."""


_MOST_TITLES = 200
"""Points of one kind that tell their dataset under the pointer."""


_WIDTH, _HEIGHT = 350, 300


_LEFT, _RIGHT, _TOP, _BOTTOM = 68.0, 342.0, 8.0, 262.0


_CELLS = 56


_MOST_TICKS = 6


_CHARACTER = 5.8
"""Width of a character of a tick, in units of the picture."""


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
    right = 0.0
    for value in ticks:
        text = axis.text(value)
        place = min(x(value), _WIDTH - _CHARACTER * len(text) / 2)
        if place - _CHARACTER * len(text) / 2 >= right:
            parts.append(f'<text x="{place:.1f}" y="{_BOTTOM + 15:g}" text-anchor="middle">{escape(text)}</text>')
            right = place + _CHARACTER * (len(text) / 2 + 1)
        parts.append(f'<text x="{_LEFT - 6:g}" y="{y(value) + 3.5:.1f}" text-anchor="end">{escape(text)}</text>')
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


MEMORY = Axis(
    "planned memory",
    "used memory",
    [2.0**n for n in range(4, 24)],
    lambda mib: _in_units(mib, ((1 << 20, "TiB"), (1 << 10, "GiB"), (1, "MiB"))),
)


LIMIT = Axis(
    "time limit",
    "used time",
    [0.1, 1, 10, 60, 600, 3600, 36_000, 360_000, 3_600_000],
    lambda seconds: _in_units(seconds, ((3600, "h"), (60, "min"), (1, "s"))),
)


TIME = Axis("expected time", "used time", LIMIT.ticks, LIMIT.text)


COST = Axis("planned cost", "cost of all attempts", [10.0**n for n in range(-7, 7)], lambda usd: f"${_digits(usd)}")


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
