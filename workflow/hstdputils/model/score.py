"""How good a model is: of a method by cross-validation, of a model as it stands; and a new model, with its score.

A model is worth what the requests that it makes cost, so a refit is never taken without that number beside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hstdputils import __version__
from hstdputils.core.errors import UserError
from hstdputils.core.instruments import INSTRUMENTS
from hstdputils.model.features import Bools, Floats, Ints, Runs, characters, keys_of, of_instrument
from hstdputils.model.fit import fit
from hstdputils.model.fitted import Model
from hstdputils.model.history import History
from hstdputils.model.predict import Planner, on_grid
from hstdputils.model.tables import read_table
from hstdputils.model.tree import ROUNDING
from hstdputils.records.batch import Batch
from hstdputils.store.registry import open_store


class Score(NamedTuple):
    """How planned sizes fared with runs."""

    rows: int
    """Number of runs."""
    bill: float
    """Memory x wall time of all tries, by used memory x wall time."""
    second_tries: float
    """Part of the runs that needed more memory than planned."""
    cut: float
    """Part of the runs that took longer than their limit."""

    def to_json(self) -> dict[str, float]:
        """Return the score as it stands in the model's file."""
        return {name: round(value, 6) for name, value in self._asdict().items()}


def doublings(planned: Floats, used: Floats) -> Floats:
    """Return how often the planned memory has to be doubled to reach what was used."""
    return np.maximum(0.0, np.ceil(np.log2(used / planned) - ROUNDING))


def score(planned: Floats, used: Floats, wall: Floats, max_seconds: Floats | None = None) -> Score:
    """Hold planned memory (MiB) and time limits (s) against what runs used.

    Every try is paid in full: its memory x the wall time of the run.
    """
    doubled = doublings(planned, used)
    paid = planned * (2.0 ** (doubled + 1) - 1) * wall
    cut = 0.0 if max_seconds is None else float((wall > max_seconds).mean())
    return Score(len(used), float(paid.sum() / (used * wall).sum()), float((doubled > 0).mean()), cut)


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


FEW = 100
"""Runs of which a model is not fitted."""


GRIDS_MIB = (1, 64, 128, 256, 512)


def add(history: History, source: str, day: str) -> int:
    """Add the runs of a batch or a table to the history; return how many were new."""
    path = Path(source)
    if "://" not in source and not path.is_dir():
        if not day:
            day = datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat() if path.exists() else ""
        return history.add_table(read_table(path), day)
    place, _, batch = source.rstrip("/").rpartition("/")
    if not batch or place.endswith("/"):
        raise UserError(f"{source!r} names no batch: write s3://bucket/batch, or the batch's folder in the store")
    store = open_store(place or ".")
    markers = Batch(store, batch).markers
    kinds = markers.finished()
    if not kinds:
        raise UserError(f"{source}: no markers there: give the folder of a batch, or a CSV table")
    return history.add(markers.read_all(kinds))


def check_not_poorer(history: History, path: Path) -> None:
    """Raise `UserError` where a history has fewer runs than the model in ``path`` rests on."""
    ours, theirs = len(history.runs()), Model.load(path).data["fitted"].get("runs", 0)
    if ours < theirs:
        raise UserError(
            f"{path} rests on {theirs} runs, {history.path} has {ours}: write another model with --model FILE, add "
            "more runs, or name the fuller history with --history"
        )


def refit(history: History, path: Path, last: int) -> tuple[Model, list[str]]:
    """Fit a model to the history, and hold it against the one in ``path``.

    Parameters
    ----------
    history
        The history.
    path
        The file of the earlier model, which need not be there.
    last
        Runs that were added after this one are new to the earlier model.

    Returns
    -------
    model
        The new model, with its own score.
    table
        Lines of a table with both models' scores.
    """
    runs = history.runs()
    if len(runs) < FEW:
        raise UserError(
            f"{len(runs)} runs in {history.path} are too few for a model: add batches or tables of {FEW} or more"
        )
    by_features, by_name = cross_validated(runs)
    rows = list(_lines(runs, by_features, by_name))
    fresh = np.isin(runs.names.view("S9").ravel(), characters(history.names_after(last) or [""]).view("S9").ravel())
    if path.exists() and fresh.any():
        earlier = Model.load(path)
        rows.append(cells("new runs: earlier model", planned(earlier.planner, runs[fresh]), runs[fresh]))
        rows.append(cells("new runs: this model", by_features[fresh], runs[fresh]))
    first, latest = history.dates()
    sized = runs.sized
    scores = {"id_alone": by_name.score(runs)}
    if sized.any():
        scores["features_known"] = by_features[sized].score(runs[sized])
    fitted = {
        "date": date.today().isoformat(),
        "hstdputils": __version__,
        "runs": len(runs),
        "runs_with_features": int(sized.sum()),
        "runs_from": first,
        "runs_to": latest,
        "score": {"how": "programs not seen, 5 folds, fitted sizes"} | _as_json(scores),
    }
    return Model({"fitted": fitted, **fit(runs)}), list(as_table(HEAD, rows))


def _as_json(scores: dict[str, Score]) -> dict[str, dict[str, float]]:
    return {name: score.to_json() for name, score in scores.items()}


def score_tables(model: Model, paths: Sequence[Path], seeds: int) -> list[str]:
    """Return the lines of the score of a model on tables of runs; its method is cross-validated on runs it knows."""
    runs = _runs_of(paths)
    known = _known(model.planner, runs)
    if known < 0.5:
        plans = planned(model.planner, runs), planned(model.planner, runs, by_name=True)
        title = f"{model.path} as it stands; it has seen the programs of {100 * known:.0f} % of the runs"
        return [title, "", *as_table(HEAD, list(_lines(runs, *plans)))]
    lines = [f"{model.path} has seen the programs of {100 * known:.0f} % of these runs, so its method is scored,"]
    lines.append("fitted anew without the programs that it is then held against (5 folds)")
    for seed in range(seeds):
        lines += ["", *as_table(HEAD, list(_lines(runs, *cross_validated(runs, seed))))]
    return lines


def _lines(runs: Runs, by_features: Plans, by_name: Plans) -> Iterator[tuple[str, ...]]:
    """Yield the lines of the table: all runs by name, those with features by these, and what grids cost."""
    sized = runs.sized
    some = runs[sized]
    yield cells("2020 table", table_2020(runs), runs)
    yield cells("id alone", by_name, runs)
    if len(some):
        yield cells("2020 table, features known", table_2020(some), some)
        yield cells("features known", by_features[sized], some)
        for grid in GRIDS_MIB:
            yield cells(f"  grid {grid} MiB", by_features[sized], some, grid)


def _runs_of(paths: Sequence[Path]) -> Runs:
    """Return the runs of tables, one a dataset: of several the last."""
    with History(Path(":memory:"), create=True) as history:
        for path in paths:
            history.add_table(read_table(path), "")
        runs = history.runs()
    if len(runs) == 0:
        raise UserError(f"no runs in {', '.join(map(str, paths))}: the columns memory and wallclock are needed")
    return runs


def _known(planner: Planner, runs: Runs) -> float:
    """Return the part of the runs whose programs a model has seen."""
    seen = np.unique(planner.by_name.keys & np.uint64(0xFFFFFFFF00000000))
    return float(np.isin(keys_of(runs.names, 4), seen).mean())
