"""CRDS's bestrefs: write the names of the best references into headers, and read them there."""

import contextlib
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hstdputils.errors import one_line
from hstdputils.records.log import AttemptLog, LogHandler
from hstdputils.references.loading import load_crds

REFERENCE = re.compile(r"([a-z]ref)\$(\S+)", re.IGNORECASE)
"""A reference as headers name it: the variable of its folder, and its name."""


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


@dataclass(frozen=True, slots=True)
class Named:
    """A reference that a header names."""

    type: str
    """Its type, which is its keyword in lower case."""
    name: str
    """Its name."""
    variable: str
    """The variable of its folder (``lref`` and its like)."""


def named_references(path: Path) -> list[Named]:
    """Return the references that a header names."""
    from astropy.io import fits

    values = ((keyword, value) for keyword, value in fits.getheader(path).items() if isinstance(value, str))
    matches = ((keyword, REFERENCE.fullmatch(value.strip())) for keyword, value in values)
    return [Named(keyword.lower(), match[2], match[1].lower()) for keyword, match in matches if match]


def selecting_keywords(context: str, instrument: str, types: Iterable[str]) -> set[str]:
    """Return the keywords that the rules of a context select references of some types by, upper case.

    Types for which the context has no rules are passed over.
    """
    crds = load_crds()
    found: set[str] = set()
    for reftype in types:
        try:
            imap = crds.rmap.get_cached_mapping(context).get_imap(instrument.lower())
            keys = imap.get_rmap(reftype).get_required_parkeys()
        except crds.CrdsError:
            continue
        found.update(str(key).upper() for key in keys)
    return found


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
    except load_crds().CrdsError as error:
        raise GaveUp(one_line(error) or type(error).__name__) from error
    finally:
        logger.removeHandler(handler)
