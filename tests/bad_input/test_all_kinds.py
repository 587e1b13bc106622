"""What holds for the table as a whole."""

from hstdputils.core.errors import ExitCode
from tests.bad_input import (
    test_archive,
    test_commands,
    test_lists,
    test_raw_files,
    test_references,
    test_stores,
    test_tarballs,
    test_workflow,
)

KINDS = [
    *test_lists.KINDS,
    *test_commands.KINDS,
    *test_raw_files.KINDS,
    *test_tarballs.KINDS,
    *test_references.KINDS,
    *test_stores.KINDS,
    *test_archive.KINDS,
    *test_workflow.KINDS,
]


def test_statuses_are_documented():
    assert {kind.status for kind in KINDS} <= set(ExitCode)


def test_names_are_different():
    assert len({kind.name for kind in KINDS}) == len(KINDS)
