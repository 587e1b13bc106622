"""The kinds of sources, by the scheme of their URI, and how a command line names sources."""

import argparse
import os
import pkgutil
import re
from collections.abc import Sequence
from pathlib import Path

from hstdputils.core import command_line
from hstdputils.core.errors import UserError
from hstdputils.inputs.cached_source import cache_inputs
from hstdputils.inputs.source import Source
from hstdputils.inputs.unpacking import MAX_UNPACKED_MIB

SOURCES = {
    "": "hstdputils.inputs.folder:FolderSource",
    "file": "hstdputils.inputs.folder:FolderSource",
    "s3": "hstdputils.inputs.s3:BucketSource",
    "mast": "hstdputils.inputs.mast:MastSource",
}
"""The class of each kind of source, which is made with a URI, by scheme; imported when it is used."""


DEFAULT_SOURCES = ("s3://stpubdata/hst/public", "mast:")
"""The public bucket of HST data on AWS, and MAST for what it lacks."""


_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(//|$)")


def open_sources(uris: Sequence[str], cache: Path | None = None) -> list[Source]:
    """Return the sources, in order of preference.

    Parameters
    ----------
    uris
        The sources as a user writes them; none for ``DEFAULT_SOURCES``.
    cache
        A folder for all that other sources than folders send; it comes before the first of them.

    Raises
    ------
    UserError
        A URI is not that of a source, a folder is not there, or ``cache`` cannot be written.
    """
    sources = [source_class(uri)(uri) for uri in uris or DEFAULT_SOURCES]
    return cache_inputs(sources, cache) if cache else sources


def source_class(uri: str) -> type[Source]:
    """Return the class of a source, by the scheme of its URI.

    Raises
    ------
    UserError
        No source has such a URI.
    """
    match = _SCHEME.match(uri)
    scheme = match["scheme"] if match else ""
    if scheme not in SOURCES:
        raise UserError(f"{uri!r} is not a source of inputs: give a folder, s3://bucket/prefix or mast:")
    found: type[Source] = pkgutil.resolve_name(SOURCES[scheme])
    return found


def add_input_options(parser: argparse.ArgumentParser, *, inputs: str, keep: str) -> None:
    """Add ``--inputs``, ``--keep-inputs``, ``--max-unpacked-mib`` and ``--crds-context``.

    Parameters
    ----------
    parser
        The parser of the command.
    inputs, keep
        What the first two mean there.
    """
    parser.add_argument("--inputs", action="append", default=[], metavar="SOURCE", help=inputs)
    parser.add_argument("--keep-inputs", type=Path, metavar="DIR", help=keep)
    parser.add_argument(
        "--max-unpacked-mib",
        type=command_line.above_zero,
        default=MAX_UNPACKED_MIB,
        metavar="N",
        help="what the packed inputs of a dataset (tarballs, .fits.gz) may unpack to, MiB; more is bad input "
        f"(default: {MAX_UNPACKED_MIB})",
    )
    context = parser.add_argument(
        "--crds-context",
        default=os.environ.get("CRDS_CONTEXT") or None,
        metavar="PMAP",
        help="the CRDS context, such as hst_0729.pmap (default: CRDS_CONTEXT, or what the batch was begun with, or "
        "the operational context)",
    )
    command_line.add_old_name(parser, "--context", context)
