"""``python -m hstdputils.doctor``: check a set-up before anything runs."""

import argparse
import json
from collections.abc import Sequence

from rich.text import Text

from hstdputils.core import command_line
from hstdputils.core.errors import ExitCode
from hstdputils.core.findings import Finding, Status
from hstdputils.core.instruments import INSTRUMENTS
from hstdputils.core.terminal import console as visible_console
from hstdputils.doctor.checked_setup import EXAMPLES, CheckedSetup, names_of_kinds, read_setup
from hstdputils.doctor.checks import Check, run_checks
from hstdputils.doctor.references import check_references
from hstdputils.doctor.software import check_programs, check_software, kinds_with_programs
from hstdputils.doctor.space import check_home, check_machine, check_work
from hstdputils.doctor.storage import check_credentials, check_engine, check_sources, check_store, engine_of

_DESCRIPTION = """\
Check whether a run would start: programs, CRDS, inputs, store, credentials, disk space and memory. Each line is ok,
warn (a run would start all the same) or FAIL (it would not), with the fix after a colon. Nothing is changed: what is
written to the store as a probe is removed again, and its result is recorded in batch.json if the batch exists. All
checks run in parallel, each with a time limit.

Profile and configuration are read as Snakemake reads them, in the current folder: give the same options as to it.
The exit status is 0 when a run would start, the code of what failed, or 1 where failures have different codes."""


_EXAMPLES = """\
  hstdputils doctor
  hstdputils doctor --profile laptop-remote
  hstdputils doctor @my.ids --profile onsite --config inputs=/my/raws store=s3://my-bucket
  hstdputils doctor --instrument cos stis"""


_STYLES = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "bold red"}


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    setup = read_setup(options.profile, options.configfile, options.config, options.instrument, options.ids)
    findings = run_checks(_checks(setup), setup)
    code = _exit_code(findings)
    ready = kinds_with_programs(findings)
    if options.json:
        print(json.dumps(_as_json(findings, ready, code), indent=2))
    else:
        _show(findings, _conclusion(setup, findings, ready))
    return code


def _checks(setup: CheckedSetup) -> list[Check]:
    """Return the checks for a set-up, in the order of their findings.

    Where jobs do not share the folders of this machine, neither its programs nor its CRDS cache count.
    """
    kind = engine_of(setup)
    here: list[Check] = [check_programs, check_references]
    machine: list[Check] = [check_work, check_home, check_machine]
    if kind and not kind.shares_folders:
        here, machine = [], []
    engine: list[Check] = [check_engine] if kind else []
    return [check_software, *here, check_sources, check_store, check_credentials, *engine, *machine]


def _exit_code(findings: Sequence[Finding]) -> ExitCode:
    """Return the exit code of the failures, or 1 where they have different ones."""
    codes = {finding.exit_code for finding in findings if finding.status is Status.FAIL}
    if not codes:
        return ExitCode.SUCCESS
    return codes.pop() if len(codes) == 1 else ExitCode.GENERAL


def _show(findings: Sequence[Finding], conclusion: str) -> None:
    console = visible_console()
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        line = Text().append(f"{finding.status:<4}", style=_STYLES[finding.status])
        console.print(line.append(f"  {finding.subject:<{width}}  {finding.text}"), soft_wrap=True)
    console.print(Text(f"\n{conclusion}"), soft_wrap=True)


def _conclusion(setup: CheckedSetup, findings: Sequence[Finding], ready: Sequence[str]) -> str:
    failed = list(dict.fromkeys(finding.subject for finding in findings if finding.status is Status.FAIL))
    if failed:
        return f"A run would not start: fix {names_of_kinds(failed)}, and check again."
    if setup.needed:
        return f"A run would start for {names_of_kinds(setup.needed)}."
    lacking = [kind for kind in EXAMPLES if kind not in ready]
    rest = f"; {names_of_kinds(lacking)} lack programs" if lacking else ""
    return f"A run would start for {names_of_kinds(ready)}{rest}."


def _as_json(findings: Sequence[Finding], ready: Sequence[str], code: ExitCode) -> dict[str, object]:
    return {
        "would_start": code is ExitCode.SUCCESS,
        "exit_code": int(code),
        "ready": {kind: kind in ready for kind in EXAMPLES},
        "findings": [
            {
                "status": finding.status,
                "subject": finding.subject,
                "text": finding.text,
                "exit_code": int(finding.exit_code),
            }
            for finding in findings
        ],
    }


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("doctor", _DESCRIPTION, _EXAMPLES)
    command_line.add_version(parser)
    parser.add_argument(
        "ids",
        nargs="*",
        metavar="ipppssoot",
        help=f"datasets whose programs are needed: {command_line.IDS_HELP} (default: the lists that --config, "
        "--configfile or the profile name)",
    )
    parser.add_argument("--profile", metavar="NAME", help="the profile that the run will have")
    parser.add_argument(
        "--config", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="keys as for snakemake --config"
    )
    parser.add_argument(
        "--configfile",
        "--configfiles",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="files as for snakemake --configfile, which take the place of the profile's",
    )
    parser.add_argument(
        "--instrument",
        nargs="+",
        action="extend",
        default=[],
        type=str.lower,
        choices=sorted(INSTRUMENTS),
        help="instruments whose programs are needed (default: any one's)",
    )
    parser.add_argument("--json", action="store_true", help="print all findings as one JSON object")
    return parser
