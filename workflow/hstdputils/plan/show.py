"""``hstdputils plan show``: a plan in numbers that people can read before anything runs."""

import argparse
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from hstdputils.core import command_line
from hstdputils.core.errors import ExitCode
from hstdputils.core.terminal import console as visible_console
from hstdputils.core.terminal import print_line, print_table
from hstdputils.core.text import clock
from hstdputils.plan.estimate import CENT, Estimate, runs_here
from hstdputils.records.plan_rows import PlanRow, read_named_plan

LARGEST, SIZES = 10, 20
"""Rows, and sizes, that are listed at most."""


_DESCRIPTION = """\
Sum a plan up: datasets, memory, time limits and expected cost by instrument, by size and by evidence, and its largest
rows.

`hstdputils plan --show PLAN` does the same. A store folder named show is ./show."""


_EXAMPLES = """\
  hstdputils plan show plan.out"""


_TOTAL = ("datasets", "GiB", "longest", "USD")


_ROW = ("dataset", "instr.", "cores", "MiB", "limit", "evidence", "runs", "USD")


_TEXT = {"instrument", "size", "evidence", "dataset", "instr."}


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args([word.removeprefix("--show=") for word in arguments if word != "--show"])
    show(list(read_named_plan(options.plan).values()))
    return ExitCode.SUCCESS


@dataclass(slots=True)
class _Sum:
    datasets: int = 0
    memory_mib: int = 0
    longest: int = 0
    usd: float = 0.0
    without_cost: int = 0

    def add(self, row: PlanRow) -> None:
        self.datasets += 1
        self.memory_mib += row.memory_mib
        self.longest = max(self.longest, row.max_seconds)
        self.usd += row.cost_usd or 0.0
        self.without_cost += row.cost_usd is None

    @property
    def cells(self) -> tuple[str, ...]:
        usd = "-" if self.without_cost == self.datasets else f"{self.usd:,.2f}"
        return f"{self.datasets:,}", f"{self.memory_mib / 1024:,.1f}", clock(self.longest), usd


def show(rows: Sequence[PlanRow], console: Console | None = None) -> None:
    """Print totals and the largest rows of a plan to standard output, or another console."""
    console = console or visible_console()
    batches = sorted({(row.batch, row.output) for row in rows})
    for batch, output in batches[:LARGEST]:
        print_line(console, Text(f"batch {batch} in {output}"))
    if len(batches) > LARGEST:
        print_line(console, Text(f"and {len(batches) - LARGEST:,} more batches"))
    _totals(console, "instrument", sorted(_sums((row.instrument, row) for row in rows).items()))
    sizes = sorted(_sums((_size(row), row) for row in rows).items(), key=lambda item: -item[1].datasets)
    _totals(console, "size", sizes[:SIZES])
    if len(sizes) > SIZES:
        left = sum(total.datasets for _, total in sizes[SIZES:])
        print_line(console, Text(f"and {left:,} datasets of {len(sizes) - SIZES:,} other sizes"))
    _totals(console, "evidence", sorted(_sums((row.evidence, row) for row in rows).items()))
    largest = heapq.nlargest(LARGEST, rows, key=lambda row: (row.memory_mib, row.max_seconds, row.cost_usd or 0.0))
    _table(console, _ROW, [_cells(row) for row in largest])
    whole = _sums(("all", row) for row in rows)["all"]
    print_line(console, Text())
    estimate = Estimate(is_here=all(runs_here(output) for _, output in batches))
    estimate.add_rows(rows)
    print_line(console, Text(f"{whole.datasets:,} datasets, {estimate.time()}"))
    if whole.usd >= CENT:
        print_line(console, Text(f"USD {whole.usd:,.2f} on AWS, by the prices of the plan"))
    if whole.usd >= CENT and whole.without_cost:
        print_line(console, Text(f"the cost of {whole.without_cost:,} of them is not known"))


def _sums(rows: Iterable[tuple[str, PlanRow]]) -> dict[str, _Sum]:
    sums: dict[str, _Sum] = {}
    for name, row in rows:
        sums.setdefault(name, _Sum()).add(row)
    return sums


def _size(row: PlanRow) -> str:
    return f"{row.memory_mib} MiB" + (f", {row.vcpus} cores" if row.vcpus > 1 else "")


def _cells(row: PlanRow) -> tuple[str, ...]:
    usd = "-" if row.cost_usd is None else f"{row.cost_usd:,.4f}"
    sizes = (str(row.vcpus), str(row.memory_mib), clock(row.max_seconds))
    return (row.ipppssoot, row.instrument, *sizes, row.evidence, f"{row.evidence_n:,}", usd)


def _totals(console: Console, by: str, sums: Sequence[tuple[str, _Sum]]) -> None:
    _table(console, (by, *_TOTAL), [(name, *total.cells) for name, total in sums])


def _table(console: Console, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns below their headings, after a blank line."""
    print_line(console, Text())
    right = [place for place, heading in enumerate(headings) if heading not in _TEXT]
    print_table(console, headings, rows, right=right)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("plan show", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("plan", type=Path, help="the plan, as hstdputils plan writes it")
    return parser
