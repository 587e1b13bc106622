import io

import pytest

from hstdputils.errors import UserError
from hstdputils.id_lists import read_ids, require_all_good


def names(ids):
    return [str(dataset) for dataset in ids.datasets]


def test_arguments_files_and_standard_input(tmp_path, monkeypatch):
    path = tmp_path / "my.ids"
    path.write_text("# mine\n\nLDFD01VLQ  # acquisition\n  o56502010, o56502020\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("jbz504010\r\n"))
    assert names(read_ids(["j8cb010b0", f"@{path}", "-"])) == [
        "j8cb010b0",
        "ldfd01vlq",
        "o56502010",
        "o56502020",
        "jbz504010",
    ]


def test_duplicates_are_dropped_with_a_note_of_both_places(tmp_path):
    path = tmp_path / "my.ids"
    path.write_text("ldfd01vlq\no56502010\nLDFD01VLQ\n")
    ids = read_ids([f"@{path}"])
    assert names(ids) == ["ldfd01vlq", "o56502010"]
    assert ids.duplicates == [f"{path}:3: 'LDFD01VLQ' dropped, it is already at {path}:1"]


def test_bad_names_are_told_with_their_line_and_lose_nothing_else(tmp_path):
    path = tmp_path / "my.ids"
    path.write_text("ldfd01vlq\nu2840201t\nnonsense\no56502010\n")
    ids = read_ids([f"@{path}"])
    assert names(ids) == ["ldfd01vlq", "o56502010"]
    assert [problem.split(": ")[0] for problem in ids.problems] == [f"{path}:2", f"{path}:3"]
    with pytest.raises(UserError, match="2 of the ids"):
        require_all_good(ids, skip_bad=False)
    require_all_good(ids, skip_bad=True)


def test_a_file_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "windows.ids"
    path.write_bytes("ldfd01vlq\r\n".encode("utf-8-sig"))
    assert names(read_ids([f"@{path}"])) == ["ldfd01vlq"]
