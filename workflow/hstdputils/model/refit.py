"""Refitting the model from the history, with its score, and scoring a model on tables of runs."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np

from hstdputils import __version__
from hstdputils.core.errors import UserError
from hstdputils.model.arrays import Runs, characters, keys_of
from hstdputils.model.cost import Score
from hstdputils.model.fit import fit
from hstdputils.model.fitted import Model
from hstdputils.model.history import History
from hstdputils.model.predict import Planner
from hstdputils.model.score import HEAD, Plans, as_table, cells, cross_validated, planned, table_2020
from hstdputils.model.tables import read_table
from hstdputils.records.batch import Batch
from hstdputils.store.registry import open_store

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
    kinds = Batch(store, batch).markers.ended()
    if not kinds:
        raise UserError(f"{source}: no markers there: give the folder of a batch, or a CSV table")
    return history.add(Batch(store, batch).markers.read_all(kinds))


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
