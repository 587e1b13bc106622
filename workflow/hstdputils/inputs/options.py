"""Options of all commands that look into inputs: where they are, and which CRDS context counts."""

import argparse
import os
from pathlib import Path

from hstdputils.core import command_line
from hstdputils.inputs.unpacking import MAX_UNPACKED_MIB


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
