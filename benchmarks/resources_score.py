"""What planners of memory cost on runs of programs that they have not seen.

    python benchmarks/resources_score.py features.csv.gz [--measured measured.csv.gz] [--seeds 3]

cross-validates by program: the runs are cut into five parts, no program in two of them, and each part is planned by
what is fitted to the other four. All planners get the same rows. With scikit-learn (or lightgbm) installed, there is
also a plain gradient-boosted 0.97 quantile of the logarithm of memory, times 1.05.

The table of features must have the columns ipst, n_files, total_mb, drizcorr, pctecorr, crsplit, subarray, detector,
dtype, memory (GB) and wallclock (s); --measured adds runs without features, for the planner by name alone. By
instrument, bill and second tries are shown.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from hstdputils.core.instruments import INSTRUMENTS
from hstdputils.model.features import Features, Floats, Ints, Runs, characters, of_instrument
from hstdputils.model.fit import fit
from hstdputils.model.predict import Planner, on_grid, on_steps
from hstdputils.model.score import Plans, as_table, folds, planned, score, table_2020
from hstdputils.model.tables import read_table

GRID_MIB = 64
GRIDS_MIB = (64, 128, 256, 512)
"""Steps of memory whose cost is shown, MiB."""

FOUR_SIZES = (1792, 7168, 15360, 64512)
"""The four sizes of today's planner, MiB."""

Line = tuple[Floats, Floats | None]
"""Memory and, where the planner has one, time limit, of all runs."""


def main(arguments: Sequence[str]) -> int:
    """Print the table."""
    options = _parser().parse_args(arguments)
    runs = read(options.features)
    more = read(options.measured) if options.measured else runs
    found: dict[str, list[Line]] = {}
    for seed in range(options.seeds):
        for name, line in planners(runs, more, seed):
            found.setdefault(name, []).append(line)
    head = ("planner", "bill", "by seed", "second try", "by seed", "cut", *sorted(INSTRUMENTS))
    print(f"{len(runs)} runs, {int(runs.programs.max()) + 1} programs, seeds 0 to {options.seeds - 1}\n")
    print(*as_table(head, [_cells(name, lines, runs) for name, lines in found.items()]), sep="\n")
    return 0


def read(path: Path) -> Runs:
    """Return the runs of a table; those whose memory is of another measurement are left out."""
    rows = [row for row in read_table(path) if row.memory_mib > 0]
    features = np.array([row.features or Features() for row in rows], float)
    used, wall = np.array([row.memory_mib for row in rows]), np.array([row.wall_seconds for row in rows])
    return Runs(characters([row.ipppssoot for row in rows]), features, used, wall)


def planners(runs: Runs, more: Runs, seed: int) -> Iterator[tuple[str, Line]]:
    """Yield what each planner gives to all runs."""
    fold = folds(runs, seed)
    table = table_2020(runs)
    yield "2020 table", (table.memory, table.limit)
    for name, make in _boosted().items():
        raw = _out_of_fold(runs, fold, make)
        yield name, (raw, None)
        yield f"{name}, grid of {GRID_MIB} MiB", (on_grid(raw, GRID_MIB), None)
        yield f"{name}, four sizes", (on_steps(raw, FOUR_SIZES), None)
    by_features, by_name = _ours(runs, more, fold)
    yield "ours, features known", (by_features.shared, by_features.limit)
    yield "ours, features known, on no grid", (by_features.memory, by_features.limit)
    for grid in GRIDS_MIB:
        yield f"ours, features known, grid of {grid} MiB", (on_grid(by_features.memory, grid), by_features.limit)
    yield "ours, features known, steps of 5 %", (_steps(by_features.memory, 1.05), by_features.limit)
    yield "ours, features known, four sizes", (on_steps(by_features.memory, FOUR_SIZES), by_features.limit)
    yield "ours, id alone", (by_name.shared, by_name.limit)


