"""Details of some datasets of a batch, for the page: the end of their logs, what took their time, their previews."""

import base64
import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from hstdputils.core.errors import StoreError
from hstdputils.core.formats import MOST_BYTES, read_object
from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import one_line, visible
from hstdputils.records.batch import Batch
from hstdputils.report.collect import BatchReport
from hstdputils.report.rows import ReportRow
from hstdputils.store.base import Store
from hstdputils.store.layout import LOG, METRICS

MOST_SLOW = 10
"""Datasets that are shown as the slowest."""


MOST_LOGS = 60
"""Failed datasets whose logs are looked into."""


MOST_PICTURES = 48
"""Previews in the gallery."""


_ASKED = 144
"""Datasets that are asked for previews: not all have some."""


_MOST_OF_ONE = 4
"""Previews of one dataset, where there are few datasets."""


_LOG_BYTES, _LINES, _COLUMNS = 8192, 15, 240
"""What is read of the end of a log, and what is shown of it: lines, and characters of each."""


_PICTURE_BYTES = 16_384
"""Largest thumbnail that goes into the page."""


_STEPS = 3


_PARALLEL = 16


_KINDS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Preview:
    """A thumbnail."""

    ipppssoot: str
    """Its dataset."""
    instrument: str
    """The dataset's instrument."""
    name: str
    """What it shows: a product's name without its ending."""
    key: str
    """The key of the full picture."""
    data: str
    """The thumbnail, as a ``data:`` address."""


@dataclass(frozen=True, slots=True)
class Details:
    """Details of some datasets."""

    slowest: Sequence[ReportRow] = ()
    """The datasets that took longest."""
    logs: dict[str, Sequence[str]] = field(default_factory=dict)
    """The last lines of logs by dataset."""
    steps: dict[str, Sequence[tuple[str, float]]] = field(default_factory=dict)
    """The longest steps and their wall time, s, by dataset."""
    previews: Sequence[Preview] = ()
    """Thumbnails for the gallery."""


def read_details(report: BatchReport, failed: Iterable[ReportRow]) -> Details:
    """Look into the logs of failed and slow datasets, and at previews, several requests at a time.

    What cannot be read is left out: the page is made all the same.

    Parameters
    ----------
    report
        The report.
    failed
        Failed datasets, of which the first are looked into.
    """
    batch, store = report.batch, report.batch.store
    tried = [row for row in report.rows if row.attempt]
    slowest = sorted(tried, key=lambda row: (-row.wall_seconds, row.ipppssoot))[:MOST_SLOW]
    names = list(dict.fromkeys([row.ipppssoot for row in [*list(failed)[:MOST_LOGS], *slowest]]))
    asked = _spread([row for row in report.rows if row.state == Outcome.SUCCEEDED], _ASKED)
    with ThreadPoolExecutor(_PARALLEL) as pool:
        logs = pool.map(_or_none(lambda name: _log(store, batch.dataset_key(name, LOG))), names)
        steps = pool.map(_or_none(lambda row: _longest(store, batch.dataset_key(row.ipppssoot, METRICS))), slowest)
        thumbnails = pool.map(_or_none(lambda row: (row, _thumbnails(batch, row.ipppssoot))), asked)
        have = {row.ipppssoot: (row, keys) for row, keys in filter(None, thumbnails) if keys}
        shown = _spread([row for row, _ in have.values()], MOST_PICTURES)
        each = min(_MOST_OF_ONE, MOST_PICTURES // max(1, len(shown)))
        wanted = [(row, key) for row in shown for key in have[row.ipppssoot][1][:each]]
        previews = pool.map(_or_none(lambda pair: _preview(store, *pair)), wanted)
        return Details(
            slowest,
            {name: lines for name, lines in zip(names, logs, strict=True) if lines},
            {row.ipppssoot: some for row, some in zip(slowest, steps, strict=True) if some},
            [preview for preview in previews if preview],
        )


def _or_none(read: Callable[..., Answer]) -> Callable[..., Answer | None]:
    def or_none(item: object) -> Answer | None:
        try:
            return read(item)
        except StoreError:
            return None

    return or_none


def _log(store: Store, key: str) -> Sequence[str]:
    data = store.get_end(key, _LOG_BYTES) or b""
    lines = data.decode(errors="replace").splitlines()
    if len(data) == _LOG_BYTES and len(lines) > 1:
        del lines[0]  # of which only the end was read
    return [visible(line.expandtabs()).rstrip()[:_COLUMNS] for line in lines[-_LINES:]]


def _longest(store: Store, key: str) -> Sequence[tuple[str, float]]:
    try:
        steps = read_object(store.get_bytes(key, MOST_BYTES + 1) or b"{}")["steps"]
        known = [(one_line(step["name"])[:40], float(step["wall_seconds"])) for step in steps]
    except (ValueError, KeyError, TypeError, OverflowError):
        return []
    return sorted((step for step in known if math.isfinite(step[1])), key=lambda step: -step[1])[:_STEPS]


def _spread(rows: Sequence[ReportRow], most: int) -> Sequence[ReportRow]:
    """Return some of the rows: of each instrument its share, and at least one."""
    if len(rows) <= most:
        return rows
    by_instrument: dict[str, list[ReportRow]] = {}
    for row in rows:
        by_instrument.setdefault(row.instrument, []).append(row)
    spare = most - len(by_instrument)
    chosen: list[ReportRow] = []
    for name in sorted(by_instrument):
        some = by_instrument[name]
        n = min(1 + spare * len(some) // len(rows), len(some))
        chosen += [some[number * len(some) // n] for number in range(n)]
    return chosen


def _thumbnails(batch: Batch, ipppssoot: str) -> Sequence[str]:
    """Return the keys of a dataset's thumbnails, those that have its own name first."""
    prefix = batch.previews_prefix(ipppssoot)
    keys = [
        entry.key
        for entry in batch.store.entries(prefix)
        if entry.key.rpartition(".")[0].endswith("_thumb") and entry.size <= _PICTURE_BYTES
    ]
    return sorted(keys, key=lambda key: (not key.startswith(prefix + ipppssoot), key))


def _preview(store: Store, row: ReportRow, key: str) -> Preview | None:
    data = store.get_bytes(key, _PICTURE_BYTES) or b""
    kind = next((kind for start, kind in _KINDS.items() if data.startswith(start)), None)
    if kind is None:
        return None
    stem, _, ending = key.rpartition(".")
    full = stem.removesuffix("_thumb")
    address = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return Preview(row.ipppssoot, row.instrument, one_line(full.rpartition("/")[2]), f"{full}.{ending}", address)
