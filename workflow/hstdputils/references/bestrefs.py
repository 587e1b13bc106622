"""CRDS's bestrefs: write the names of the best references into headers, and read them there."""

import contextlib
import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from hstdputils.records.log import AttemptLog, LogHandler
from hstdputils.references.loading import load_crds

_REFERENCE = re.compile(r"([a-z]ref)\$(\S+)", re.IGNORECASE)


class GaveUp(Exception):
    """CRDS ended the program; ``str()`` is its last error."""


def assign_bestrefs(paths: Sequence[Path], context: str, log: AttemptLog) -> list[str]:
    """Write the names of the best references into the headers of files that lie in one folder.

    Returns
    -------
    errors
        What CRDS called an error, one line each.

    Raises
    ------
    GaveUp
        CRDS cannot work with its cache.
    """
    crds = load_crds()
    with _logged(log) as handler, contextlib.chdir(paths[0].parent):
        crds.assign_bestrefs([path.name for path in paths], context=context, sync_references=False)
    return handler.errors


def named_references(path: Path) -> list[tuple[str, str]]:
    """Return the references that a header names, each with the variable of its folder (``lref`` and its like)."""
    from astropy.io import fits

    values = (value for value in fits.getheader(path).values() if isinstance(value, str))
    matches = (_REFERENCE.fullmatch(value.strip()) for value in values)
    return [(match[2], match[1].lower()) for match in matches if match]


@contextlib.contextmanager
def _logged(log: AttemptLog) -> Iterator[LogHandler]:
    """Send what CRDS says to a log."""
    handler = LogHandler(log, "crds")
    logger = logging.getLogger("CRDS")
    logger.addHandler(handler)
    try:
        yield handler
    except SystemExit as error:
        raise GaveUp(handler.errors[-1] if handler.errors else "CRDS gave up") from error
    finally:
        logger.removeHandler(handler)
