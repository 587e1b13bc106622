"""Which datasets of a batch an operator's verb is about."""

import argparse
from collections.abc import Callable, Iterable, Mapping

from hstdputils.core.datasets import parse_dataset
from hstdputils.core.errors import UserError
from hstdputils.core.id_lists import read_ids
from hstdputils.core.instruments import INSTRUMENT_OF
from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import nearest

_INSTRUMENTS = sorted({*INSTRUMENT_OF.values()})


def add_selection(parser: argparse.ArgumentParser, outcomes: Iterable[str] = tuple(Outcome)) -> None:
    """Add the arguments that select datasets; ``outcomes`` are what --outcome takes."""
    known = sorted(outcomes)
    group = parser.add_argument_group("datasets", "which ones: those that are named, or all that the options fit")
    group.add_argument("ipppssoots", nargs="*", help="ipppssoots in any case, or @FILE with a list of them")
    group.add_argument("--instrument", action="append", choices=_INSTRUMENTS, help="datasets of an instrument")
    group.add_argument(
        "--outcome",
        action="append",
        choices=known,
        metavar="OUTCOME",
        help=f"those that ended so: {', '.join(known)}",
    )
    group.add_argument("--all", action="store_true", help="all datasets of the batch")


def is_selective(options: argparse.Namespace) -> bool:
    """Tell whether the options select anything."""
    return bool(options.ipppssoots or options.instrument or options.outcome or options.all)


def selected(options: argparse.Namespace, outcomes: Mapping[str, str], batch: str) -> list[str]:
    """Return the datasets that the options select.

    Parameters
    ----------
    options
        The options of `add_selection`.
    outcomes
        The outcome of each dataset of the batch, or another word where it has none yet.
    batch
        The batch's name.

    Raises
    ------
    UserError
        Nothing is selected, or a dataset that is named is not in the batch.
    """
    if not is_selective(options):
        raise UserError("which datasets? Name some, or give --instrument, --outcome or --all")
    names: Iterable[str] = outcomes
    if options.ipppssoots:
        ids = read_ids(options.ipppssoots)
        if ids.problems:
            raise UserError(ids.problems[0])
        names = ids.names
        missing = [name for name in names if name not in outcomes]
        if missing:
            more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise UserError(
                f"{missing[0]}{more} is not a dataset of batch {batch!r}"
                f"{nearest(missing[0], list(outcomes)[:10_000])}"
            )
    fits: list[Callable[[str], bool]] = []
    if options.instrument:
        fits.append(lambda name: parse_dataset(name).instrument in options.instrument)
    if options.outcome:
        fits.append(lambda name: outcomes[name] in options.outcome)
    return [name for name in names if all(fit(name) for fit in fits)]
