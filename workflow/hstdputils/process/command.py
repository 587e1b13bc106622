"""``hstdputils process``: calibrate datasets."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from hstdputils.core import command_line
from hstdputils.core.datasets import Dataset
from hstdputils.core.errors import ExitCode, StoreError, UserError
from hstdputils.core.id_lists import IdList, require_all_good, tell_problems
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.engines.retry_policy import Limits
from hstdputils.inputs.lists import read_list
from hstdputils.inputs.registry import DEFAULT_SOURCES
from hstdputils.process.options import ONSITE, REMOTE, Site, read_options, settings_of
from hstdputils.process.processor import Processor, Result
from hstdputils.process.products import copy_marker
from hstdputils.process.retries import make_attempts
from hstdputils.process.setup import Settings
from hstdputils.process.unfinished import record_killed, record_no_references, why_killed
from hstdputils.records.marker import exit_status
from hstdputils.supervision import supervisor
from hstdputils.supervision.machine import MemoryKills
from hstdputils.supervision.stopping import Stopped, end_with, stop_by_exception


def main(arguments: Sequence[str], site: Site | None = None) -> int:
    """Run the command, or a site's."""
    options = read_options(arguments, site)
    if site:
        site.set_variables()
    settings = settings_of(options)
    ids = read_list(options.ipppssoots, options.inputs or DEFAULT_SOURCES)
    for name in ("copy_marker", "retries"):
        if getattr(options, name) and len(ids.datasets) != 1:
            option = f"--{name.replace('_', '-')}"
            raise UserError(f"{option} goes with exactly one ipppssoot: give one, or leave it out")
    tell_problems(ids, skip_bad=options.skip_bad)
    if not ids.datasets:
        require_all_good(ids, skip_bad=options.skip_bad)
    codes: list[int] = []
    if options.retries:
        settings_or_code = make_attempts(
            *(settings, ids.datasets[0]),
            Limits(options.retry_max_memory_mib, options.retry_max_seconds, retries=options.retries),
            lambda made_with, *end: _exit_code_of(made_with, ids, *end),
        )
        if isinstance(settings_or_code, int):
            return settings_or_code
        settings = settings_or_code
    elif supervisor.is_needed():
        start, kills = time.time(), MemoryKills()
        if child := supervisor.fork_supervised():
            return _exit_code_of(settings, ids, child, start, kills)
    with stop_by_exception():
        try:
            processor = _processor(settings, ids)
            for dataset in ids.datasets:
                codes.append(_process(processor, dataset, options.copy_marker))
                if codes[-1] in (ExitCode.CANCELLED, ExitCode.INTERRUPTED):
                    return codes[-1]
        except Stopped as stopped:
            print(stopped.reason, file=sys.stderr)
            return stopped.exit_code
    if ids.problems and not options.skip_bad:
        codes.append(_report_bad(ids))
    return end_with(exit_status(codes))


def _processor(settings: Settings, ids: IdList) -> Processor:
    """Return what processes the datasets.

    Raises
    ------
    UserError
        It cannot be set up; where references are the cause, the datasets have markers that say so.
    """
    try:
        return Processor(settings)
    except UserError as error:
        batch = settings.stored_batch()
        for dataset in ids.datasets:
            record_no_references(batch, dataset, error, settings.context or "", settings.plan_row)
        raise


def _exit_code_of(
    settings: Settings, ids: IdList, child: supervisor.ChildExit, start: float, kills: MemoryKills
) -> int:
    """Return the exit code for a child that has ended, after recording that it was killed if it was."""
    if why := why_killed(child, kills):
        record_killed(settings, ids.datasets, start, child, why)
        return why.exit_code
    return child.exit_code if child.exit_code >= 0 else 128 - child.exit_code


def _report_bad(ids: IdList) -> int:
    """Print that ids were left out, and return the exit code for that."""
    try:
        require_all_good(ids, skip_bad=False)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
    return ExitCode.COMMAND_LINE


def _process(processor: Processor, dataset: Dataset, marker_copy: Path | None) -> int:
    """Process one dataset, print how it ended, and return its exit code."""
    try:
        result = processor.process(dataset)
    except (UserError, StoreError) as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return error.exit_code if isinstance(error, UserError) else ExitCode.UPLOAD
    except AttemptFailed as failure:
        print(f"{dataset} {failure.outcome}: {failure.reason}", flush=True)
        return failure.exit_code
    _print_result(result)
    if marker_copy and result.marker.succeeded:
        copy_marker(result.marker, marker_copy)
    return result.marker.exit_code


def _print_result(result: Result) -> None:
    marker = result.marker
    reason = f" ({marker.reason})" if marker.succeeded and marker.reason else ""
    if not result.is_new:
        again = "already" if marker.succeeded else "not tried again:"
        text = f"{again} {marker.outcome}{f': {marker.reason}' if not marker.succeeded else ''}"
    elif marker.outcome is Outcome.SUCCEEDED:
        text = (
            f"succeeded: {marker.n_products} files, {marker.bytes_out / 1e6:.1f} MB, {marker.wall_seconds:.1f} s, "
            f"peak {marker.peak_memory_mib} MiB{reason}"
        )
    else:
        text = f"{marker.outcome} (exit code {marker.exit_code}): {marker.reason}"
    print(f"{marker.ipppssoot} {text} -> {result.place}", flush=True)


def console() -> int:
    """Run as ``hstdp-process``, the command that plans name."""
    return command_line.run(main)


def onsite() -> int:
    """Run as ``hstdputils-onsite-process``."""
    return command_line.run(lambda arguments: main(arguments, ONSITE))


def remote() -> int:
    """Run as ``hstdputils-remote-process``."""
    return command_line.run(lambda arguments: main(arguments, REMOTE))
