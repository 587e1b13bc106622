"""Which engines there are, and opening the one that runs a batch.

An engine of this package has a line here. Another package adds one by an entry point in the group
``hstdputils.engines``, whose name is the engine's and whose value names its class, a kind of
`hstdputils.engines.base.Engine`.
"""

import argparse
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from hstdputils.core import command_line
from hstdputils.core.errors import UserError
from hstdputils.core.text import nearest, one_line
from hstdputils.engines.base import Engine, Tell
from hstdputils.engines.submission_records import BadRecord, SubmissionRecords
from hstdputils.records.batch import Batch

GROUP = "hstdputils.engines"
"""The group of entry points that add engines."""


OWN = {
    "aws-batch": "hstdputils.engines.aws_batch.engine:AwsBatch",
    "htcondor": "hstdputils.engines.htcondor.engine:HTCondor",
}
"""The classes of this package's engines, by name."""


DEFAULT = "aws-batch"
"""The engine where nobody names one."""


class UnknownEngine(BadRecord):
    """The engine of a batch is not installed here: which jobs there are is not known."""


def engine_names() -> list[str]:
    """Return the names of all engines: first this package's, then those of other packages."""
    return [*OWN, *sorted({point.name for point in entry_points(group=GROUP)} - OWN.keys())]


def engine_class(name: str) -> type[Engine[Any]]:
    """Return the class of an engine.

    Raises
    ------
    UserError
        There is no such engine, or its class cannot be used.
    """
    if (point := _point(name)) is None:
        names = engine_names()
        raise UserError(f"{name!r} is not a known engine{nearest(name, names)}: choose one of {', '.join(names)}")
    try:
        engine = point.load()
    except Exception as error:  # whatever another package does when it is imported
        raise UserError(
            f"the engine {name!r} cannot be loaded from {point.value} ({one_line(error)}): repair or remove the "
            "package that adds it"
        ) from error
    if not (isinstance(engine, type) and issubclass(engine, Engine) and engine.name == name):
        raise UserError(f"{point.value} is not an engine of the name {name!r}: repair the package that adds it")
    return engine


def title_of(name: str) -> str:
    """Return an engine's name for people; the name itself where it is not installed."""
    try:
        return engine_class(name).title
    except UserError:
        return name


def open_engine(
    batch: Batch,
    tell: Tell = lambda text: None,
    queue: str | None = None,
    arguments: Sequence[str] | None = None,
) -> Engine[Any]:
    """Return the engine that runs a batch, as its records say; `DEFAULT` where there are none.

    Parameters
    ----------
    batch
        The batch.
    tell
        Takes lines for the person who watches.
    queue
        Where further jobs go; none for where the latest went.
    arguments
        Further arguments for ``hstdp-process``; none for those of the latest jobs.

    Raises
    ------
    UnknownEngine
        The engine that the records name is not installed here.
    BadRecord
        The records cannot be read.
    """
    name = SubmissionRecords(batch).engine()
    if name and _point(name) is None:
        raise UnknownEngine(
            f"batch {batch.name!r} in {batch.store.uri} runs on {name!r}, which is not an engine of this machine: "
            "install the package that adds it"
        )
    engine = engine_class(name or DEFAULT)
    further = None if arguments is None else tuple(arguments)
    return engine(batch, engine.settings_type(queue=queue, arguments=further), tell)


def _point(name: str) -> EntryPoint | None:
    """Return how the class of an engine is imported; a name of this package's own stays its own."""
    if name in OWN:
        return EntryPoint(name, OWN[name], GROUP)
    return next(iter(entry_points(group=GROUP, name=name)), None)


def usable_engines() -> list[type[Engine[Any]]]:
    """Return the classes of all engines but those that cannot be loaded, of which a note is made."""
    kinds = []
    for name in engine_names():
        try:
            kinds.append(engine_class(name))
        except UserError as error:
            command_line.tell(f"note: {error}")
    return kinds


def add_queue_options(parser: argparse.ArgumentParser, meaning: str = "") -> None:
    """Add the option of each engine that names where jobs go; ``--queue`` stands for any of them, as before.

    Parameters
    ----------
    parser
        The parser of the command.
    meaning
        What they stand for; without it, what each engine says.
    """
    options: dict[str, argparse.Action] = {}
    for kind in usable_engines():
        if kind.queue_option not in options:
            options[kind.queue_option] = parser.add_argument(
                kind.queue_option, dest="queue", metavar="NAME", help=meaning or kind.queue_help
            )
    if options and "--queue" not in options:
        command_line.add_old_name(parser, "--queue", next(iter(options.values())))
