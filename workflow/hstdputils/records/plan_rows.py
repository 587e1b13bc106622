"""Rows of a plan: all that is needed to run one dataset anywhere, and how they are read."""

import ast
import json
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le, Lt, MinLen

from hstdputils.core.datasets import parse_dataset
from hstdputils.core.errors import UserError
from hstdputils.core.instruments import INSTRUMENT_OF, Resources
from hstdputils.core.text import one_line

COMMAND: Literal["hstdp-process"] = "hstdp-process"
"""The command that runs in the container."""


LONGEST_LINE = 4096
"""Bytes of one line; rows have about 250."""


_DEEPEST = 8
"""Brackets of one kind in a tuple of 2020; rows have one. Python's parser is not asked about more."""


_LONGEST_VALUE, _LONGEST_REASON = 60, 200
"""Characters of a wrong value, and of a reason, that are shown."""


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One row of ``plan.out``, in the order in which its keys are written; what is read is held against the types."""

    __pydantic_config__: ClassVar = {"strict": True, "extra": "forbid", "allow_inf_nan": False}

    output: Annotated[str, MinLen(1)]
    """The store: ``s3://bucket``, a folder, or ``none``."""
    batch: str
    """The batch's name."""
    ipppssoot: str
    """The dataset, lower case."""
    instrument: str
    """Its instrument, lower case."""
    command: Literal["hstdp-process"]
    """The command that runs in the container."""
    vcpus: Annotated[int, Ge(1), Le(256)]
    """Cores."""
    memory_mib: Annotated[int, Ge(1), Le(2**20)]
    """Memory, MiB."""
    max_seconds: Annotated[int, Ge(1), Le(14 * 86_400)]
    """Time limit, s."""
    expected_seconds: Annotated[int, Ge(1), Le(14 * 86_400)] = field(default=0, kw_only=True)
    """Wall time that a run of its kind takes in the mean, s; half of the limit where none is on record."""
    evidence: str
    """What memory and time rest on."""
    evidence_n: Annotated[int, Ge(0)]
    """Number of finished runs behind the evidence."""
    cost_usd: Annotated[float, Ge(0), Lt(1e6)] | None
    """Expected cost in USD; none where it is not known."""

    def __post_init__(self) -> None:
        """Fill in the expected time, which plans of earlier versions do not have."""
        if not self.expected_seconds:
            object.__setattr__(self, "expected_seconds", usual_seconds(self.max_seconds))

    def to_json(self) -> str:
        """Return the row as one line of JSON."""
        return json.dumps(asdict(self))


def usual_seconds(max_seconds: int) -> int:
    """Return the wall time to expect where no run is on record, s: half of the time limit, which is generous."""
    return max_seconds // 2 or 1


def longest_first(rows: Iterable[PlanRow]) -> list[PlanRow]:
    """Return rows in the order in which they should start, so that no long one is left to the end."""
    return sorted(rows, key=attrgetter("expected_seconds"), reverse=True)


@cache
def _reader() -> Callable[[bytes | str], PlanRow]:
    """Return what reads rows; pydantic is imported by those alone who read some, as planners and most jobs do not."""
    from pydantic import TypeAdapter

    return TypeAdapter(PlanRow).validate_json


_TUPLE = ("output", "batch", "ipppssoot", "instrument", "command", "vcpus", "memory_mib", "max_seconds")
"""The keys of a tuple of 2020, whose second value is ``<batch>/<ipppssoot>``."""


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
        usual = max(round(expected), 1) if expected else usual_seconds(seconds)
        lines.append(
            f'{start}{name}{middle[name[0]]}{vcpus}, "memory_mib": {memory}, "max_seconds": {seconds}, '
            f'"expected_seconds": {usual}, "evidence": "{evidence}", "evidence_n": {evidence_n}, '
            f'"cost_usd": {usd}}}\n'
        )
    return lines, costs


