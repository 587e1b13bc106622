"""Associations that are listed together with their members, which sources know by the association tables."""

import gzip
import threading
import time

import pytest

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.inputs import lists
from hstdputils.inputs.folder import FolderSource
from hstdputils.inputs.lists import read_list
from tests.madeup.associations import write_association

ASSOCIATION, MEMBERS, SINGLE, OTHER = "j99901010", ["j99901e1q", "j99901e2q"], "j99901e3q", "j99902010"


@pytest.fixture
def inputs(tmp_path):
    """Return a folder with an association table, laid out as the public bucket is."""
    write_association(tmp_path / "raws/j999" / ASSOCIATION, ASSOCIATION, MEMBERS, instrument="ACS", kind="DTH")
    return tmp_path / "raws"


def test_members_are_left_out_with_a_note(inputs):
    ids = read_list([MEMBERS[0], ASSOCIATION, SINGLE, MEMBERS[1], OTHER], [str(inputs)])
    assert ids.names == [ASSOCIATION, SINGLE, OTHER]
    assert [str(dataset) for dataset in ids.datasets] == ids.names
    assert ids.notes == [
        "2 exposures are members of associations in the list, and not run alone: "
        f"{MEMBERS[0]} of {ASSOCIATION}, {MEMBERS[1]} of {ASSOCIATION}"
    ]


def test_a_packed_table_will_do(inputs):
    table = inputs / "j999" / ASSOCIATION / f"{ASSOCIATION}_asn.fits"
    table.with_name(f"{table.name}.gz").write_bytes(gzip.compress(table.read_bytes()))
    table.unlink()
    assert read_list([ASSOCIATION, *MEMBERS], [str(inputs)]).names == [ASSOCIATION]


@pytest.mark.parametrize("names", [MEMBERS, [ASSOCIATION, OTHER], [*MEMBERS, OTHER]])
def test_nothing_is_read_where_no_visit_has_both(inputs, names, monkeypatch):
    monkeypatch.setattr(lists, "open_sources", pytest.fail)
    assert read_list(names, [str(inputs)]).names == names


def test_without_sources_all_stay(inputs):
    assert read_list([ASSOCIATION, *MEMBERS]).names == [ASSOCIATION, *MEMBERS]


def test_what_no_source_says_is_left_as_it_is(tmp_path):
    (tmp_path / "empty").mkdir()
    ids = read_list([ASSOCIATION, *MEMBERS], [str(tmp_path / "empty")])
    assert (ids.names, ids.notes) == ([ASSOCIATION, *MEMBERS], [])


def test_a_source_that_fails_is_a_note(inputs, monkeypatch):
    def fail(*arguments):
        raise AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.INPUTS, "cannot read it: check the disk")

    monkeypatch.setattr(FolderSource, "read_part", fail)
    ids = read_list([ASSOCIATION, *MEMBERS], [str(inputs)])
    assert ids.names == [ASSOCIATION, *MEMBERS]
    assert ids.notes == [
        "whether exposures in the list are members of its associations is not known (cannot read it: check the disk)"
    ]


def test_in_very_long_lists_members_are_not_looked_for(inputs, monkeypatch):
    monkeypatch.setattr(lists, "MOST_ASSOCIATIONS", 0)
    ids = read_list([ASSOCIATION, *MEMBERS], [str(inputs)])
    assert ids.names == [ASSOCIATION, *MEMBERS]
    assert ids.notes[0].endswith("is not looked for in so long a list")


def test_an_invalid_source_is_named(inputs):
    with pytest.raises(UserError, match="is not there: correct --inputs"):
        read_list([ASSOCIATION, *MEMBERS], [str(inputs / "none")])


def test_a_source_that_does_not_answer_is_a_note_within_seconds(inputs, monkeypatch):
    monkeypatch.setattr(lists, "FIRST_SECONDS", 0.2)
    monkeypatch.setattr(FolderSource, "read_part", lambda *arguments: threading.Event().wait(60))
    begun = time.monotonic()
    ids = read_list([ASSOCIATION, *MEMBERS], [str(inputs)])
    assert time.monotonic() - begun < 5
    assert ids.names == [ASSOCIATION, *MEMBERS]
    (note,) = ids.notes
    assert note.endswith(f"is not known ({inputs} did not say it in time)")


def test_folders_alone_are_looked_into_where_that_is_wanted(inputs):
    names = [ASSOCIATION, *MEMBERS]
    assert read_list(names, ["mast:", str(inputs)], folders_only=True).names == [ASSOCIATION]
    assert read_list(names, ["mast:"], folders_only=True).names == names
