"""How many jobs AWS Batch gets for a plan of 100,000 rows, by the sizes that rows may have.

    python benchmarks/array_jobs.py IDS FEATURES MEASURED

plans IDS (packed with gzip or not) by name alone, with the table FEATURES, and with the history of the table MEASURED
of finished runs as well; then the datasets of FEATURES alone. Of each plan, 100,000 rows drawn by chance (all of a
smaller one) are grouped as `hstdputils submit` does: rows of one size, time limit and number of cores make arrays of
up to 10,000, by instrument.
"""

import gzip
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from hstdputils.core.datasets import Dataset
from hstdputils.core.instruments import Resources
from hstdputils.engines.aws_batch.submit import group
from hstdputils.model.fitted import Model
from hstdputils.model.history import History
from hstdputils.model.score import as_table
from hstdputils.model.tables import read_features_table, read_table
from hstdputils.records.plan_rows import COMMAND, PlanRow

ROWS = 100_000
GRIDS = (None, 64, 128, 256, 512)
"""Steps of memory, MiB; none for the sizes that were fitted with the model."""


def main() -> None:
    """Count, and print."""
    ids, features_table, measured_table = map(Path, sys.argv[1:4])
    text = gzip.decompress(ids.read_bytes()) if ids.suffix == ".gz" else ids.read_bytes()
    names = text.decode().lower().split()
    features = read_features_table(features_table)
    with History(Path(":memory:"), create=True) as history:
        history.add_table(read_table(measured_table), "")
        measured = history.measured()
    model = Model.load()
    rows = []
    for title, wanted, known, own in (
        ("ids alone", names, {}, {}),
        ("ids, features of some", names, features, {}),
        ("the same, and own runs of some", names, features, measured),
        ("features of all", list(features), features, {}),
    ):
        drawn = sorted(np.random.default_rng(0).permutation(len(wanted))[:ROWS].tolist())
        some = [wanted[place] for place in drawn]
        for grid in GRIDS:
            plan = rows_of(some, model.needs(some, known, own, grid))
            sizes = {(row.memory_mib, row.max_seconds, row.vcpus) for row in plan}
            name = f"grid of {grid} MiB" if grid else "fitted sizes"
            rows.append((title, name, f"{len(plan):,}", f"{len(sizes)}", f"{len(group(plan))}"))
    print(*as_table(("plan", "memory", "rows", "sizes", "jobs"), rows), sep="\n")


def rows_of(names: Sequence[str], needs: Sequence[Resources]) -> list[PlanRow]:
    """Return the rows of a plan."""
    return [
        PlanRow("s3://b", "b", name, Dataset(name).instrument, COMMAND, *need[:5], cost_usd=None)
        for name, need in zip(names, needs, strict=True)
    ]


if __name__ == "__main__":
    main()
