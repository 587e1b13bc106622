"""The attempts of a batch over time, as a picture for the page: a bar each, or bands where they are many."""

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from markupsafe import Markup, escape

from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import duration, iso_time, utc
from hstdputils.report.rows import NEEDS_PERSON, RETRY, ReportAttempt, ReportRow, kind_of
from hstdputils.report.time_axis import TimeAxis, spans_of
from hstdputils.report.timing import is_timed

MOST_BARS, MOST_LANES = 600, 40
"""Attempts, and lanes of them, that are drawn one by one; more are drawn as bands."""


MOST_BANDS = 28
"""Bands; where there are more hosts, several share one."""


_MOST_HOSTS = 2000
"""Hosts that are told apart; more are containers with a name each, rather than machines."""


_BINS = 160
"""Parts of the time in which bands are counted."""


_LEGEND = {
    str(Outcome.SUCCEEDED): "succeeded",
    RETRY: "failed, another attempt may succeed",
    NEEDS_PERSON: "failed, needs a person",
}
"""What the colours of bars mean."""


class Bar(NamedTuple):
    """An attempt in its lane."""

    lane: int
    """The lane, from 0."""
    row: ReportRow
    """The dataset."""
    attempt: ReportAttempt
    """The attempt."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The attempts over time, as lanes or bands with names."""

    names: Sequence[str]
    """The name of each lane or band, from the top."""
    lanes: Markup
    """The picture of them."""
    load: Markup
    """How many jobs ran at once, as a picture; empty for a few."""
    most_at_once: int
    """The most jobs at once, averaged over a part of the time."""
    what: str
    """What a lane or band is."""
    is_bands: bool
    """Whether attempts are counted in bands instead of drawn one by one."""
    has_pauses: bool
    """Whether pauses are left out."""
    legend: Mapping[str, str]
    """What the colours mean, by class of the page."""


def timeline(rows: Sequence[ReportRow]) -> Timeline | None:
    """Return the timeline of a batch; none where no marker says when its attempt ran."""
    timed = sorted(
        ((row, one) for row in rows for one in row.attempts if is_timed(one)),
        key=lambda pair: (pair[1].start, pair[1].end, pair[0].ipppssoot),
    )
    if not timed:
        return None
    axis = TimeAxis(spans_of(one for _, one in timed))
    hosts = _hosts(timed)
    bars, lane_hosts = _lanes(timed, hosts)
    kinds = {kind_of(one.outcome) for _, one in timed}
    several = len(set(lane_hosts)) > 1
    if len(bars) <= MOST_BARS and len(lane_hosts) <= MOST_LANES:
        names = _lane_names(lane_hosts) if several else [f"job {n}" for n in range(1, len(lane_hosts) + 1)]
        picture = _draw_bars(bars, len(lane_hosts), axis)
        legend = {kind: words for kind, words in _LEGEND.items() if kind in kinds}
        return Timeline(names, picture, Markup(), 0, "host" if several else "job", False, bool(axis.cuts), legend)
    names, band_of = _bands(lane_hosts) if several else _shared_bands([f"{n + 1}" for n in range(len(lane_hosts))])
    lanes_of = [band_of.count(band) for band in range(len(names))]
    busy, failed = _count(bars, band_of, len(names), axis)
    columns = [sum(band[k] for band in busy) for k in range(_BINS)]
    failed_columns = [sum(band[k] for band in failed) for k in range(_BINS)]
    picture = _draw_bands(busy, failed, lanes_of, axis)
    load = _draw_load(columns, failed_columns)
    legend = {"succeeded": "in use"} | ({"person": "by attempts that failed"} if any(failed_columns) else {})
    what = ("host" if len(set(lane_hosts)) == len(names) else "group of hosts") if several else "group of jobs"
    return Timeline(names, picture, load, math.ceil(max(columns) - 1e-6), what, True, bool(axis.cuts), legend)


