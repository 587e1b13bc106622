"""Checks of a set-up, before anything runs: one module a subject, none of which changes anything."""

from hstdputils.checks.finding import Check, Finding, Status, run_checks
from hstdputils.checks.programs import check_programs, ready_kinds
from hstdputils.checks.references import check_references
from hstdputils.checks.setup import ANY, Setup, kind_names, read_setup
from hstdputils.checks.software import check_software
from hstdputils.checks.sources import check_sources
from hstdputils.checks.space import check_home, check_machine, check_work
from hstdputils.checks.stores import check_credentials, check_store

__all__ = ["ANY", "CHECKS", "Finding", "Setup", "Status", "kind_names", "read_setup", "ready_kinds", "run_checks"]

CHECKS: tuple[Check, ...] = (
    check_software,
    check_programs,
    check_references,
    check_sources,
    check_store,
    check_credentials,
    check_work,
    check_home,
    check_machine,
)
"""All checks, in the order in which their findings are told."""
