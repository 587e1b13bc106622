"""``hstdputils plan pilots`` and ``plan refine``: one dataset of each group first, and a second plan on what it used.

For datasets of which no features can be had. The first plan stays as it is; the second one is another file beside it.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from hstdputils.core import command_line
from hstdputils.core.errors import ExitCode
from hstdputils.core.files import atomic_write
from hstdputils.core.instruments import BY_LETTER
from hstdputils.model.fitted import Model
from hstdputils.model.pilots import LEAST, after_pilot, groups, kind_of
from hstdputils.model.predict import LOST_MIB
from hstdputils.model.prices import Prices, add_price_options, chosen_prices
from hstdputils.plan.evidence import note
from hstdputils.plan.update import edited_names
from hstdputils.records.batch import Batch
from hstdputils.records.marker import Marker
from hstdputils.records.plan_files import read_plan_strictly
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.registry import open_store

BY_NAME, BY_PILOT = "instrument", "pilot"
"""The evidence of rows of which no more than the name is known, and of those that a pilot tells of."""


_PILOTS = f"""\
Print the rows of a plan that are worth running first: of each program's single exposures, and of its associations,
one, where there are {LEAST} or more that are planned from their names alone. Run or submit them as any plan; then
`hstdputils plan refine` makes a second plan on what they used."""


_PILOTS_EXAMPLES = """\
  hstdputils plan pilots results/my-batch/plan.out > pilots.out
  hstdputils run pilots.out"""


_REFINE = """\
Print a second plan: rows that are planned from their names alone get the memory and time that the pilot of their
group, as `hstdputils plan pilots` has chosen it, says they need; their evidence is then pilot. All other rows, rows
that were edited, and those of groups whose pilot has not succeeded, stay as they are, and so does the first plan."""


_REFINE_EXAMPLES = """\
  hstdputils plan refine results/my-batch/plan.out -o results/my-batch/plan.pilot.out
  hstdputils run results/my-batch/plan.pilot.out"""


def pilot_rows(rows: Iterable[PlanRow]) -> list[PlanRow]:
    """Return the rows of the pilots of a plan: of groups that are planned from their names alone."""
    by_name = {row.ipppssoot: row for row in rows if row.evidence == BY_NAME}
    return [by_name[pilot] for pilot in groups(by_name)]


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


def pilots(arguments: Sequence[str]) -> int:
    """Run ``hstdputils plan pilots``."""
    options = _parser("pilots", _PILOTS, _PILOTS_EXAMPLES).parse_args(arguments)
    rows = read_plan_strictly(options.plan)
    chosen = pilot_rows(rows)
    _write(options.output, chosen)
    note(f"{len(chosen):,} of {len(rows):,} rows are pilots")
    return ExitCode.SUCCESS


def refine(arguments: Sequence[str]) -> int:
    """Run ``hstdputils plan refine``."""
    parser = _parser("refine", _REFINE, _REFINE_EXAMPLES)
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
    options = parser.parse_args(arguments)
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
    _write(options.output, found)
    changed = sum(row.evidence == BY_PILOT for row in found)
    note(f"{changed:,} of {len(rows):,} rows follow {len(markers):,} of {len(wanted):,} pilots")
    return ExitCode.SUCCESS


def _write(path: Path | None, rows: Iterable[PlanRow]) -> None:
    text = "".join(f"{row.to_json()}\n" for row in rows)
    if path is None:
        sys.stdout.write(text)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, text)


def _parser(verb: str, description: str, examples: str) -> argparse.ArgumentParser:
    parser = command_line.parser(f"plan {verb}", description, examples)
    parser.add_argument("plan", type=Path, metavar="PLAN", help="the plan")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write to it, not to standard output")
    return parser
