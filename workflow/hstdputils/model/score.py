"""Scores of planners on runs: of the model by cross-validation, of others as they stand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hstdputils.core.instruments import INSTRUMENTS
from hstdputils.model.arrays import Bools, Floats, Ints, Runs, of_instrument
from hstdputils.model.cost import Score, score
from hstdputils.model.fit import fit
from hstdputils.model.predict import Planner, on_grid

FOLDS = 5


TABLE_2020: Mapping[str, tuple[int, int]] = {
    "acs": (4096, 21_600),
    "cos": (1280, 1_200),
    "stis": (1280, 1_200),
    "wfc3": (4096, 21_600),
}
"""Memory (MiB) and time limit (s) by instrument of the prototype of 2020."""


@dataclass(frozen=True, slots=True)
class Plans:
    """Memory and time limits for runs."""

    memory: Floats
    """Memory on no grid, MiB."""
    limit: Floats
    """Time limit, s."""
    shared: Floats
    """Memory as a plan has it, on the sizes that were fitted, MiB."""

    @classmethod
    def empty(cls, n: int) -> "Plans":
        """Return plans to be filled in."""
        return cls(*np.empty((3, n)))

    def fill(self, rows: Bools, found: "Plans") -> None:
        """Fill in the plans of some rows."""
        for mine, new in ((self.memory, found.memory), (self.limit, found.limit), (self.shared, found.shared)):
            mine[rows] = new

    def __getitem__(self, rows: Bools) -> "Plans":
        return Plans(self.memory[rows], self.limit[rows], self.shared[rows])

    def score(self, runs: Runs, grid_mib: int | None = None) -> Score:
        """Hold the plans, with memory on the fitted sizes or on a grid, against the runs."""
        memory = self.shared if grid_mib is None else on_grid(self.memory, grid_mib)
        return score(memory, runs.used, runs.wall, self.limit)


def folds(runs: Runs, seed: int, number: int = FOLDS) -> Ints:
    """Return the fold of each run; all runs of a program are in one."""
    programs = runs.programs
    return np.random.default_rng(seed).integers(0, number, int(programs.max()) + 1)[programs]


def planned(planner: Planner, runs: Runs, *, by_name: bool = False) -> Plans:
    """Return what a model gives to runs, from their features or from their names alone."""
    found = planner.plan(runs.names, np.full_like(runs.features, np.nan) if by_name else runs.features)
    return Plans(found.memory, found.limit, planner.rounded(found.memory))


def cross_validated(runs: Runs, seed: int = 0) -> tuple[Plans, Plans]:
    """Return what models give to runs of programs that they have not seen: by features, and by names alone."""
    fold = folds(runs, seed)
    by_features, by_name = (Plans.empty(len(runs)) for _ in range(2))
    for number in np.unique(fold):
        test = fold == number
        planner = Planner(fit(runs[~test]))
        for plans, alone in ((by_features, False), (by_name, True)):
            plans.fill(test, planned(planner, runs[test], by_name=alone))
    return by_features, by_name


def table_2020(runs: Runs) -> Plans:
    """Return what the prototype of 2020 gives."""
    plans = Plans.empty(len(runs))
    for instrument, (memory, limit) in TABLE_2020.items():
        mine = of_instrument(runs.names, INSTRUMENTS[instrument].letter)
        plans.memory[mine], plans.limit[mine], plans.shared[mine] = memory, limit, memory
    return plans


HEAD = ("planner", "runs", "bill", "second try", "cut", *(f"bill {name}" for name in sorted(INSTRUMENTS)))


def cells(name: str, plans: Plans, runs: Runs, grid_mib: int | None = None) -> tuple[str, ...]:
    """Return one line of a table of scores: overall, and the bill by instrument."""
    found = plans.score(runs, grid_mib)
    parts = []
    for _, instrument in sorted(INSTRUMENTS.items()):
        mine = of_instrument(runs.names, instrument.letter)
        parts.append(f"{plans[mine].score(runs[mine], grid_mib).bill:.2f}" if mine.any() else "")
    numbers = f"{found.bill:.3f}", f"{100 * found.second_tries:.2f} %", f"{100 * found.cut:.3f} %"
    return name, f"{found.rows}", *numbers, *parts


def as_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table in Markdown, its columns aligned."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for number, row in enumerate((head, *rows)):
        yield f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"
        if number == 0:
            yield f"| {' | '.join('-' * width for width in widths)} |"
