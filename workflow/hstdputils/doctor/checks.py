"""Checks of a set-up, before anything runs: one module a subject, none of which changes anything."""

from hstdputils.doctor.findings import Check
from hstdputils.doctor.programs import check_programs
from hstdputils.doctor.references import check_references
from hstdputils.doctor.software import check_software
from hstdputils.doctor.sources import check_sources
from hstdputils.doctor.space import check_home, check_machine, check_work
from hstdputils.doctor.stores import check_credentials, check_store

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
