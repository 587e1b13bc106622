"""How much sooner a batch ends whose longest datasets start first, on real ids and their measured times.

    python benchmarks/longest_first.py IDS MEASURED [SLOTS]

IDS is a list of ids, packed with gzip or not; MEASURED is a table of finished runs (ipst, memory, wallclock). The ids
that were measured are planned from their names alone, and by models that have not seen their programs; each is then
given to the first of SLOTS (100) slots that is free, for as long as it took. Printed is the makespan over the least
that is possible: all times by the number of slots, or the longest time.
"""

import gzip
import heapq
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from hstdputils.model.features import Runs, characters
from hstdputils.model.fit import fit
from hstdputils.model.predict import Planner
from hstdputils.model.score import folds
from hstdputils.model.tables import read_table


def makespan(seconds: Iterable[float], slots: int) -> float:
    """Return when the last job ends of those that start in this order, each on the slot that is free first, s."""
    free = [0.0] * slots
    for one in seconds:
        heapq.heapreplace(free, free[0] + one)
    return max(free)


def bound(seconds: Sequence[float], slots: int) -> float:
    """Return the least makespan that there can be, s."""
    return max(sum(seconds) / slots, max(seconds))


def measured_runs(ids: Path, table: Path) -> Runs:
    """Return the runs of a table whose datasets are in an id list, in the order of the list."""
    text = gzip.decompress(ids.read_bytes()) if ids.suffix == ".gz" else ids.read_bytes()
    rows = {row.ipppssoot: row for row in read_table(table) if row.wall_seconds > 0 and row.memory_mib > 0}
    names = [name for name in dict.fromkeys(text.decode().lower().split()) if name in rows]
    used = np.array([(rows[name].memory_mib, rows[name].wall_seconds) for name in names])
    return Runs(characters(names), np.full((len(names), 8), np.nan), used[:, 0], used[:, 1])


def expected_seconds(runs: Runs) -> np.ndarray:
    """Return the wall time that names say, by models that have not seen the programs, s."""
    fold, expected = folds(runs, 0), np.empty(len(runs))
    for number in np.unique(fold):
        test = fold == number
        planner = Planner(fit(runs[~test]))
        expected[test] = planner.plan(runs.names[test], runs.features[test]).seconds
    return expected


def main() -> None:
    """Measure, and print."""
    slots = int(sys.argv[3]) if len(sys.argv) > 3 else 100
    runs = measured_runs(Path(sys.argv[1]), Path(sys.argv[2]))
    wall = runs.wall
    least = bound(wall.tolist(), slots)
    orders = {
        "order of ids": np.argsort(runs.names.view("S9").ravel(), kind="stable"),
        "longest expected first": np.argsort(-expected_seconds(runs), kind="stable"),
        "longest first, as measured": np.argsort(-wall, kind="stable"),
    }
    print(f"{len(runs)} datasets on {slots} slots: at least {least / 3600:.2f} h")
    for name, order in orders.items():
        print(f"{name:<28} {makespan(wall[order].tolist(), slots) / least:.3f}")


if __name__ == "__main__":
    main()
