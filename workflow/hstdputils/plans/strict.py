"""Plans that are about to be sent somewhere: every line is checked before the first row goes."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hstdputils.batches import check_batch_name
from hstdputils.errors import UserError, one_line
from hstdputils.plans.rows import PlanRow, read_plan

MOST_ROWS = 500_000
"""Rows of one plan; a longer list is better cut into several batches."""

LONGEST_LINE = 4096
"""Bytes of one line; rows have about 250."""

_TYPES: dict[str, type | tuple[type, ...]] = {
    "output": str,
    "batch": str,
    "ipppssoot": str,
    "instrument": str,
    "command": str,
    "vcpus": int,
    "memory_mib": int,
    "max_seconds": int,
    "evidence": str,
    "evidence_n": int,
    "cost_usd": (int, float, type(None)),
}
_TUPLE = ("output", "batch", "ipppssoot", "instrument", "command", "vcpus", "memory_mib", "max_seconds")

_LARGEST = {"vcpus": 256, "memory_mib": 2**20, "max_seconds": 14 * 86_400}
"""What a row may ask for: more is a mistake, and a dear one."""

_DEEPEST = 8
"""Brackets of one kind in a line; rows have one."""


def read_plan_strictly(path: Path) -> list[PlanRow]:
    """Read a plan whose rows are to be sent to one store under one batch.

    Raises
    ------
    UserError
        There is no plan, or a line is not what a plan has; the line is named, and nothing of the plan is used.
    """
    numbers = _scan(path)
    try:
        rows = list(read_plan(path).values())
    except FileNotFoundError:
        raise UserError(f"there is no plan {path}: write it with python -m hstdputils.plan") from None
    if not rows:
        raise UserError(f"the plan {path} is empty: write it with python -m hstdputils.plan")
    first = rows[0]
    for number, row in zip(numbers, rows, strict=True):
        if problem := _problem(row, first):
            raise UserError(f"{path}:{number}: {problem}")
    return rows


def _scan(path: Path) -> list[int]:
    """Check the form of each line, and return the numbers of those with a row."""
    numbers: list[int] = []
    for number, line in _lines(path):
        if len(numbers) == MOST_ROWS:
            raise UserError(f"{path}:{number}: more than {MOST_ROWS:,} rows: cut the list into several batches")
        problem = _form_problem(line)
        if problem:
            raise UserError(f"{path}:{number}: no plan row ({problem}): write the plan anew")
        numbers.append(number)
    return numbers


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, and no more of a line than may be in it."""
    try:
        with path.open("rb") as lines:
            number = 0
            while line := lines.readline(LONGEST_LINE + 1):
                number += 1
                if line.strip() or len(line) > LONGEST_LINE:
                    yield number, line
    except FileNotFoundError:
        raise UserError(f"there is no plan {path}: write it with python -m hstdputils.plan") from None
    except OSError as error:
        raise UserError(f"the plan {path} cannot be read: {error.strerror}") from error


def _form_problem(line: bytes) -> str:
    """Return what is wrong with the form of a line; nothing where all is well."""
    if len(line) > LONGEST_LINE:
        return f"longer than {LONGEST_LINE} bytes"
    if max(map(line.count, (b"[", b"{", b"("))) > _DEEPEST:
        return "too many brackets"
    try:
        text = line.decode()
        is_tuple = text.lstrip().startswith("(")
        values = ast.literal_eval(text.strip()) if is_tuple else json.loads(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        return one_line(error)
    if is_tuple:
        if not isinstance(values, tuple) or len(values) != len(_TUPLE):
            return f"a tuple of {len(_TUPLE)} values is wanted"
        values = dict(zip(_TUPLE, values, strict=True))
    elif not isinstance(values, dict):
        return "a JSON object is wanted"
    for name, value in values.items():
        if name in _TYPES and (not isinstance(value, _TYPES[name]) or isinstance(value, bool)):
            return f"{name} must not be {_short(value)}"
    return ""


def _problem(row: PlanRow, first: PlanRow) -> str:
    """Return why a row cannot be sent with the first of its plan; nothing where all is well."""
    if row.command != "hstdp-process":
        return f"the command must be hstdp-process, not {_short(row.command)}"
    for name, most in _LARGEST.items():
        value = getattr(row, name)
        if value > most:
            return f"{name} must be at most {most}, not {_short(value)}"
    if row.cost_usd is not None and not 0 <= row.cost_usd < 1e6:
        return f"cost_usd must not be {_short(row.cost_usd)}"
    for name in ("output", "batch"):
        if getattr(row, name) != getattr(first, name):
            return f"{name} is {_short(getattr(row, name))}, and {_short(getattr(first, name))} in the first row"
    if row is first:
        try:
            check_batch_name(row.batch)
        except UserError as error:
            return str(error)
    return ""


def _short(value: Any) -> str:
    """Return a value as it may be shown, however long it is."""
    try:
        text = repr(value)
    except ValueError:  # a number of thousands of digits
        return "a huge number"
    return text if len(text) <= 60 else f"{text[:60]}…"
