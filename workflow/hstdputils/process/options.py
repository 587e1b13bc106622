"""The command line of ``process``, and the settings that follow from it."""

import argparse
import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hstdputils.calibrate.drizzlepac import VARIABLES
from hstdputils.calibrate.recipe import check_program_names
from hstdputils.core import command_line
from hstdputils.engines.retry_policy import Limits
from hstdputils.inputs.registry import add_input_options
from hstdputils.process.setup import OVERHEAD_SECONDS, Settings
from hstdputils.records.batch import Batch, check_batch_name
from hstdputils.records.families import add_known_issues
from hstdputils.records.plan_files import ROW_VARIABLE, row_of_child
from hstdputils.references.digests import use_reference_list
from hstdputils.store.registry import open_store
from hstdputils.supervision.machine import INDEX_VARIABLES, array_index


@dataclass(frozen=True, slots=True)
class Site:
    """A place, with a console command of its own."""

    command: str
    """The console command that processes datasets there."""
    description: str
    """How CRDS works there, for the help."""
    variables: dict[str, str]
    """CRDS's variables there; ``~`` stands for the home folder."""

    def set_variables(self) -> None:
        """Set CRDS's variables, except those that the user has set."""
        for name, value in self.variables.items():
            os.environ.setdefault(name, str(Path(value).expanduser()) if value.startswith("~") else value)


ONSITE = Site(
    command="hstdputils-onsite-process",
    description="CRDS works without its server, from the read-only cache /grp/crds/cache.",
    variables={
        "CRDS_SERVER_URL": "https://hst-serverless-mode.stsci.edu",
        "CRDS_PATH": "/grp/crds/cache",
        "CRDS_READONLY_CACHE": "1",
    },
)
"""On the institute's network."""


REMOTE = Site(
    command="hstdputils-remote-process",
    description="CRDS asks its server, and downloads references to ~/crds_cache as they are needed.",
    variables={
        "CRDS_SERVER_URL": "https://hst-crds.stsci.edu",
        "CRDS_PATH": "~/crds_cache",
        "CRDS_READONLY_CACHE": "0",
    },
)
"""Anywhere else."""


_DESCRIPTION = """\
Calibrate datasets: fetch the raw files, let CRDS name the best reference files, run the instrument's
calibration program, check that all products exist and are complete, and save them with a manifest and a marker
under <output>/<batch>/. A dataset with a succeeded marker is not processed again.

CRDS is set up with its own variables: CRDS_PATH (the cache), CRDS_SERVER_URL, CRDS_CONTEXT."""


_EXAMPLES = """\
  hstdputils process none none ldfd01vlq
  hstdputils process results mybatch --inputs my-raws ldfd01vlq ldfd01010
  hstdputils process s3://my-bucket mybatch --crds-context hst_0729.pmap @my.ids"""


_SITE_DESCRIPTION = """\
Calibrate datasets, and leave the products in the work folder: hstdputils process none none, with CRDS set up for this
place. {site.description} CRDS variables that are set already take precedence."""


SCRATCH_VARIABLE = "_CONDOR_SCRATCH_DIR"
"""The environment variable with an HTCondor job's scratch folder, which is removed with the job."""


_INDEX = " or ".join(INDEX_VARIABLES)


def _granted(row: dict[str, Any] | None, memory_mib: int | None, max_seconds: int | None) -> dict[str, Any] | None:
    """Return the plan row with the memory and time that this try really has."""
    granted = {"memory_mib": memory_mib, "max_seconds": max_seconds}
    return None if row is None else row | {name: value for name, value in granted.items() if value is not None}


def _named_program(text: str) -> tuple[str, str]:
    name, separator, command = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=COMMAND: name a program and a command")
    check_program_names([name])
    return name, command


