"""CRDS's bestrefs: write the names of the best references into headers, and read them from there."""

import ast
import contextlib
import functools
import gc
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.text import one_line
from hstdputils.records.log import AttemptLog, LogHandler
from hstdputils.references.crds_settings import SERVERLESS, URI_VARIABLES, crds_settings

_NOT_FOR_CRDS = (*URI_VARIABLES.values(), "CRDS_PICKLE_URI", "CRDS_S3_ENABLED", "CRDS_S3_RETURN_URI")
"""Variables with which CRDS would read from S3 by itself, through the program ``aws``."""


@functools.cache
def load_crds() -> ModuleType:
    """Import CRDS, once; it takes most of the fixed time of a dataset.

    CRDS never asks a server nor downloads a file: its own downloads leave short files in the cache and give up at the
    first error. What is missing comes from `ReferenceServer`.
    """
    settings = crds_settings()
    for name in _NOT_FOR_CRDS:
        os.environ.pop(name, None)
    os.environ.setdefault("CRDS_OBSERVATORY", "hst")
    os.environ.setdefault("CRDS_CLIENT_TIMEOUT_SECONDS", "120")
    os.environ["CRDS_SERVER_URL"] = SERVERLESS
    os.environ["CRDS_PATH"] = str(settings.cache)
    if not settings.is_growing:
        os.environ["CRDS_READONLY_CACHE"] = "1"
    gc.disable()
    import crds
    import crds.client.proxy
    import crds.core.heavy_client
    import crds.core.log

    # CRDS collects garbage after every dataset: seven times 45 ms over the objects of its own import.
    gc.freeze()
    gc.enable()
    crds.core.log.remove_console_handler()
    logging.getLogger("CRDS").addHandler(logging.NullHandler())
    return crds


CONTEXT = re.compile(r"[A-Za-z0-9_.-]+\.pmap")
"""What names of contexts look like."""


def is_mapping(name: str) -> bool:
    """Return whether a file of CRDS is a mapping by its name, and not a reference."""
    return name.endswith((".pmap", ".imap", ".rmap"))


def download_context(context: str, folder: Path, download: Callable[[Iterable[str]], None]) -> None:
    """See that a context and all mappings below it are there.

    Parameters
    ----------
    context
        The context, such as ``hst_0729.pmap``.
    folder
        The folder of the mappings in the cache.
    download
        Downloads those of the mappings that are missing.
    """
    names = [context]
    while names:
        download(names)
        names = [below for name in names if not name.endswith(".rmap") for below in mappings_below(folder / name)]


def mappings_below(path: Path) -> list[str]:
    """Return the mappings that a pmap or imap selects, without those in its header, which tell its history.

    Raises
    ------
    UserError
        The file is not a valid mapping.
    """
    try:
        for statement in ast.parse(path.read_text()).body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "selector":
                names = ast.literal_eval(statement.value).values()
                return [name for name in names if name.endswith((".imap", ".rmap"))]
        raise ValueError("no selector")
    except (OSError, ValueError, SyntaxError, AttributeError) as error:
        raise UserError(
            f"the CRDS mapping {path} is broken: remove it, and try again", ExitCode.REFERENCES
        ) from error


REFERENCE = re.compile(r"([a-z]ref)\$(\S+)", re.IGNORECASE)
"""A reference as headers name it: the variable of its folder, and its name."""


class CrdsFailed(Exception):
    """CRDS ended the program; ``str()`` is its last error."""


def assign_bestrefs(paths: Sequence[Path], context: str, log: AttemptLog) -> list[str]:
    """Write the names of the best references into the headers of files that lie in one folder.

    Returns
    -------
    errors
        What CRDS called an error, one line each.

    Raises
    ------
    CrdsFailed
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

    Types for which the context has no rules are ignored.
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


def all_selecting_keywords(context: str, instrument: str) -> set[str]:
    """Return all keywords that a context selects references of an instrument by, upper case; none for one unknown."""
    crds = load_crds()
    try:
        imap = crds.rmap.get_cached_mapping(context).get_imap(instrument)
    except crds.CrdsError:
        return set()
    return {str(key).upper() for key in imap.get_required_parkeys()}


@contextlib.contextmanager
def _logged(log: AttemptLog) -> Iterator[LogHandler]:
    """Send what CRDS says to a log."""
    handler = LogHandler(log, "crds")
    logger = logging.getLogger("CRDS")
    logger.addHandler(handler)
    try:
        yield handler
    except SystemExit as error:
        raise CrdsFailed(handler.errors[-1] if handler.errors else "CRDS gave up") from error
    except load_crds().CrdsError as error:
        raise CrdsFailed(one_line(error) or type(error).__name__) from error
    finally:
        logger.removeHandler(handler)