def _hosts(timed: Sequence[tuple[ReportRow, ReportAttempt]]) -> list[str]:
    """Return the host of each attempt; all the same where hosts say nothing."""
    known = {one.host for _, one in timed if one.host}
    if len(known) <= 1 or len(known) > min(_MOST_HOSTS, max(2, len(timed) // 2)):
        return [""] * len(timed)
    return [one.host or "not recorded" for _, one in timed]


def _lanes(timed: Sequence[tuple[ReportRow, ReportAttempt]], hosts: Sequence[str]) -> tuple[list[Bar], list[str]]:
    """Put attempts of the same host that overlap into lanes of their own.

    Returns
    -------
    bars
        The attempts in their lanes.
    hosts
        The host of each lane, those of a host together.
    """
    free: dict[str, list[tuple[float, int]]] = {}
    counts: dict[str, int] = {}
    placed: list[tuple[str, int]] = []
    for (_, one), host in zip(timed, hosts, strict=True):
        lanes = free.setdefault(host, [])
        # starts are rounded to ms, ends too: they may overlap by as much
        if lanes and lanes[0][0] <= (one.start or 0.0) + 0.002:
            _, lane = heapq.heappop(lanes)
        else:
            lane = counts.get(host, 0)
            counts[host] = lane + 1
        heapq.heappush(lanes, (one.end or 0.0, lane))
        placed.append((host, lane))
    first: dict[str, int] = {}
    lane_hosts: list[str] = []
    for host in sorted(counts):
        first[host] = len(lane_hosts)
        lane_hosts += [host] * counts[host]
    bars = [Bar(first[host] + lane, row, one) for (host, lane), (row, one) in zip(placed, timed, strict=True)]
    return bars, lane_hosts


def _lane_names(hosts: Sequence[str]) -> list[str]:
    return ["" if n and hosts[n - 1] == host else host for n, host in enumerate(hosts)]


def _bands(lane_hosts: Sequence[str]) -> tuple[list[str], list[int]]:
    """Return the names of bands, and the band of each lane: lanes of one host, or of several hosts."""
    hosts = sorted(set(lane_hosts))
    names, band_of_host = _shared_bands(hosts)
    band = dict(zip(hosts, band_of_host, strict=True))
    return names, [band[host] for host in lane_hosts]


def _shared_bands(names: Sequence[str]) -> tuple[list[str], list[int]]:
    """Return the names of bands, each of one or several neighbours, and the band of each name."""
    each = math.ceil(len(names) / MOST_BANDS)
    groups = [names[k : k + each] for k in range(0, len(names), each)]
    texts = [group[0] if len(group) == 1 else f"{group[0]} – {group[-1]}" for group in groups]
    return texts, [k // each for k in range(len(names))]


def _count(
    bars: Sequence[Bar], band_of: Sequence[int], n_bands: int, axis: TimeAxis
) -> tuple[list[list[float]], list[list[float]]]:
    """Return how many attempts ran on average in each part of the time, by band: all, and those that failed."""
    changes = [[[0.0] * (_BINS + 2) for _ in range(n_bands)] for _ in range(2)]
    for lane, _, one in bars:
        left, right = axis(one.start or 0.0) * _BINS, axis(one.end or 0.0) * _BINS
        first, last = int(left), int(right)
        for band in (of[band_of[lane]] for of in changes[: 1 if one.outcome == Outcome.SUCCEEDED else 2]):
            # from its first part of the time on it counts, in this and the last for a part alone
            band[first] += first + 1 - left
            band[first + 1] += left - first
            band[last] -= last + 1 - right
            band[last + 1] -= right - last
    busy, failed = ([list(accumulate(band))[:_BINS] for band in of] for of in changes)
    return busy, failed


def _draw_bars(bars: Sequence[Bar], n_lanes: int, axis: TimeAxis) -> Markup:
    tall = 20 if n_lanes <= 12 else 12
    parts = [_frame(axis, n_lanes * tall, f"{len(bars)} attempts over time, in {n_lanes} lanes")]
    for lane, row, one in bars:
        left, right = axis(one.start or 0.0), axis(one.end or 0.0)
        given = f", {one.memory_mib} MiB" if one.memory_mib else ""
        title = (
            f"{row.ipppssoot}: {one.outcome}, {duration(one.wall_seconds)}{given}, from "
            f"{utc(iso_time(one.start))} UTC{f' on {one.host}' if one.host else ''}"
        )
        parts.append(
            f'<rect class="{kind_of(one.outcome)}" x="{100 * left:.2f}%" y="{lane * tall + 1}" '
            f'width="{max(0.2, 100 * (right - left)):.2f}%" height="{tall - 2}"><title>{escape(title)}</title></rect>'
        )
    return Markup("".join([*parts, "</svg>"]))


def _draw_bands(
    busy: Sequence[Sequence[float]], failed: Sequence[Sequence[float]], lanes: Sequence[int], axis: TimeAxis
) -> Markup:
    tall, n = 14, len(busy)
    text = f"attempts over time in {n} bands: the darker, the more of its lanes are in use; failed ones on top"
    parts = [
        _frame(axis, n * tall, text),
        f'<svg class="cells" viewBox="0 0 {_BINS} {n}" width="100%" height="{n * tall}" preserveAspectRatio="none">',
    ]
    shades: dict[tuple[str, int], list[str]] = {}
    for band, (all_counts, failed_counts) in enumerate(zip(busy, failed, strict=True)):
        for kind, counts in (("succeeded", all_counts), ("person", failed_counts)):
            levels = (_shade(count, lanes[band], kind) for count in counts)
            for start, end, shade in _runs(levels):
                cell = f"M{start} {band}.06h{end - start}v.88h-{end - start}z"
                shades.setdefault((kind, shade), []).append(cell)
    for (kind, shade), cells in sorted(shades.items(), key=lambda item: (item[0][0] != "succeeded", item[0][1])):
        parts.append(f'<path class="{kind}" opacity="{shade / 10:g}" d="{"".join(cells)}"/>')
    return Markup("".join([*parts, "</svg></svg>"]))


def _shade(count: float, lanes: int, kind: str) -> int:
    """Return how dark a cell is, from 0 to 10."""
    share = count / lanes
    if kind == "succeeded":
        return min(10, math.ceil(8 * share + 1)) if share > 0.005 else 0
    return min(10, math.ceil(10 * math.sqrt(share))) if share > 0.002 else 0


def _runs(levels: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and level of neighbours with the same level above 0."""
    start, before = 0, 0
    k = -1
    for k, level in enumerate(levels):
        if level != before:
            if before:
                yield start, k, before
            start, before = k, level
    if before:
        yield start, k + 1, before


def _draw_load(columns: Sequence[float], failed: Sequence[float]) -> Markup:
    """Return how many jobs ran at once, as an area; those that failed at the bottom of it."""
    most = max(columns) or 1.0
    parts = [
        f'<svg class="load" viewBox="0 0 {_BINS} 100" height="72" preserveAspectRatio="none" role="img" '
        f'aria-label="jobs at once over time, at most {most:.0f}">'
    ]
    for kind, values in (("succeeded", columns), ("person", failed)):
        steps = "".join(f"V{100 - 100 * value / most:.1f}h1" for value in values)
        parts.append(f'<path class="{kind}" d="M0 100{steps}V100z"/>')
    return Markup("".join([*parts, "</svg>"]))


def _frame(axis: TimeAxis, height: int, text: str) -> str:
    """Return the beginning of a picture: its size, the lines and words of its ticks, and lines for pauses."""
    parts = [
        f'<svg class="lanes" width="100%" height="{height + 20}" role="img" aria-label="{escape(text)}">'
        f'<line class="base" x1="0" x2="100%" y1="{height + 0.5}" y2="{height + 0.5}"/>'
    ]
    for place, words in axis.ticks():
        parts.append(
            f'<line class="grid" x1="{100 * place:.2f}%" x2="{100 * place:.2f}%" y1="0" y2="{height + 4}"/>'
            f'<text x="{100 * place:.2f}%" y="{height + 16}" text-anchor="middle">{words}</text>'
        )
    for place in axis.cuts:
        parts.append(f'<line class="cut" x1="{100 * place:.2f}%" x2="{100 * place:.2f}%" y1="0" y2="{height}"/>')
    return "".join(parts)
