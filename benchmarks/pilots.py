"""What plans from names cost when one dataset of each group runs first, on programs that the model has not seen.

    python benchmarks/pilots.py MEASURED [SEEDS]

MEASURED is a table of finished runs (ipst, memory, wallclock). The runs are cut into five parts, no program in two of
them, and each part is planned by what is fitted to the other four: from names alone, and again after the pilot of
each group (program, single exposures or associations) of 20 or more has run. Each of SEEDS (1) cuts is another line.
The pilots themselves are paid as planned from their names.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from hstdputils.core.instruments import BY_LETTER
from hstdputils.model.features import Floats, Runs, characters
from hstdputils.model.fit import fit
from hstdputils.model.pilots import after_pilot, groups, kind_of
from hstdputils.model.predict import LOST_MIB, Planner
from hstdputils.model.score import Score, folds, planned, score
from hstdputils.model.tables import read_table


def with_pilots(data: dict, runs: Runs, planner: Planner, memory: Floats) -> tuple[Floats, int, int]:
    """Return memory after the pilots, on the fitted sizes, MiB, and the numbers of pilots and of those after them."""
    names = runs.names.view("S9").ravel().astype(str).tolist()
    place = {name: number for number, name in enumerate(names)}
    found, n_pilots, n_others = memory.copy(), 0, 0
    for pilot, group in groups(names).items():
        run = place[pilot]
        asked = after_pilot(
            data["pilots"], BY_LETTER[pilot[0]].name, kind_of(pilot), float(runs.used[run]), float(runs.wall[run])
        )
        others = [place[name] for name in group if name != pilot]
        found[others] = planner.rounded(np.array([asked.memory_mib]))[0]
        n_pilots, n_others = n_pilots + 1, n_others + len(others)
    return found, n_pilots, n_others


def main() -> None:
    """Measure, and print."""
    rows = [row for row in read_table(Path(sys.argv[1])) if row.memory_mib > LOST_MIB and row.wall_seconds > 0]
    used = np.array([(row.memory_mib, row.wall_seconds) for row in rows])
    runs = Runs(characters([row.ipppssoot for row in rows]), np.full((len(rows), 8), np.nan), used[:, 0], used[:, 1])
    for seed in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1):
        fold = folds(runs, seed)
        by_name, piloted = np.empty((2, len(runs)))
        n_pilots = n_others = 0
        for number in np.unique(fold):
            test = fold == number
            data = fit(runs[~test])
            planner = Planner(data)
            by_name[test] = planned(planner, runs[test], by_name=True).shared
            piloted[test], pilots, others = with_pilots(data, runs[test], planner, by_name[test])
            n_pilots, n_others = n_pilots + pilots, n_others + others
        print(f"{len(runs):,} runs; {n_pilots:,} pilots, which {n_others:,} follow (seed {seed})")
        for name, memory in (("names alone", by_name), ("after pilots", piloted)):
            found: Score = score(memory, runs.used, runs.wall)
            print(f"{name:<14} bill {found.bill:.3f}, second tries {100 * found.second_tries:.2f} %")


if __name__ == "__main__":
    main()