def _json_object(text: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        row = json.loads(text)
        if isinstance(row, dict):
            return row
    raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a valid JSON object: give a line of plan.out")


def parse(arguments: Sequence[str], site: Site | None = None) -> argparse.Namespace:
    """Return the options of a command line; the dataset of a slice is not looked up."""
    has_slice = any(word.partition("=")[0] == "--slice" for word in arguments)
    return _parser(site, has_slice=has_slice).parse_args(arguments)


def read_options(arguments: Sequence[str], site: Site | None = None) -> argparse.Namespace:
    """Return the options of a command line; those of a site's command have no store and no batch."""
    options = parse(arguments, site)
    if options.slice is not None:
        _take_row(options)
    return options


def _take_row(options: argparse.Namespace) -> None:
    """Take dataset and plan row from a slice of the plan, as the child of an array job does."""
    store = open_store(options.output)
    row = row_of_child(Batch(store, check_batch_name(options.batch)), options.slice, array_index())
    options.ipppssoots, options.plan_row = [row.ipppssoot], asdict(row)


def settings_of(options: argparse.Namespace) -> Settings:
    """Return the settings that the options stand for."""
    return Settings(
        output=options.output,
        batch=check_batch_name(options.batch),
        inputs=options.inputs,
        work=options.work,
        context=use_reference_list(options.references, options.crds_context)
        if options.references
        else options.crds_context,
        plan_row=_granted(options.plan_row, options.memory_mib, options.max_seconds),
        max_seconds=options.max_seconds,
        overhead_seconds=options.overhead_seconds or max(OVERHEAD_SECONDS, options.max_seconds or 0),
        try_number=options.try_number,
        references=options.references,
        force=options.force,
        wait=options.wait,
        keep_work=options.keep_work,
        keep_inputs=options.keep_inputs,
        max_unpacked_mib=options.max_unpacked_mib,
        programs=dict(options.programs),
        program_variables=options.program_variables,
        dataset_variables=options.dataset_variables,
        astrometry={None: None, "on": True, "off": False}[options.astrometry],
        known_issues=options.known_issues,
    )


def _parser(site: Site | None, *, has_slice: bool = False) -> argparse.ArgumentParser:
    if site is None:
        parser = command_line.parser("process", _DESCRIPTION, _EXAMPLES)
        parser.add_argument("output", help=command_line.OUTPUT_HELP)
        parser.add_argument("batch", help=command_line.BATCH_HELP)
    else:
        parser = command_line.parser(
            "", _SITE_DESCRIPTION.format(site=site), f"  {site.command} ldfd01vlq\n  {site.command} @my.ids"
        )
        parser.prog = site.command
        parser.set_defaults(output="none", batch="none")
    command_line.add_version(parser)
    if not has_slice:  # the dataset comes from the slice
        parser.add_argument("ipppssoots", nargs="+", help=command_line.IDS_HELP)
    add_input_options(
        parser,
        inputs="where raw files are: a folder or s3://bucket/prefix, laid out as s3://stpubdata/hst/public is, or "
        "with <ipppssoot>.tar.gz files; or mast:, the archive itself (MAST_API_TOKEN shows it who asks for data that "
        "are not public); may be given several times, in order of preference (default: s3://stpubdata/hst/public, "
        "then mast: for what is not there)",
        keep="cache downloads from S3 and MAST in this folder",
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(os.environ.get(SCRATCH_VARIABLE, "")) / "work",
        metavar="DIR",
        help="where work folders are made (default: ./work, best on the store's own file system; in a job of "
        "HTCondor, its scratch folder)",
    )
    parser.add_argument(
        "--keep-work",
        choices=("never", "failed", "always"),
        default="never",
        help="keep work folders after attempts (default: never; always if the store is none)",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="process datasets again that have succeeded, and allow a batch to change its CRDS context or programs",
    )
    parser.add_argument("--skip-bad", action="store_true", help="exit with 0 even if some ids are not valid")
    _add_repeatable(
        *(parser, "--programs", "--program", "NAME=COMMAND"),
        "the command that replaces a calibration program, such as calacs.e=/opt/hstcal/bin/calacs.e (default: what "
        "PATH has, else what make hstcal has installed); may be given for several programs",
        type=_named_program,
    )
    _add_repeatable(
        *(parser, "--program-variables", "--program-variable", "NAME"),
        "an environment variable that calibration programs get besides those of a fixed list, which has no "
        "credentials. NAME may be a pattern (MYSITE_*); may be given several times",
    )
    _add_repeatable(
        *(parser, "--dataset-variables", "--dataset-variable", "NAME"),
        "a variable that the file <dataset>_cal_env.txt among the inputs may set for programs, besides "
        "drizzlepac's SVM_*, MVM_*, HAP* and ASTROMETRY_*; others are refused, with a warning",
    )
    parser.add_argument(
        "--astrometry",
        choices=("on", "off"),
        help="align images with catalogues, for which runastrodriz uses the network (default: what the variables "
        f"{' and '.join(VARIABLES)} say; on where they are unset)",
    )
    add_known_issues(parser)
    for_engines = parser.add_argument_group("for workflow engines")
    for_engines.add_argument(
        "--plan-row",
        type=_json_object,
        default=os.environ.get(ROW_VARIABLE) or None,
        metavar="JSON",
        help=f"the dataset's row of the plan (default: {ROW_VARIABLE})",
    )
    for_engines.add_argument(
        "--slice",
        metavar="NAME",
        help=f"take dataset and row from a slice of the plan in the store: the row whose index is in {_INDEX}",
    )
    for name, text in (
        ("--memory-mib", "memory that this try has, MiB"),
        ("--max-seconds", "time limit of calibration, s"),
        (
            "--overhead-seconds",
            "time limit of everything besides calibration: inputs, references, previews, saving, s "
            f"(default: {OVERHEAD_SECONDS:.0f}, or --max-seconds where that is more)",
        ),
    ):
        for_engines.add_argument(name, type=command_line.above_zero, metavar="N", help=text)
    for_engines.add_argument(
        "--references",
        type=Path,
        metavar="FILE",
        help="the list that hstdputils sync wrote: its context is used, and the CRDS cache is read-only",
    )
    for_engines.add_argument("--copy-marker", type=Path, metavar="FILE", help="copy a succeeded marker to a file")
    for_engines.add_argument(
        "--wait", action="store_true", help="wait for another process at work on a dataset, instead of giving up"
    )
    for_engines.add_argument(
        "--try",
        dest="try_number",
        type=command_line.above_zero,
        default=1,
        metavar="N",
        help="number of this try; from 2 on, nothing is done if another try would end like the last one",
    )
    for_engines.add_argument(
        "--retries",
        type=int,
        choices=range(11),
        default=0,
        metavar="N",
        help="make up to N further attempts, as the retry policy decides (default: none, but by the workflow engine)",
    )
    for name, default, text in (
        ("--retry-max-memory-mib", Limits().max_memory_mib, "largest memory of further attempts, MiB"),
        ("--retry-max-seconds", Limits().max_seconds, "longest time limit of further attempts, s"),
    ):
        for_engines.add_argument(
            name, type=command_line.above_zero, default=default, metavar="N", help=f"{text} (default: %(default)s)"
        )
    return parser


def _add_repeatable(
    parser: argparse.ArgumentParser, name: str, old_name: str, metavar: str, text: str, **how: Any
) -> None:
    """Add an option that may be given several times, and that had another name before."""
    option = parser.add_argument(name, action="append", default=[], metavar=metavar, help=text, **how)
    command_line.add_old_name(parser, old_name, option)
