"""What `affected` found, summed up: by instrument, by mode and by type of reference, and on the terminal."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hstdputils.affected.analysis import DatasetChange, Verdict
from hstdputils.core.terminal import console, print_table
from hstdputils.core.text import duration, usd, visible

MOST_LINES, MOST_REASONS = 6, 2
"""Types of references, and reasons of a kind, that a terminal shows."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What processing one dataset, or several, is expected to take."""

    seconds: float = 0.0
    """Wall time, s; 0 where it is not known."""
    usd: float = 0.0
    """Cost on AWS, USD."""


@dataclass(frozen=True, slots=True)
class Group:
    """Datasets that have something in common."""

    name: str
    """What: an instrument, a mode, a type of reference."""
    affected: int
    """How many are affected."""
    unaffected: int
    """How many are not."""
    unknown: int
    """Of how many it cannot be told."""
    cost: Cost
    """What processing the affected ones again is expected to take."""


@dataclass(frozen=True, slots=True)
class ReferenceChange:
    """One pair of references, and the datasets for which the second takes the place of the first."""

    instrument: str
    """The instrument."""
    type: str
    """The type of reference."""
    old: str
    """The old reference, or N/A."""
    new: str
    """The new one, or N/A."""
    why_not: str
    """Why it does not change products; empty where it may."""
    datasets: int
    """For how many datasets."""


@dataclass
class Report:
    """All that is found."""

    old: str
    """The old context, or what stands for it."""
    new: str
    """The new context."""
    results: Sequence[DatasetChange]
    """What is known of each dataset."""
    costs: Mapping[str, Cost]
    """What processing each affected dataset again is expected to take."""
    what: str
    """What was asked for, as it was given."""

    @cached_property
    def counts(self) -> Counter[Verdict]:
        """Return how many datasets have each status."""
        return Counter(result.status for result in self.results)

    @cached_property
    def total(self) -> Cost:
        """Return what processing all affected datasets again is expected to take."""
        return self._cost(self.results)

    @cached_property
    def by_instrument(self) -> list[Group]:
        """Return the datasets by instrument."""
        return self._groups(lambda result: [result.mode.partition(" ")[0]])

    @cached_property
    def by_mode(self) -> list[Group]:
        """Return the datasets by instrument, detector and filter or grating."""
        return self._groups(lambda result: [result.mode])

    @cached_property
    def by_type(self) -> list[Group]:
        """Return the affected datasets by type of reference; one may be in several."""
        return self._groups(
            lambda result: sorted({f"{result.mode.partition(' ')[0]} {change.type}" for change in result.changes})
        )

    @cached_property
    def changes(self) -> list[ReferenceChange]:
        """Return all pairs of references, those that may change products and have most datasets first."""
        found: Counter[tuple[str, str, str, str, str]] = Counter()
        for result in self.results:
            instrument = result.mode.partition(" ")[0]
            for effect in result.effects:
                one = effect.change
                found[instrument, one.type, one.old, one.new, effect.why_not] += 1
        ordered = sorted(found.items(), key=lambda item: (bool(item[0][4]), -item[1], item[0]))
        return [ReferenceChange(*key, count) for key, count in ordered]

    @cached_property
    def reasons(self) -> list[tuple[str, int]]:
        """Return why it cannot be told, with the number of datasets, the most frequent first."""
        return self._reasons(Verdict.UNKNOWN)

    @cached_property
    def problems(self) -> list[tuple[str, int]]:
        """Return why affected datasets cannot be processed with the new context, likewise."""
        return self._reasons(Verdict.AFFECTED)

    def _reasons(self, status: Verdict) -> list[tuple[str, int]]:
        found = (one for one in self.results if one.status is status and one.reason)
        return Counter(one.reason.replace(one.ipppssoot, "…") for one in found).most_common()

    def _groups(self, names_of: Callable[[DatasetChange], list[str]]) -> list[Group]:
        members: dict[str, list[DatasetChange]] = defaultdict(list)
        for result in self.results:
            for name in names_of(result):
                members[name].append(result)
        groups = []
        for name, results in members.items():
            counts = Counter(result.status for result in results)
            affected, unaffected, unknown = (counts[status] for status in Verdict)
            groups.append(Group(name, affected, unaffected, unknown, self._cost(results)))
        return sorted(groups, key=lambda group: (-group.affected, -group.unknown, group.name))

    def _cost(self, results: Iterable[DatasetChange]) -> Cost:
        costs = [self.costs.get(one.ipppssoot, Cost()) for one in results if one.status is Verdict.AFFECTED]
        return Cost(sum(one.seconds for one in costs), sum(one.usd for one in costs))


def show(report: Report, written: Sequence[Path], ids: Path | None) -> None:
    """Print a summary."""
    counts = report.counts
    contexts = " → ".join(name.removesuffix(".pmap") for name in (report.old, report.new))
    numbers = f"{counts[Verdict.AFFECTED]:,} of {len(report.results):,} datasets affected"
    print(f"{contexts}: {numbers}, {counts[Verdict.UNAFFECTED]:,} unaffected, {counts[Verdict.UNKNOWN]:,} unknown")
    screen = console()
    if report.by_type:
        print()
        rows = [_row(group) for group in report.by_type[:MOST_LINES]]
        if len(report.by_type) > MOST_LINES:
            rows.append([f"and {len(report.by_type) - MOST_LINES} more types", "", "", ""])
        rows.append(["in all", f"{counts[Verdict.AFFECTED]:,}", *_cost_cells(report.total)])
        print_table(screen, ("reference", "datasets", "core time", "USD"), rows, right={1, 2, 3})
    idle = sum(1 for one in report.results if one.status is Verdict.UNAFFECTED and one.effects)
    if idle:
        print(f"\n{idle:,} of the unaffected get different references that cannot alter their products")
    _print_reasons("affected, but", report.problems)
    _print_reasons("cannot tell", report.reasons)
    if written:
        print(f"\nwritten: {', '.join(map(str, written))}")
    if ids and counts[Verdict.AFFECTED]:
        print(f"next: hstdputils plan STORE BATCH @{ids} > plan.out")


def _print_reasons(what: str, reasons: Sequence[tuple[str, int]]) -> None:
    for reason, number in reasons[:MOST_REASONS]:
        print(f"{what} ({number:,}): {visible(reason)}")
    if len(reasons) > MOST_REASONS:
        left = sum(number for _, number in reasons[MOST_REASONS:])
        print(f"{what} ({left:,}): {len(reasons) - MOST_REASONS} more reasons, which --html, --csv and --json have")


def _row(group: Group) -> list[str]:
    return [group.name, f"{group.affected:,}", *_cost_cells(group.cost)]


def _cost_cells(cost: Cost) -> list[str]:
    return [duration(cost.seconds) if cost.seconds else "", usd(cost.usd) if cost.usd else ""]
