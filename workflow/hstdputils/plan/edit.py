"""``hstdputils plan edit``: change rows of a plan, so that a person can put right what the planner could not know."""

import argparse
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from hstdputils.core import command_line
from hstdputils.core.datasets import BadDatasetName, parse_dataset
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.files import whole_file
from hstdputils.core.instruments import INSTRUMENT_OF
from hstdputils.core.text import nearest
from hstdputils.model.prices import Prices, add_price_options, chosen_prices
from hstdputils.records.plan_rows import PlanRow, lines_of, read_rows

COLUMNS = ("vcpus", "memory_mib", "max_seconds")
"""What can be changed."""


_DESCRIPTION = """\
Change cores, memory (MiB) or time limit (s) of rows of a plan. All other rows stay as they are, letter by letter. A
row's cost changes with its size; its evidence stays, since it says what the planner knew. The plan is written anew
beside the old one, which it then replaces.

`hstdputils plan --set COLUMN=VALUE... PLAN` does the same. A store folder named edit is ./edit."""


_EXAMPLES = """\
  hstdputils plan edit plan.out memory_mib=8192 max_seconds=7200
  hstdputils plan edit plan.out memory_mib=8192 --only acs
  hstdputils plan edit plan.out vcpus=4 --only j8cb010b0 jbz504010 -o changed.out"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = parse(arguments)
    path: Path = options.plan
    values = _values(options.values)
    instruments, names = _only(options.only)
    prices = chosen_prices(options)
    not_found = set(names)
    changed = 0
    with _opened(path) as lines, _replacing(options.output or path, like=path) as write:
        seen: set[str] = set()
        for number, line, row in read_rows(path, lines):
            if row.ipppssoot in seen:
                raise UserError(f"{path}:{number}: a second row for {row.ipppssoot}: keep one of them")
            seen.add(row.ipppssoot)
            not_found.discard(row.ipppssoot)
            if options.only is None or row.instrument in instruments or row.ipppssoot in names:
                new = _changed(row, values, prices)
                changed += new != row
                line = line if new == row else f"{new.to_json()}\n".encode()
            write(line if line.endswith(b"\n") else line + b"\n")
        found = {INSTRUMENT_OF[name[0]] for name in seen}
        if absent := [*sorted(not_found), *sorted(instruments - found)]:
            more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
            raise UserError(f"{path} has no row of {', '.join(absent[:3])}{more}: correct --only; nothing is changed")
    print(f"{changed:,} of {len(seen):,} rows changed in {options.output or path}")
    return ExitCode.SUCCESS


def _changed(row: PlanRow, values: Mapping[str, int], prices: Prices) -> PlanRow:
    new = PlanRow(**{**asdict(row), **values})
    if row.cost_usd and new != row:
        ratio = prices.rates[new.memory_mib, new.vcpus] / prices.rates[row.memory_mib, row.vcpus]
        new = replace(new, cost_usd=float(f"{row.cost_usd * ratio:.4g}"))
    return new


def _values(texts: Sequence[str]) -> dict[str, int]:
    """Return the new values by column."""
    values = {}
    for text in texts:
        column, _, value = text.partition("=")
        if column not in COLUMNS:
            meant = nearest(column, list(COLUMNS))
            raise UserError(f"no column {column!r} can be changed{meant} ({', '.join(COLUMNS)} can)")
        if not value.isdecimal() or not value.isascii() or int(value) < 1:
            raise UserError(f"{column} must be a whole number above 0, not {value!r}")
        values[column] = int(value)
    return values


def _only(words: Sequence[str] | None) -> tuple[set[str], set[str]]:
    """Return the instruments and the datasets whose rows are to be changed."""
    instruments, names = set(), set()
    known = {*INSTRUMENT_OF.values()}
    for word in [part for text in words or [] for part in text.split(",") if part]:
        if word.lower() in known:
            instruments.add(word.lower())
            continue
        try:
            names.add(parse_dataset(word).ipppssoot)
        except BadDatasetName as error:
            raise UserError(f"--only: {error}; or give an instrument ({', '.join(sorted(known))})") from error
    return instruments, names


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return plan, values and datasets of a command line, in whatever order its words stand.

    ``--only`` takes all words that follow it, so the plan and values may be among them; ``--set``, with which the
    command is called too, is passed over.

    Raises
    ------
    UserError
        There is no plan, or no value.
    """
    words = [word.removeprefix("--set=") for word in arguments if word != "--set"]
    options = _parser().parse_intermixed_args(words)
    positional = [word for word in (options.plan, *options.values) if word]
    after_only = [word for word in options.only or () if not _is_wanted(word)]
    values = [word for word in (*positional, *after_only) if _is_value(word)]
    plan, *wrong = (
        [word for word in positional if not _is_value(word)]
        or [word for word in after_only if not _is_value(word)][-1:]
        or [None]
    )
    if plan is None:
        raise UserError("which plan? Name its file: see hstdputils plan edit --help")
    if not values and not wrong:
        raise UserError(f"which values? Give some of {', '.join(COLUMNS)}, such as memory_mib=8192")
    if options.only:
        options.only = [word for word in options.only if word not in (plan, *values)]
    options.plan, options.values = Path(plan), [*wrong, *values]
    return options


def _is_value(word: str) -> bool:
    return "=" in word and not Path(word).exists()


def _is_wanted(word: str) -> bool:
    """Tell whether a word names instruments or datasets."""
    try:
        _only([word])
    except UserError:
        return False
    return not Path(word).exists()


@contextmanager
def _opened(path: Path) -> Iterator[Iterator[bytes]]:
    try:
        yield lines_of(path)
    except OSError as error:
        if error.filename != str(path):
            raise
        raise UserError(f"cannot read the plan {path} ({error.strerror}): correct its name") from error


@contextmanager
def _replacing(path: Path, like: Path) -> Iterator[Callable[[bytes], object]]:
    """Write a file under another name, which it leaves when it is whole; a link stays a link."""
    with whole_file(path.resolve()) as part:
        with part.open("wb") as out:
            yield out.write
        shutil.copymode(like, part)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("plan edit", _DESCRIPTION, _EXAMPLES)
    parser.usage = "hstdputils plan edit PLAN COLUMN=VALUE... [options]"
    parser.add_argument("plan", nargs="?", metavar="PLAN", help="the plan")
    parser.add_argument(
        "values", nargs="*", metavar="COLUMN=VALUE", help=f"new values of {', '.join(COLUMNS)}, at least one"
    )
    parser.add_argument(
        "--only", nargs="+", metavar="WHICH", help="change rows of these instruments or datasets alone, not all"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write to it, and leave the plan as it is")
    add_price_options(parser)
    return parser
