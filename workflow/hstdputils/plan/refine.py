"""``hstdputils plan refine``: a second plan on what pilots used, beside the first, which stays as it is."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from hstdputils.core import command_line
from hstdputils.core.errors import ExitCode
from hstdputils.core.instruments import BY_LETTER
from hstdputils.model.fitted import Model
from hstdputils.model.pilots import after_pilot, groups, kind_of
from hstdputils.model.predict import LOST_MIB
from hstdputils.model.prices import Prices, add_price_options, chosen_prices
from hstdputils.plan.evidence import note
from hstdputils.plan.pilots import BY_NAME, add_plan_arguments, pilot_rows, write_rows
from hstdputils.plan.update import edited_names
from hstdputils.records.batch import Batch
from hstdputils.records.marker import Marker
from hstdputils.records.plan_files import read_plan_strictly
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.registry import open_store

BY_PILOT = "pilot"
"""The evidence of rows that a pilot tells of."""


_DESCRIPTION = """\
Print a second plan: rows that are planned from their names alone get the memory and time that the pilot of their
group, as `hstdputils plan pilots` has chosen it, says they need; their evidence is then pilot. All other rows, rows
that were edited, and those of groups whose pilot has not succeeded, stay as they are, and so does the first plan."""


_EXAMPLES = """\
  hstdputils plan refine results/my-batch/plan.out -o results/my-batch/plan.pilot.out
  hstdputils run results/my-batch/plan.pilot.out"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    rows = read_plan_strictly(options.plan)
    model, prices = Model.load(options.model), chosen_prices(options)
    wanted = {row.ipppssoot for row in pilot_rows(rows)}
    markers: dict[str, Marker] = {}
    if wanted:
        batch = Batch(open_store(rows[0].output), rows[0].batch)
        kinds = {name: True for name, succeeded in batch.markers.finished().items() if succeeded and name in wanted}
        # a pilot of which nothing had to be calibrated says nothing of the others
        ran = (marker for marker in batch.markers.read_all(kinds) if marker.succeeded and marker.wall_seconds > 0)
        markers = {marker.ipppssoot: marker for marker in ran if marker.peak_memory_mib > LOST_MIB}
    record = options.record or options.plan.with_suffix(".json")
    found = refined(rows, markers, edited_names(options.plan, record), model, prices, options.grid_mib)
    write_rows(options.output, found)
    changed = sum(row.evidence == BY_PILOT for row in found)
    note(f"{changed:,} of {len(rows):,} rows follow {len(markers):,} of {len(wanted):,} pilots")
    return ExitCode.SUCCESS


def refined(
    rows: Sequence[PlanRow],
    markers: Mapping[str, Marker],
    edited: Iterable[str],
    model: Model,
    prices: Prices,
    grid_mib: int | None = None,
) -> list[PlanRow]:
    """Return the rows of a second plan.

    Parameters
    ----------
    rows
        The rows of the first plan.
    markers
        Markers of pilots that have succeeded, by dataset.
    edited
        Datasets whose rows a person has edited, which stay.
    model
        The fitted model.
    prices
        The prices.
    grid_mib
        Memory is a multiple of this, MiB; none for the sizes of the model.
    """
    following: dict[str, Marker] = {}
    for pilot, group in groups(row.ipppssoot for row in rows if row.evidence == BY_NAME).items():
        if marker := markers.get(pilot):
            following |= dict.fromkeys(set(group) - {pilot}, marker)
    for name in edited:
        following.pop(name, None)
    return [_refined(row, following.get(row.ipppssoot), model, prices, grid_mib) for row in rows]


def _refined(row: PlanRow, pilot: Marker | None, model: Model, prices: Prices, grid_mib: int | None) -> PlanRow:
    if pilot is None:
        return row
    asked = after_pilot(
        model.pilots,
        BY_LETTER[row.ipppssoot[0]].name,
        kind_of(row.ipppssoot),
        float(pilot.peak_memory_mib),
        pilot.wall_seconds,
    )
    memory_mib = int(model.planner.rounded(np.array([asked.memory_mib]), grid_mib)[0])
    usd = prices.rates[memory_mib, row.vcpus] * pilot.wall_seconds
    return PlanRow(
        **asdict(row)
        | {
            "memory_mib": memory_mib,
            "max_seconds": max(row.max_seconds, asked.max_seconds),
            "expected_seconds": max(1, round(pilot.wall_seconds)),
            "evidence": BY_PILOT,
            "evidence_n": 1,
            "cost_usd": float(f"{usd:.4g}"),
        }
    )


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("plan refine", _DESCRIPTION, _EXAMPLES)
    add_plan_arguments(parser)
    parser.add_argument("--model", type=Path, metavar="FILE", help="another fitted model than config/resources.json")
    parser.add_argument(
        "--grid-mib", type=command_line.above_zero, metavar="MIB", help="memory is a multiple of this, as for plan"
    )
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="what says which rows were edited: the plan.json beside a batch's plan (default: PLAN's own, if any)",
    )
    add_price_options(parser)
    return parser