def _ours(runs: Runs, more: Runs, fold: Ints) -> tuple[Plans, Plans]:
    programs = np.array([bytes(name[:4]) for name in runs.names])
    others = np.array([bytes(name[:4]) for name in more.names])
    plans = [Plans.empty(len(runs)) for _ in range(2)]
    for number in np.unique(fold):
        test = fold == number
        seen = ~np.isin(others, programs[test])
        by_features, by_name = (
            Planner(fit(runs[~test])),
            Planner(fit(more[seen]) if more is not runs else fit(runs[~test])),
        )
        for plan, planner, alone in ((plans[0], by_features, False), (plans[1], by_name, True)):
            plan.fill(test, planned(planner, runs[test], by_name=alone))
    return plans[0], plans[1]


def _steps(memory: Floats, ratio: float) -> Floats:
    """Round memory up to the powers of a ratio, and these to multiples of 64 MiB."""
    return on_grid(ratio ** np.ceil(np.log(memory) / np.log(ratio) - 1e-9), 64)


def _out_of_fold(runs: Runs, fold: Ints, planner: Callable[[Runs, Runs], Floats]) -> Floats:
    memory = np.empty(len(runs))
    for number in np.unique(fold):
        test = fold == number
        memory[test] = planner(runs[~test], runs[test])
    return memory


def _boosted() -> dict[str, Callable[[Runs, Runs], Floats]]:
    """Return the gradient-boosted planners whose libraries are installed."""
    found: dict[str, Callable[[Runs, Runs], Floats]] = {}
    if find_spec("lightgbm"):
        from lightgbm import LGBMRegressor

        found["lightgbm 0.97 quantile x 1.05"] = lambda train, test: _boost(
            LGBMRegressor(
                objective="quantile",
                alpha=0.97,
                n_estimators=400,
                learning_rate=0.05,
                num_leaves=63,
                n_jobs=1,
                verbose=-1,
            ),
            train,
            test,
        )
    if find_spec("sklearn"):
        from sklearn.ensemble import HistGradientBoostingRegressor

        found["scikit-learn 0.97 quantile x 1.05"] = lambda train, test: _boost(
            HistGradientBoostingRegressor(loss="quantile", quantile=0.97, max_iter=400, random_state=0), train, test
        )
    return found


def _boost(regressor: "object", train: Runs, test: Runs) -> Floats:
    regressor.fit(_columns(train), np.log(train.used))  # type: ignore[attr-defined]
    return 1.05 * np.exp(regressor.predict(_columns(test)))  # type: ignore[attr-defined]


def _columns(runs: Runs) -> Floats:
    return np.concatenate([runs.features, runs.names[:, :1]], axis=1)


def _cells(name: str, lines: Sequence[Line], runs: Runs) -> tuple[str, ...]:
    scores = [score(memory, runs.used, runs.wall, limit) for memory, limit in lines]
    bills, seconds = [found.bill for found in scores], [100 * found.second_tries for found in scores]
    cut = "" if lines[0][1] is None else f"{100 * np.mean([found.cut for found in scores]):.3f} %"
    by_instrument = []
    for _, instrument in sorted(INSTRUMENTS.items()):
        mine = of_instrument(runs.names, instrument.letter)
        parts = [score(memory[mine], runs.used[mine], runs.wall[mine]) for memory, _ in lines]
        tries = 100 * np.mean([part.second_tries for part in parts])
        by_instrument.append(f"{np.mean([part.bill for part in parts]):.2f} / {tries:.2f} %")
    return (
        name,
        f"{np.mean(bills):.3f}",
        " ".join(f"{bill:.3f}" for bill in bills) if len(set(bills)) > 1 else "",
        f"{np.mean(seconds):.2f} %",
        " ".join(f"{second:.2f}" for second in seconds) if len(set(seconds)) > 1 else "",
        cut,
        *by_instrument,
    )


def _parser() -> argparse.ArgumentParser:
    description, _, _ = __doc__.partition("\n")
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("features", type=Path, help="CSV table of runs with features")
    parser.add_argument("--measured", type=Path, help="CSV table of more runs, without features")
    parser.add_argument("--seeds", type=int, default=3, help="how often the runs are cut into parts")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
