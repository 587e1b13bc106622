"""``hstdputils plan pilots``: one dataset of each group to run first, where no features can be had."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from hstdputils.core import command_line
from hstdputils.core.errors import ExitCode
from hstdputils.core.files import atomic_write
from hstdputils.model.pilots import LEAST, groups
from hstdputils.plan.evidence import note
from hstdputils.records.plan_files import read_plan_strictly
from hstdputils.records.plan_rows import PlanRow

BY_NAME = "instrument"
"""The evidence of rows of which no more than the name is known."""


_DESCRIPTION = f"""\
Print the rows of a plan that are worth running first: of each program's single exposures, and of its associations,
one, where there are {LEAST} or more that are planned from their names alone. Run or submit them as any plan; then
`hstdputils plan refine` makes a second plan on what they used."""


_EXAMPLES = """\
  hstdputils plan pilots results/my-batch/plan.out > pilots.out
  hstdputils run pilots.out"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    rows = read_plan_strictly(options.plan)
    chosen = pilot_rows(rows)
    write_rows(options.output, chosen)
    note(f"{len(chosen):,} of {len(rows):,} rows are pilots")
    return ExitCode.SUCCESS


def pilot_rows(rows: Iterable[PlanRow]) -> list[PlanRow]:
    """Return the rows of the pilots of a plan: of groups that are planned from their names alone."""
    by_name = {row.ipppssoot: row for row in rows if row.evidence == BY_NAME}
    return [by_name[pilot] for pilot in groups(by_name)]


def write_rows(path: Path | None, rows: Iterable[PlanRow]) -> None:
    """Write rows to a file, or to standard output where there is none."""
    text = "".join(f"{row.to_json()}\n" for row in rows)
    if path is None:
        sys.stdout.write(text)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, text)


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the plan that is read, and the file that is written."""
    parser.add_argument("plan", type=Path, metavar="PLAN", help="the plan")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write to it, not to standard output")


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("plan pilots", _DESCRIPTION, _EXAMPLES)
    add_plan_arguments(parser)
    return parser
