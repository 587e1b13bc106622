"""Rows of a plan: all that is needed to run one dataset anywhere."""

import ast
import json
import math
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from hstdputils.datasets import INSTRUMENTS, MOSAICKED, SKYCELL, parse_dataset
from hstdputils.errors import UserError, one_line
from hstdputils.model import Resources

COMMAND = "hstdp-process"
"""The command that runs in the container."""

INSTRUMENT_OF = {**INSTRUMENTS, **{name[0]: name for name in (*MOSAICKED, SKYCELL)}}
"""Instruments by the first letter of a dataset's name; those of ipppssoots begin no visit or sky cell."""

_NO_ROW = (ValueError, TypeError, SyntaxError, LookupError, AttributeError, RecursionError, MemoryError)
"""Errors of lines that are no rows; Python's parser answers deep nesting with the last two."""

_LONGEST_REASON = 200
"""Characters of a reason that are shown."""


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One row of ``plan.out``, in the order in which its keys are written."""

    output: str
    """The store: ``s3://bucket``, a folder, or ``none``."""
    batch: str
    """The batch's name."""
    ipppssoot: str
    """The dataset, lower case."""
    instrument: str
    """Its instrument, lower case."""
    command: str
    """The command that runs in the container."""
    vcpus: int
    """Cores."""
    memory_mib: int
    """Memory, MiB."""
    max_seconds: int
    """Time limit, s."""
    evidence: str
    """What memory and time rest on."""
    evidence_n: int
    """Number of finished runs behind the evidence."""
    cost_usd: float | None
    """Expected cost in USD; none where no prices are known."""

    def to_json(self) -> str:
        """Return the row as one line of JSON."""
        return json.dumps(asdict(self))


def row_lines(
    output: str, batch: str, names: Sequence[str], needs: Sequence[Resources], rates: Mapping[tuple[int, int], float]
) -> tuple[list[str], list[float]]:
    """Return the rows that run datasets, as lines of text like those of `PlanRow.to_json`.

    Parameters
    ----------
    output, batch
        Store and name of the batch.
    names
        The datasets, in lower case.
    needs
        What each of them needs.
    rates
        USD a second by memory (MiB) and cores.

    Returns
    -------
    lines
        The rows.
    costs
        What each of them is expected to cost, USD; 0 where that is not known.
    """
    start = f'{{"output": {json.dumps(output)}, "batch": {json.dumps(batch)}, "ipppssoot": "'
    middle = {
        letter: f'", "instrument": "{instrument}", "command": "{COMMAND}", "vcpus": '
        for letter, instrument in INSTRUMENT_OF.items()
    }
    lines: list[str] = []
    costs: list[float] = []
    for name, (vcpus, memory, seconds, evidence, evidence_n, expected) in zip(names, needs, strict=True):
        cost = rates[memory, vcpus] * expected
        usd = f"{cost:.4g}" if expected else "null"
        costs.append(cost)
        lines.append(
            f'{start}{name}{middle[name[0]]}{vcpus}, "memory_mib": {memory}, "max_seconds": {seconds}, '
            f'"evidence": "{evidence}", "evidence_n": {evidence_n}, "cost_usd": {usd}}}\n'
        )
    return lines, costs


def read_plan(path: Path) -> dict[str, PlanRow]:
    """Read a plan.

    Returns
    -------
    rows
        By ipppssoot, in the order of the file.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    UserError
        A line is no plan row, or the second for its dataset; the line is named.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            rows: dict[str, PlanRow] = {}
            for number, _, row in read_rows(path, lines):
                if row.ipppssoot in rows:
                    raise UserError(f"{path}:{number}: a second row for {row.ipppssoot}: keep one of them")
                rows[row.ipppssoot] = row
            return rows
    except UnicodeDecodeError as error:
        raise UserError(f"the plan {path} is no text file: write it with python -m hstdputils.plan") from error


def read_rows(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, str, PlanRow]]:
    """Yield the rows of a plan, each with its number and text; blank lines are passed over.

    Raises
    ------
    UserError
        A line is no plan row; it is named.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = _row_of_tuple(line) if line.lstrip().startswith("(") else _row_of_json(line)
        except _NO_ROW as error:
            reason = textwrap.shorten(one_line(error) or type(error).__name__, _LONGEST_REASON, placeholder="…")
            raise UserError(f"{path}:{number}: no plan row ({reason}): write the plan anew") from error
        yield number, line, row


def _row_of_json(line: str) -> PlanRow:
    row = PlanRow(**json.loads(line))
    _check(row)
    return replace(row, ipppssoot=row.ipppssoot.lower())


def _row_of_tuple(line: str) -> PlanRow:
    """Read a row of the prototype of 2020: a tuple of literals."""
    output, prefix, ipppssoot, instrument, command, vcpus, memory_mib, max_seconds = ast.literal_eval(line.strip())
    row = PlanRow(
        output=output,
        batch=prefix.split("/")[0],
        ipppssoot=parse_dataset(ipppssoot).ipppssoot,
        instrument=instrument.lower(),
        command=command,
        vcpus=vcpus,
        memory_mib=memory_mib,
        max_seconds=max_seconds,
        evidence="instrument",
        evidence_n=0,
        cost_usd=None,
    )
    _check(row)
    return row


def _check(row: PlanRow) -> None:
    for name in ("output", "batch", "ipppssoot", "command", "evidence"):
        if not isinstance(getattr(row, name), str):
            raise ValueError(f"{name} must be a text, not {getattr(row, name)!r}")
    if type(row.evidence_n) is not int:
        raise ValueError(f"evidence_n must be a whole number, not {row.evidence_n!r}")
    if row.cost_usd is not None and (type(row.cost_usd) not in (int, float) or not 0 <= row.cost_usd < math.inf):
        raise ValueError(f"cost_usd must be a number or null, not {row.cost_usd!r}")
    dataset = parse_dataset(row.ipppssoot)
    if dataset.instrument != row.instrument:
        raise ValueError(f"{row.ipppssoot} is a dataset of {dataset.instrument}, not of {row.instrument}")
    for name in ("vcpus", "memory_mib", "max_seconds"):
        value = getattr(row, name)
        if type(value) is not int or value < 1:
            raise ValueError(f"{name} must be a whole number above 0, not {value!r}")