def parse_row(line: bytes) -> PlanRow:
    """Read one line of a plan or of a slice, and hold it against `PlanRow`; nothing in it is evaluated.

    Raises
    ------
    ValueError
        The line is not a plan row; ``str()`` is one short line that says why.
    """
    if len(line) > LONGEST_LINE:
        raise ValueError(f"longer than {LONGEST_LINE} bytes")
    try:
        is_tuple = line[:1] != b"{" and line.lstrip().startswith(b"(")
        row = _reader()(json.dumps(_values_of_tuple(line)) if is_tuple else line)
        dataset = parse_dataset(row.ipppssoot)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(_complaint(error)) from error
    if dataset.instrument != row.instrument:
        raise ValueError(f"{dataset} is a dataset of {dataset.instrument}, not of {_value(row.instrument)}")
    return row if dataset.ipppssoot == row.ipppssoot else replace(row, ipppssoot=dataset.ipppssoot)


def lines_of(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file, and no more of each than `parse_row` takes.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    with path.open("rb") as lines:
        while line := lines.readline(LONGEST_LINE + 1):
            yield line


def read_rows(path: Path, lines: Iterable[bytes]) -> Iterator[tuple[int, bytes, PlanRow]]:
    """Yield the rows of a plan, each with its number and text; blank lines are passed over.

    Raises
    ------
    UserError
        A line is not a valid plan row; it is named.
    """
    for number, line in enumerate(lines, start=1):
        if line.isspace() and len(line) <= LONGEST_LINE:
            continue
        try:
            row = parse_row(line)
        except ValueError as error:
            raise UserError(f"{path}:{number}: not a valid plan row ({error}): write the plan anew") from error
        yield number, line, row


def read_plan(path: Path) -> dict[str, PlanRow]:
    """Read a plan.

    Returns
    -------
    rows
        By ipppssoot, in the order of the file.

    Raises
    ------
    OSError
        There is no such file, or it cannot be read.
    UserError
        A line is not a valid plan row, or the second for its dataset; the line is named.
    """
    rows: dict[str, PlanRow] = {}
    for number, _, row in read_rows(path, lines_of(path)):
        if row.ipppssoot in rows:
            raise UserError(f"{path}:{number}: a second row for {row.ipppssoot}: keep one of them")
        rows[row.ipppssoot] = row
    return rows


def read_named_plan(path: Path) -> dict[str, PlanRow]:
    """Read the plan that a user has named, which has rows.

    Raises
    ------
    UserError
        It cannot be read, is not a valid plan, or is empty.
    """
    try:
        rows = read_plan(path)
    except OSError as error:
        raise UserError(f"cannot read the plan {path} ({error.strerror}): correct its name") from error
    if not rows:
        raise UserError(f"the plan {path} is empty: write it with hstdputils plan")
    return rows


def _values_of_tuple(line: bytes) -> dict[str, object]:
    """Return the values of a row of the prototype of 2020, a tuple of literals, by key."""
    if max(map(line.count, (b"[", b"{", b"("))) > _DEEPEST:
        raise ValueError("too many brackets")
    values = ast.literal_eval(line.decode().strip())
    if not isinstance(values, tuple) or len(values) != len(_TUPLE):
        raise ValueError(f"a tuple of {len(_TUPLE)} values is wanted")
    row = dict(zip(_TUPLE, values, strict=True))
    for name, change in (("batch", lambda text: text.partition("/")[0]), ("instrument", str.lower)):
        if isinstance(row[name], str):
            row[name] = change(row[name])
    return row | {"evidence": "instrument", "evidence_n": 0, "cost_usd": None}


def _complaint(error: Exception) -> str:
    """Return why a row cannot be read, or the first of pydantic's complaints about it, in one short line."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return _short(one_line(error) or type(error).__name__)
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"][:1])
    message = first["msg"].partition(", got ")[0].replace("Input should", "must").rstrip(".")
    if first["type"] in ("missing", "unexpected_keyword_argument"):
        verb = "is missing" if first["type"] == "missing" else "is not a key of a row"
        return _short(f"{_value(place)} {verb}")
    if not place:
        return _short(message)
    return _short(f"{place} {message}, not {_value(first['input'])}")


def _value(value: object) -> str:
    """Return a value as it may be shown, however long it is."""
    try:
        text = repr(value)
    except ValueError:  # a number of thousands of digits
        return "a huge number"
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _short(reason: str) -> str:
    return textwrap.shorten(reason, _LONGEST_REASON, placeholder="…")
