"""Rows of a plan: all that is needed to run one dataset anywhere."""

import ast
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from hstdputils.datasets import BadDatasetName, Dataset, parse_dataset
from hstdputils.errors import UserError
from hstdputils.model import resources_for


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


def plan_row(output: str, batch: str, dataset: Dataset) -> PlanRow:
    """Return the row that runs ``dataset``."""
    needs = resources_for(dataset)
    return PlanRow(
        output=output,
        batch=batch,
        ipppssoot=dataset.ipppssoot,
        instrument=dataset.instrument,
        command="hstdp-process",
        vcpus=needs.vcpus,
        memory_mib=needs.memory_mib,
        max_seconds=needs.max_seconds,
        evidence=needs.evidence,
        evidence_n=needs.evidence_n,
        cost_usd=None,
    )


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
            for number, row in _rows(path, lines):
                if row.ipppssoot in rows:
                    raise UserError(f"{path}:{number}: a second row for {row.ipppssoot}: keep one of them")
                rows[row.ipppssoot] = row
            return rows
    except UnicodeDecodeError as error:
        raise UserError(f"the plan {path} is no text file: write it with python -m hstdputils.plan") from error


def _rows(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, PlanRow]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield number, _row_of_tuple(line) if line.lstrip().startswith("(") else _row_of_json(line)
        except (ValueError, TypeError, SyntaxError, KeyError, BadDatasetName) as error:
            raise UserError(f"{path}:{number}: no plan row ({error}): write the plan anew") from error


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
    dataset = parse_dataset(row.ipppssoot)
    if dataset.instrument != row.instrument:
        raise ValueError(f"{row.ipppssoot} is a dataset of {dataset.instrument}, not of {row.instrument}")
    for name in ("vcpus", "memory_mib", "max_seconds"):
        value = getattr(row, name)
        if type(value) is not int or value < 1:
            raise ValueError(f"{name} must be a whole number above 0, not {value!r}")
